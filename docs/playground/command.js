/** Shell commands that the page shows. */

import { patternOf } from "./filters.js";
import { splitLetters } from "./graphemes.js";

const SETTINGS = {
  temperature: "--temperature", topK: "--top-k", topP: "--top-p", guidance: "--guidance", floor: "--floor", maxLength: "--max-length",
};

/**
 * Return the command that gives the same names as a request to the engine. A list is read from the file `LABEL.txt`.
 *
 * @param {import("./engine.js").NamesRequest} request
 * @returns {string}
 */
export function namesCommand({ model = "pretrained", category, letters = "", prefixes = [], count = 1, unique, seed, sampling = {}, filters = {}, list }) {
  const options = prefixes.map((prefix) => `--prefix=${prefix}`);
  // Start letters follow a category. A lone minus would mean standard input.
  const asLetters = category && letters && letters !== "-";
  if (letters && !asLetters) options.push(...splitLetters(letters).map((letter) => `--prefix=${letter}`));
  if (list) options.push(`--like=${list.label}.txt`);
  if (count > 1) options.push("-n", String(count));
  for (const [setting, option] of Object.entries(SETTINGS)) {
    if ((sampling[setting] ?? null) !== null) options.push(option, String(sampling[setting]));
  }
  if (unique) options.push("--unique");
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

function withArguments(name, given, options) {
  return command(name, ...(given.some((word) => word.startsWith("-")) ? [...options, "--", ...given] : [...given, ...options]));
}

function command(...words) {
  return ["namegen", ...words].map(quoted).join(" ");
}

function quoted(word) {
  return /^[\w.,:+@%/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
