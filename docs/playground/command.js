/** Shell commands that the page shows. */

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
  const words = given.some((word) => word.startsWith("-")) ? [...options, "--", ...given] : [...given, ...options];
  return command("sample", ...words);
}

/** Return the command that trains a model on a file of names. */
export function trainingCommand(list) {
  return command("train", `--data=${list}`, "-o", "mine.safetensors");
}

function command(...words) {
  return ["namegen", ...words].map(quoted).join(" ");
}

function quoted(word) {
  return /^[\w.,:+@%/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
