/**
 * The page: it turns the settings into names.
 *
 * The address always holds the settings and the seed of the names that are shown, so opening it shows them again.
 */

import { Catalogue } from "./catalogue.js";
import { Client } from "./client.js";
import { namesCommand, peopleCommand } from "./command.js";
import { Controls } from "./controls.js";
import { describe } from "./description.js";
import { NamegenError } from "./errors.js";
import { loadText } from "./files.js";
import { Inside } from "./inside.js";
import { Kept } from "./kept.js";
import { Names } from "./names.js";
import { isModel, onFile, openList, openModel } from "./opening.js";
import { keepForOffline, workOffline } from "./offline.js";
import { Progress } from "./progress.js";
import { copy, csvOf, save, share } from "./sending.js";
import { DEFAULTS, readAddress, requestOf, writeAddress } from "./settings.js";

const TYPING = 500; // milliseconds without a key before a list is used
const PATIENCE = 400; // milliseconds before the page says that it is busy

const element = (id) => document.getElementById(id);
const client = new Client();
const progress = new Progress();
const kept = new Kept((message) => {
  names?.showKept();
  say(message);
});
const inside = new Inside(client);
const controls = new Controls(() => generate());

let included = null; // the catalogue of the included models
let catalogue = null;
let names = null; // those on the page
let shown = null; // their settings
let task = new AbortController();
let awaited = null; // settings of an address that needs a model file
let typing = 0;

async function start() {
  say("Loading …");
  try {
    const categories = JSON.parse(await loadText("catalogue.json"));
    included = catalogue = new Catalogue([
      { model: "pretrained", categories: categories.pretrained, plain: "surname" },
      { model: "people", categories: categories.people, plain: "surname" },
    ]);
    controls.offer(catalogue);
    controls.enable();
  } catch (error) {
    fail(error);
    return;
  }
  await openAddress();
  workOffline();
}

/** Show the settings of the address, and their names. */
async function openAddress() {
  let settings = null;
  try {
    settings = await readAddress(location.hash);
  } catch (error) {
    controls.show(DEFAULTS);
    fail(error);
    return;
  }
  if (settings?.model) {
    awaited = settings;
    controls.show(DEFAULTS);
    fail(new NamegenError(`This address needs the model ${settings.model.slice(0, 80)}. Open it under “More settings”, “Your own model”.`));
    return;
  }
  if (catalogue !== included) useCatalogue(included);
  controls.show(settings ?? DEFAULTS);
  const problem = settings && unavailable(settings);
  if (problem) {
    fail(problem);
    return;
  }
  await generate(settings?.seed ?? undefined);
}

/** Return what the page does not have of the settings of an address, as an error. */
function unavailable({ source, cultures, kind, mix }) {
  try {
    if (source === "cultures") catalogue.find(cultures, kind);
    else if (mix && !catalogue.mixable().includes(mix)) catalogue.find([[mix, 1]], "surname");
    return null;
  } catch (error) {
    return error;
  }
}

/** Invent names with the settings of the controls. */
async function generate(seed = crypto.getRandomValues(new Uint32Array(1))[0]) {
  clearTimeout(typing);
  complain(null);
  const settings = { ...controls.read(), seed };
  let wanted;
  try {
    wanted = requestOf(settings, catalogue);
  } catch (error) {
    complain(error);
    return;
  }
  task.abort();
  task = new AbortController();
  const { signal } = task;
  const { method, request } = wanted;
  const { origin } = describe(settings);
  const arrived = new Names(kept, { areFull: method === "people", hasOrigin: origin === null });
  const notes = [];
  const onItems = (items) => {
    for (const item of items) {
      if (item.note) notes.push(item.note);
      else arrived.add(itemOf(item, settings, origin));
    }
  };
  progress.begin();
  element("names").setAttribute("aria-busy", "true");
  const busy = setTimeout(() => say("Inventing names …"), PATIENCE);
  let problem = null;
  try {
    await client[method](request, { signal, onItems, onProgress: (each) => progress.show(each) });
  } catch (error) {
    problem = error;
  }
  clearTimeout(busy);
  if (signal.aborted) return;
  progress.hide();
  if (arrived.items.length) {
    [names, shown] = [arrived, settings];
    names.end();
    announce(describe(settings, names.items.length).title, names.items);
    showNotes(notes);
    offerInside(method, request, names.items);
    showCommand(method, request, settings);
    for (const id of ["copy", "download", "share"]) element(id).disabled = false;
    if (request.model === "people") keepForOffline("people.safetensors.gz");
    await showAddress(settings);
  } else {
    names?.render(); // an earlier task may have replaced a part of them
    say("");
  }
  if (problem) complain(problem);
  element("names").removeAttribute("aria-busy");
}

