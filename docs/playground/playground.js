/**
 * The page: read the controls, sample names, and show the names or a one-line error.
 *
 * The address can set the controls: `?category=German&letters=ABC&temperature=0.5&count=3&seed=7`. With a seed, names
 * are shown at once.
 */

import { commandFor, trainingCommand } from "./command.js";
import { NamegenError } from "./errors.js";
import { loadFile, loadText } from "./files.js";
import { readModel } from "./model.js";
import { offensiveFilter } from "./offensive.js";
import { atTemperature, sampleNames, isCertain } from "./sampling.js";
import { useSpellings } from "./transliteration.js";

const PRETRAINED = "pretrained";
const OFFENSIVE = "offensive.txt";
const SPELLINGS = "spellings.txt.gz";
const MAX_FILE_SIZE = 2 ** 30; // bytes
const LIST_OF_NAMES = /\.(txt|csv|tsv|zip)$/i;
const MAX_BUSY = 30; // milliseconds of sampling before the browser may update the page

const form = document.getElementById("wanted");
const { category, letters, whole, count, temperature, seed } = form.elements;
const button = document.getElementById("invent");
const fileInput = document.getElementById("file");
const results = document.getElementById("results");

/** The model, its name on the command line, and its own temperature as the slider shows it. */
let loaded = null;

/** A promise of the list of offensive words and of spellings, which load along with the first model. */
let offensive = null;

let loads = 0; // models requested so far: a load that is not the latest is dropped
let requests = 0; // requests for names so far: a request that is not the latest stops

async function loadPretrained() {
  say("Loading the model …");
  try {
    await load(PRETRAINED, loadFile(`${PRETRAINED}.safetensors.gz`));
    presetByAddress();
    if (seed.value !== "") form.requestSubmit();
  } catch (error) {
    complain(error);
  }
}

/** Use a model from now on. If it cannot be read, the previous model stays. */
async function load(name, content) {
  const mine = ++loads;
  offensive ??= Promise.all([OFFENSIVE, SPELLINGS].map((name) => loadText(name)));
  const [bytes, [list, spellings]] = await Promise.all([content, offensive]);
  useSpellings(spellings);
  const model = readModel(bytes);
  if (mine !== loads) return; // another model was opened meanwhile
  requests++;
  loaded = { name, model, temperature: showSampling(model.sampling), isOffensive: offensiveFilter(list) };
  const any = model.categories.length > 1 ? [new Option("any", "")] : [];
  category.replaceChildren(...any, ...model.categories.map((each, index) => new Option(each, index)));
  category.disabled = button.disabled = false;
  results.removeAttribute("aria-busy");
  results.replaceChildren(paragraph("Press “Invent names” to start."));
  const what = model.categories.length > 1 ? `${model.categories.length} categories` : model.categories[0];
  say(`Model loaded: ${name} (${what}).`);
  complain(null);
}

/** Set the slider to a model's own temperature. Returns the value it shows, which may be rounded. */
function showSampling(sampling) {
  temperature.max = Math.max(2, Math.ceil(sampling.temperature));
  temperature.value = sampling.temperature;
  showTemperature();
  return temperature.value;
}

function showTemperature() {
  const isGreedy = Number(temperature.value) === 0;
  document.getElementById("temperature-shown").value = Number(temperature.value).toFixed(2);
  temperature.setAttribute("aria-valuetext", isGreedy ? "0, always the most likely letter" : temperature.value);
}

/** Set the controls from the address. */
function presetByAddress() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const control = form.elements[name];
    if (control === category) category.value = [...category.options].find(({ text }) => text === value)?.value ?? "";
    else if (control === whole) whole.checked = true;
    else if ([letters, count, temperature, seed].includes(control)) control.value = value;
  }
  showTemperature();
}

/** Return the request that the controls describe. */
function readRequest({ model, temperature: own, isOffensive }) {
  const sampling =
    temperature.value === own ? model.sampling : atTemperature(model.sampling, Number(temperature.value));
  const which = category.value === "" ? null : Number(category.value);
  const prefixes = readPrefixes(model);
  const oneOnly = which !== null && prefixes.every((prefix) => isCertain(model, sampling, prefix));
  return {
    category: which,
    prefixes,
    count: oneOnly ? 1 : Number(count.value),
    sampling,
    seed: seed.value === "" ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(seed.value),
    isOffensive,
  };
}

/** Return the prefixes: each start letter, or all of them together. */
function readPrefixes({ alphabet, casing }) {
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
  const mine = ++requests;
  complain(null);
  results.setAttribute("aria-busy", "true");
  try {
    const from = loaded;
    const request = readRequest(from);
    const names = await sampleInPieces(from.model, request, () => requests === mine);
    if (names) show(from, request, names);
  } catch (error) {
    complain(error);
  }
  if (requests === mine) results.removeAttribute("aria-busy");
}

/** Sample names without blocking the browser. Returns `null` if they are no longer wanted. */
async function sampleInPieces(model, request, isWanted) {
  const names = [];
  let pause = performance.now() + MAX_BUSY;
  for (const each of sampleNames(model, request)) {
    names.push(each);
    if (performance.now() < pause) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (!isWanted()) return null;
    pause = performance.now() + MAX_BUSY;
  }
  return names;
}

/** Show all names at once, so that a screen reader reads them in one go. */
function show({ name, model: { categories, sampling } }, request, names) {
  const list = document.createElement("ul");
  for (const { category, name } of names) {
    const item = document.createElement("li");
    item.append(name === "" ? "(empty name)" : name);
    if (request.category === null && categories.length > 1) item.append(small(categories[category]));
    list.append(item);
  }
  const command = document.createElement("code");
  command.textContent = commandFor({ model: name, categories, own: sampling.temperature }, request);
  const same = paragraph("Same names on the command line: ");
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

/** Show an error, or clear the last one. */
function complain(error) {
  document.getElementById("problem").textContent =
    error === null ? "" : error instanceof NamegenError ? error.message : `Unexpected error: ${error}. Reload the page, and report the error if it happens again.`;
  if (error && !(error instanceof NamegenError)) console.error(error);
  if (error && !loaded) say("");
}

async function openFile() {
  const [file] = fileInput.files;
  if (!file) return;
  try {
    if (LIST_OF_NAMES.test(file.name)) {
      throw new NamegenError(
        `${file.name} is a list of names, not a model. Train a model on it: ${trainingCommand(file.name)}`,
      );
    }
    if (file.size > MAX_FILE_SIZE) {
      throw new NamegenError(`${file.name} is too large for a browser. Open a model of at most 1 GiB.`);
    }
    await load(file.name, file.arrayBuffer());
  } catch (error) {
    complain(error);
  }
  fileInput.value = ""; // so that the same file can be opened again
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  invent();
});
// Show the seed if it keeps the form from being submitted.
seed.addEventListener("invalid", () => (seed.closest("details").open = true));
temperature.addEventListener("input", showTemperature);
fileInput.addEventListener("change", openFile);
await loadPretrained();
