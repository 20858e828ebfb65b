/**
 * The settings of the page: what they are, how an address holds them, and the request to the engine that they mean.
 *
 * The address holds them after its `#`, so that they are not sent to a server.
 */

import { isFull } from "./catalogue.js";
import { NamegenError } from "./errors.js";
import { splitLetters } from "./graphemes.js";
import { packText, unpackText } from "./packing.js";

/** Names at a time. */
export const COUNT = 20;

/** How typical or wild the names are, as settings of the sampler. */
export const STYLES = [
  { id: "typical", label: "Very typical", sampling: { temperature: 0.6 } },
  { id: "usual", label: "Typical", sampling: { temperature: 0.8 } },
  { id: "balanced", label: "Balanced", sampling: {} },
  { id: "bold", label: "Adventurous", sampling: { temperature: 1.1, topP: 0.92, floor: 0.4 } },
  { id: "wild", label: "Wild", sampling: { temperature: 1.25, topP: 0.97, floor: 0.15 } },
];

const MAX_PREFIXES = 20;
const MAX_LENGTH = 40;
const MAX_WEIGHT = 10;
const MAX_PACKED = 16_000; // characters of an address

/**
 * @typedef {object} Settings
 * @property {"cultures" | "list"} source
 * @property {[string, number][]} cultures with weights; none for any culture
 * @property {string} kind see `catalogue.js`
 * @property {string} start beginnings, with commas between them
 * @property {string} end
 * @property {number | null} shortest
 * @property {number | null} longest
 * @property {boolean} novel
 * @property {string} style the id of one of {@link STYLES}
 * @property {{text: string, label: string}} list
 * @property {string} mix the culture that the list is mixed with, or an empty string
 * @property {string | null} model the name of an opened file
 * @property {number | null} seed
 */

/** @type {Settings} */
export const DEFAULTS = {
  source: "cultures",
  cultures: [["English", 1]],
  kind: "surname",
  start: "",
  end: "",
  shortest: null,
  longest: null,
  novel: false,
  style: "balanced",
  list: { text: "", label: "names" },
  mix: "",
  model: null,
  seed: null,
};

/** An error about one control, which is marked and gets the focus. */
export class SettingError extends NamegenError {
  constructor(control, message) {
    super(message);
    this.control = control;
  }
}

/**
 * Return the request that settings mean.
 *
 * @param {Settings} settings with a seed
 * @param {import("./catalogue.js").Catalogue} catalogue
 * @returns {{method: "names" | "people", request: object}}
 * @throws {NamegenError} a setting is wrong
 */
export function requestOf(settings, catalogue) {
  const { source, cultures, kind, list, mix, seed } = settings;
  if (source === "list") {
    if (!list.text.trim()) throw new SettingError("list", "Paste some names first, one per line.");
    return { method: "names", request: { model: "pretrained", category: mix || null, list, seed, ...conditionsOf(settings) } };
  }
  const { model, people, category, hasFloor } = catalogue.find(cultures, kind);
  if (!people) return { method: "names", request: { model, category, seed, ...conditionsOf(settings, hasFloor) } };
  const start = beginningsOf(settings);
  if (start.some((text) => splitLetters(text).length > 1)) {
    throw new SettingError("start", "Full names can only begin with single letters. Write them like this: A, B, C.");
  }
  const known = settings.novel ? "none" : "parts";
  return { method: "people", request: { model, ...people, count: COUNT, unique: true, known, start: start.join("") || null, seed } };
}

/** Return the conditions on single names. */
function conditionsOf(settings, hasFloor = true) {
  const { end, shortest, longest, novel, style } = settings;
  for (const [control, value] of Object.entries({ shortest, longest })) {
    if (value !== null && !(Number.isInteger(value) && value >= 1 && value <= MAX_LENGTH)) {
      throw new SettingError(control, `A length is a whole number from 1 to ${MAX_LENGTH}. Change it, or leave it empty.`);
    }
  }
  if (shortest !== null && longest !== null && shortest > longest) {
    throw new SettingError("longest", `No name has at least ${shortest} and at most ${longest} letters. Change one of them.`);
  }
  const start = beginningsOf(settings);
  const sampling = { ...STYLES.find(({ id }) => id === style).sampling };
  if (!hasFloor) delete sampling.floor;
  if (longest !== null) sampling.maxLength = longest;
  return {
    ...(start.length ? { prefixes: start } : {}),
    count: Math.round(COUNT / (start.length || 1)),
    unique: true,
    sampling,
    filters: { novel, minLength: shortest, ending: end.trim() },
  };
}

