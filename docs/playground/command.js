/** Shell commands that the page shows. */

import { patternOf } from "./filters.js";
import { splitLetters } from "./graphemes.js";

const SETTINGS = {
  temperature: "--temperature", topK: "--top-k", topP: "--top-p", guidance: "--guidance", floor: "--floor", maxLength: "--max-length",
};

/**
 * Return the command that gives the same names.
 *
 * @param {object} from
 * @param {string} from.model the name of the model, or its file
 * @param {string[]} from.categories
 * @param {number} from.own the model's own temperature
 * @param {Parameters<typeof import("./sampling.js").sampleNames>[1]} request
 * @returns {string}
 */
export function commandFor({ model, categories, own }, { category, prefixes, count, sampling, seed }) {
  // Start letters follow a category. A lone minus would mean standard input.
  const asLetters = category !== null && prefixes.every((prefix) => [...prefix].length === 1 && prefix !== "-");
  const given = category === null ? [] : [categories[category]];
  const options = [];
  if (asLetters) given.push(prefixes.join(""));
  else if (prefixes.join("") !== "") options.push(...prefixes.map((prefix) => `--prefix=${prefix}`));
  if (count > 1) options.push("-n", String(count));
  if (sampling.temperature !== own) options.push("--temperature", String(sampling.temperature));
  options.push("--model", model, "--seed", String(seed));
  return withArguments("sample", given, options);
}

/**
 * Return the command that gives the same names as a request to the engine. A list is read from the file `LABEL.txt`.
 *
 * @param {import("./engine.js").NamesRequest} request
 * @returns {string}
 */
export function namesCommand({ model = "pretrained", category, letters = "", prefixes = [], count = 1, seed, sampling = {}, filters = {}, list }) {
  const options = prefixes.map((prefix) => `--prefix=${prefix}`);
  // Start letters follow a category. A lone minus would mean standard input.
  const asLetters = category && letters && letters !== "-";
  if (letters && !asLetters) options.push(...splitLetters(letters).map((letter) => `--prefix=${letter}`));
  if (list) options.push(`--like=${list.label}.txt`);
  if (count > 1) options.push("-n", String(count));
  for (const [setting, option] of Object.entries(SETTINGS)) {
    if ((sampling[setting] ?? null) !== null) options.push(option, String(sampling[setting]));
  }
  if (filters.novel) options.push("--novel");
  if (filters.minLength) options.push("--min-length", String(filters.minLength));
  if (filters.ending) options.push(`--match=${patternOf(filters.ending)}`);
  options.push("--model", model, "--seed", String(seed));
  return withArguments("sample", [...(category ? [category] : []), ...(asLetters ? [letters] : [])], options);
}

/**
 * Return the command that gives the same people as a request to the engine.
 *
 * @param {Parameters<import("./engine.js").Engine["people"]>[0]} request
 * @returns {string}
 */
export function peopleCommand({ cultures, count, gender = "any", given, surname, start, known = "parts", unique, seed, model }) {
  const options = [];
  if (count > 1) options.push("-n", String(count));
  if (gender !== "any") options.push("--gender", gender);
  if (known !== "parts") options.push("--known", known);
  for (const [option, value] of Object.entries({ given, surname, start })) if (value) options.push(`--${option}=${value}`);
  if (unique) options.push("--unique");
  if (model) options.push("--model", model);
  return withArguments("people", cultures ?? [], [...options, "--seed", String(seed)]);
}

/** Return the command that trains a model on a file of names. */
export function trainingCommand(list) {
  return command("train", `--data=${list}`, "-o", "mine.safetensors");
}

function withArguments(name, given, options) {
  return command(name, ...(given.some((word) => word.startsWith("-")) ? [...options, "--", ...given] : [...given, ...options]));
}

function command(...words) {
  return ["namegen", ...words].map(quoted).join(" ");
}

function quoted(word) {
  return /^[\w.,:+@%/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