/** Return an item for the page and for the kept names. */
function itemOf({ name, culture, category, gender, given, surname }, { source, kind }, origin) {
  if (culture) return { name, from: culture, kind: `full name, ${gender}`, parts: [[given, culture, gender], [surname, culture, `surname-${gender}`]] };
  return { name: name || "(empty name)", from: origin ?? category, kind: source === "list" ? "" : kind, category };
}

function offerInside(method, request, items) {
  const { model, sampling, list, category } = request;
  if (method === "names") {
    const ofList = list && { list };
    inside.offer(items.map((item) => ({ name: item.name, request: { model, sampling, ...ofList, category: list ? category : (category ?? item.category) } })));
    return;
  }
  // Full names are composed of several names.
  const parts = items.flatMap((item) => item.parts).filter(([name]) => !name.includes(" "));
  inside.offer(parts.map(([name, culture, kind]) => ({ name, request: { model, category: catalogue.categoryOf(model, culture, kind) } })));
}

function showCommand(method, request, { list }) {
  element("command").textContent = method === "people" ? peopleCommand(request) : namesCommand(request);
  element("command-hint").textContent = request.list ? `Save your list as ${list.label}.txt first.` : "";
}

function showNotes(notes) {
  element("notes").replaceChildren(
    ...notes.map((note) => Object.assign(document.createElement("li"), { textContent: note })),
  );
}

async function showAddress(settings) {
  try {
    history.replaceState(null, "", `#${await writeAddress(settings)}`);
  } catch (error) {
    if (!(error instanceof NamegenError)) throw error;
    history.replaceState(null, "", location.pathname + location.search); // the list is too long: “Share” says so
  }
}

/** Say what names there are; screen readers also read the names. */
function announce(title, items) {
  const read = document.createElement("span");
  read.className = "unseen";
  read.textContent = `: ${items.map(({ name }) => name).join(", ")}`;
  element("state").replaceChildren(title, read);
}

function say(text) {
  element("state").textContent = text;
}

/** Show why no names came. */
function fail(error) {
  say("");
  complain(error);
  element("names").removeAttribute("aria-busy");
}

/** Show an error, or clear the last one. */
function complain(error) {
  controls.mark(error?.control ?? null);
  const isBug = error && !(error instanceof NamegenError);
  element("problem").textContent = !error ? "" : isBug ? `${error.message} Reload the page, and report the error if it happens again.` : error.message;
  if (isBug) console.error(error);
}

/** Do something with the names, and say what was done. */
async function act(action) {
  try {
    complain(null);
    const message = await action();
    if (message) say(message);
  } catch (error) {
    complain(error);
  }
}

function useCatalogue(next, model = null) {
  catalogue = next;
  controls.offer(next, model);
  const { cultures } = next;
  const first = model === null ? DEFAULTS.cultures : cultures.length > 1 ? [] : [[cultures[0], 1]];
  controls.show({ ...controls.read(), cultures: first, model, source: "cultures" });
}

async function receive(file, isChosenAsModel) {
  if (!isModel(file, isChosenAsModel)) {
    const { text, label } = await openList(file);
    controls.showList(text, label);
    controls.useSource("list");
    await generate();
    return;
  }
  const { categories, hasFloor } = await client.open({ name: file.name, buffer: await openModel(file) });
  useCatalogue(new Catalogue([{ model: file.name, categories, plain: "name", hasFloor }]), file.name);
  const settings = awaited?.model === file.name ? awaited : null;
  awaited = null;
  if (settings) controls.show(settings);
  await generate(settings?.seed ?? undefined);
}

const namesOf = (items) => items.map(({ name }) => name).join("\n");
const count = (items) => `${items.length} ${items.length === 1 ? "name" : "names"}`;

element("wanted").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
element("list").addEventListener("input", () => {
  clearTimeout(typing);
  controls.showList(element("list").value, DEFAULTS.list.label);
  if (element("list").value.trim()) typing = setTimeout(() => generate(), TYPING);
});
element("included").addEventListener("click", () => {
  useCatalogue(included);
  element("culture").focus();
  generate();
});
element("copy").addEventListener("click", () => act(async () => {
  await copy(namesOf(names.items));
  return `Copied ${count(names.items)}.`;
}));
element("copy-kept").addEventListener("click", () => act(async () => {
  await copy(namesOf(kept.items));
  return `Copied ${count(kept.items)}.`;
}));
element("download").addEventListener("click", () => act(() => save(csvOf(names.items), "names.csv")));
element("download-kept").addEventListener("click", () => act(() => save(csvOf(kept.items), "kept-names.csv")));
element("share").addEventListener("click", () => act(async () => {
  const address = new URL(location.href);
  address.hash = await writeAddress(shown);
  const message = await share(address.href);
  return shown.model ? `${message} To open it, people need the file ${shown.model}, too.` : message;
}));
addEventListener("hashchange", openAddress);
onFile((file, isChosenAsModel) => act(() => receive(file, isChosenAsModel)));
await start();