function beginningsOf({ start }) {
  const texts = start.split(",").map((text) => text.trim()).filter((text) => text);
  if (texts.length > MAX_PREFIXES) throw new SettingError("start", `Give at most ${MAX_PREFIXES} beginnings.`);
  return texts;
}

/**
 * Return the part of an address after `#` that holds settings.
 *
 * @param {Settings} settings
 * @returns {Promise<string>}
 * @throws {NamegenError} the list is too long for an address
 */
export async function writeAddress(settings) {
  const { source, cultures, kind, list, mix, model, seed } = settings;
  const parameters = new URLSearchParams();
  if (model !== null) parameters.set("model", model);
  if (source === "list") {
    const packed = await packText(list.text);
    if (packed.length > MAX_PACKED) throw new NamegenError("The list is too long for an address. Send its file instead.");
    parameters.set("list", packed);
    if (list.label !== DEFAULTS.list.label) parameters.set("label", list.label);
    if (mix) parameters.set("mix", mix);
  } else {
    parameters.set("cultures", cultures.map(([name, weight]) => (cultures.length > 1 ? `${name}:${weight}` : name)).join("+"));
    parameters.set("kind", kind);
  }
  const single = source === "list" || !isFull(kind);
  for (const name of single ? ["start", "end", "shortest", "longest"] : ["start"]) {
    if (![null, ""].includes(settings[name])) parameters.set(name, settings[name]);
  }
  if (settings.novel) parameters.set("novel", "yes");
  if (single && settings.style !== DEFAULTS.style) parameters.set("style", settings.style);
  parameters.set("seed", seed);
  return parameters.toString();
}

/**
 * Return the settings that an address holds, or `null` if it holds none.
 *
 * @param {string} hash the part of the address from its `#`
 * @returns {Promise<Settings | null>}
 * @throws {NamegenError} a part of it is wrong
 */
export async function readAddress(hash) {
  if (!hash.includes("=")) return null;
  const parameters = new URLSearchParams(hash.slice(1));
  const text = (name) => parameters.get(name) ?? DEFAULTS[name] ?? "";
  const number = (name) => (parameters.has(name) ? Number(parameters.get(name) || NaN) : null);
  const seed = number("seed");
  const isSeed = seed === null || (Number.isSafeInteger(seed) && seed >= 0);
  if (!isSeed || !STYLES.some(({ id }) => id === text("style"))) throw damaged();
  const list = parameters.get("list");
  return {
    ...DEFAULTS,
    source: list === null ? "cultures" : "list",
    cultures: parameters.has("cultures") ? readCultures(parameters.get("cultures")) : DEFAULTS.cultures,
    kind: text("kind"),
    start: text("start"),
    end: text("end"),
    shortest: number("shortest"),
    longest: number("longest"),
    novel: parameters.get("novel") === "yes",
    style: text("style"),
    list: list === null ? DEFAULTS.list : { text: await unpackText(list).catch(() => Promise.reject(damaged())), label: parameters.get("label") ?? DEFAULTS.list.label },
    mix: text("mix"),
    model: parameters.get("model"),
    seed,
  };
}

function readCultures(text) {
  const parts = text === "" ? [] : text.split("+");
  const cultures = parts.map((part) => {
    const colon = part.lastIndexOf(":");
    return parts.length > 1 && colon > 0 ? [part.slice(0, colon), Number(part.slice(colon + 1))] : [part, 1];
  });
  const isWeight = (weight) => Number.isInteger(weight) && weight >= 1 && weight <= MAX_WEIGHT;
  const isDifferent = new Set(cultures.map(([name]) => name)).size === cultures.length;
  if (!cultures.every(([, weight]) => isWeight(weight)) || !isDifferent) throw damaged();
  return cultures;
}

function damaged() {
  return new NamegenError("A part of this address is missing or wrong. Copy it again, or press “Generate names”.");
}
