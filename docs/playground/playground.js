/**
 * The page: what the controls say, names drawn accordingly, and what went wrong in a line.
 *
 * The controls can be set by the address too: `?category=German&letters=ABC&temperature=0.5&count=3&seed=7`. With a seed
 * it stands for certain names, which are shown at once.
 */

import { commandFor, trainingCommand } from "./command.js";
import { NamegenError } from "./errors.js";
import { readModel } from "./model.js";
import { atTemperature, drawNames, isCertain } from "./sampling.js";

const PRETRAINED = "pretrained";
const LARGEST_FILE = 2 ** 30; // bytes; browsers have no room for more
const LIST_OF_NAMES = /\.(txt|csv|tsv|zip)$/i;
const AT_A_TIME = 30; // milliseconds of drawing, after which the browser may show what else there is to show

const form = document.getElementById("wanted");
const { category, letters, whole, count, temperature, seed } = form.elements;
const button = document.getElementById("invent");
const fileInput = document.getElementById("file");
const results = document.getElementById("results");

/** The model, what to call it on the command line, and the temperature that the slider shows for its own. */
let loaded = null;

/** How often names were asked for: who is drawing sees by it that somebody has asked again. */
let loading = 0; // how many models were to be opened so far
let asked = 0;

async function loadPretrained() {
  say("Loading the model …");
  try {
    await load(PRETRAINED, fetched(`${PRETRAINED}.safetensors`));
    presetByAddress();
    if (seed.value !== "") form.requestSubmit();
  } catch (error) {
    complain(error);
  }
}

/** Fetch a file that lies beside the page. */
async function fetched(name) {
  const response = await fetch(name).catch(() => null);
  if (!response?.ok) {
    const why = response ? `the server answers ${response.status}` : "the server does not answer";
    throw new NamegenError(
      `${name} is not beside this page: ${why}. Put it there, or open a model of your own under “More”.`,
    );
  }
  return response.arrayBuffer();
}

/** Use a model from now on; if it is none, the one before stays. */
async function load(name, content) {
  const mine = ++loading;
  const model = readModel(await content);
  if (mine !== loading) return; // another was opened meanwhile
  asked++;
  loaded = { name, model, temperature: showSampling(model.sampling) };
  const any = model.categories.length > 1 ? [new Option("any", "")] : [];
  category.replaceChildren(...any, ...model.categories.map((each, index) => new Option(each, index)));
  category.disabled = button.disabled = false;
  results.removeAttribute("aria-busy");
  results.replaceChildren(paragraph("None yet: press the button."));
  const what = model.categories.length > 1 ? `${model.categories.length} categories` : model.categories[0];
  say(`The model ${name}: ${what}.`);
  complain(null);
}

/** Let the slider show a model's own temperature. Returns what it shows, which may be rounded. */
function showSampling(sampling) {
  temperature.max = Math.max(2, Math.ceil(sampling.temperature));
  temperature.value = sampling.temperature;
  showTemperature();
  return temperature.value;
}

function showTemperature() {
  const isGreedy = Number(temperature.value) === 0;
  document.getElementById("temperature-shown").value = Number(temperature.value).toFixed(2);
  temperature.setAttribute("aria-valuetext", isGreedy ? "0, always the most probable letter" : temperature.value);
}

/** Set the controls as the address says. */
function presetByAddress() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const control = form.elements[name];
    if (control === category) category.value = [...category.options].find(({ text }) => text === value)?.value ?? "";
    else if (control === whole) whole.checked = true;
    else if ([letters, count, temperature, seed].includes(control)) control.value = value;
  }
  showTemperature();
}

/** What the controls ask for. */
function wanted({ model, temperature: own }) {
  const sampling =
    temperature.value === own ? model.sampling : atTemperature(model.sampling, Number(temperature.value));
  const which = category.value === "" ? null : Number(category.value);
  const prefixes = beginnings(model);
  const oneOnly = which !== null && prefixes.every((prefix) => isCertain(model, sampling, prefix));
  return {
    category: which,
    prefixes,
    count: oneOnly ? 1 : Number(count.value),
    sampling,
    seed: seed.value === "" ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(seed.value),
  };
}

/** What names are to begin with: each start letter, or all of them together. */
function beginnings({ alphabet, casing }) {
  const typed = whole.checked || letters.value === "" ? [letters.value] : alphabet.split(letters.value);
  try {
    letters.removeAttribute("aria-invalid");
    return typed.map((prefix) => alphabet.fit(prefix, casing));
  } catch (error) {
    letters.setAttribute("aria-invalid", "true");
    letters.focus();
    throw error;
  }
}

async function invent() {
  const mine = ++asked;
  complain(null);
  results.setAttribute("aria-busy", "true");
  try {
    const from = loaded;
    const request = wanted(from);
    const names = await drawn(from.model, request, () => asked === mine);
    if (names) show(from, request, names);
  } catch (error) {
    complain(error);
  }
  if (asked === mine) results.removeAttribute("aria-busy");
}

/** Draw names without holding the browser up. Returns nothing if they are not wanted any more. */
async function drawn(model, request, isWanted) {
  const names = [];
  let pause = performance.now() + AT_A_TIME;
  for (const each of drawNames(model, request)) {
    names.push(each);
    if (performance.now() < pause) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (!isWanted()) return null;
    pause = performance.now() + AT_A_TIME;
  }
  return names;
}

/** Show names, all at once: so a screen reader reads them in one go. */
function show({ name, model: { categories, sampling } }, request, names) {
  const list = document.createElement("ul");
  for (const { category, name } of names) {
    const item = document.createElement("li");
    item.append(name === "" ? "(no letters)" : name);
    if (request.category === null && categories.length > 1) item.append(small(categories[category]));
    list.append(item);
  }
  const command = document.createElement("code");
  command.textContent = commandFor({ model: name, categories, own: sampling.temperature }, request);
  const same = paragraph("The same on the command line: ");
  same.append(command);
  results.replaceChildren(list, same);
  if (results.getBoundingClientRect().bottom > innerHeight) button.scrollIntoView();
}

function paragraph(text) {
  const made = document.createElement("p");
  made.className = "hint";
  made.textContent = text;
  return made;
}

function small(text) {
  const made = document.createElement("small");
  made.textContent = text;
  return made;
}

function say(text) {
  document.getElementById("state").textContent = text;
}

/** Say what is wrong, or that nothing is any more. */
function complain(error) {
  document.getElementById("problem").textContent =
    error === null ? "" : error instanceof NamegenError ? error.message : `Something went wrong here: ${error}.`;
  if (error && !(error instanceof NamegenError)) console.error(error);
  if (error && !loaded) say("");
}

async function openFile() {
  const [file] = fileInput.files;
  if (!file) return;
  try {
    if (LIST_OF_NAMES.test(file.name)) {
      throw new NamegenError(
        `${file.name} is a list of names, not a model. Train one on it: ${trainingCommand(file.name)}`,
      );
    }
    if (file.size > LARGEST_FILE) throw new NamegenError(`${file.name} is too large for a browser.`);
    await load(file.name, file.arrayBuffer());
  } catch (error) {
    complain(error);
  }
  fileInput.value = ""; // so that the same file can be opened again once it is mended
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  invent();
});
// What keeps the form from being submitted must be seen.
seed.addEventListener("invalid", () => (seed.closest("details").open = true));
temperature.addEventListener("input", showTemperature);
fileInput.addEventListener("change", openFile);
await loadPretrained();
