/** Add letters to a model, for names that it could not write, as in `src/namegen/models/extension.py`. */

import { matchCase, otherCase } from "./graphemes.js";
import { takeColumns, takeRows } from "./letters.js";
import { unidecode } from "./transliteration.js";

/**
 * Return a model with more letters, which its categories do not use. A new letter starts as a copy of the closest letter
 * that the model has, or as the mean of all.
 *
 * @param {import("./model.js").Model} model
 * @param {import("./alphabet.js").Alphabet} alphabet the letters of the model, and then the new ones
 */
export function extendLetters(model, alphabet) {
  const old = model.alphabet.edge;
  if (alphabet.edge === old) return model;
  const C = model.categories.length;
  const taken = [...sourcesOf(model.alphabet, alphabet), old]; // old + 1 stands for the mean
  const weights = { ...model.weights };
  for (const name of ["letter_input.weight", "head.weight", "head.bias"]) {
    const width = weights[name].length / (old + 1);
    const mean = new Float32Array(width);
    for (let row = 0; row < old; row++) for (let at = 0; at < width; at++) mean[at] += weights[name][row * width + at];
    weights[name] = takeRows(Float32Array.of(...weights[name], ...mean.map((sum) => sum / old)), taken, width);
  }
  const outputs = weights["category_output.weight"];
  const wider = new Float32Array(C * (old + 2));
  for (let category = 0; category < C; category++) {
    const row = outputs.subarray(category * (old + 1), (category + 1) * (old + 1));
    wider.set(row, category * (old + 2));
    wider[category * (old + 2) + old + 1] = row.subarray(0, old).reduce((sum, value) => sum + value, 0) / old;
  }
  weights["category_output.weight"] = takeColumns(wider, taken, C);
  const mask = new Uint8Array(C * alphabet.edge);
  for (let category = 0; category < C; category++) {
    for (let letter = 0; letter < old; letter++) mask[category * alphabet.edge + letter] = model.mask?.[category * old + letter] ?? 1;
  }
  return { ...model, alphabet, weights, mask, added: model.added + alphabet.edge - old };
}

/**
 * Return the logarithm of each letter's share in the occurrences of all letters that started as the same letter, (O): 0
 * for letters that no new letter started as, and for the end.
 *
 * @param {import("./alphabet.js").Alphabet} base the letters before new ones were added
 * @param {import("./alphabet.js").Alphabet} alphabet
 * @param {number[][]} names their letters
 */
export function splitByFrequency(base, alphabet, names) {
  const sources = sourcesOf(base, alphabet).map((source, letter) => (source > base.edge ? letter : source));
  const counts = new Float64Array(alphabet.edge).fill(0.5);
  for (const letters of names) for (const letter of letters) counts[letter]++;
  const totals = new Float64Array(alphabet.edge);
  sources.forEach((source, letter) => (totals[source] += counts[letter]));
  const shares = new Float32Array(alphabet.edge + 1);
  sources.forEach((source, letter) => (shares[letter] = Math.log(counts[letter] / totals[source])));
  return shares;
}

/** Return what each letter starts as: itself, the closest one, or the mean (the edge of the base, plus 1). */
function sourcesOf(base, alphabet) {
  return alphabet.letters.map((letter, index) => {
    if (index < base.edge) return index;
    const closest = closestTo(letter).find((other) => base.has(other));
    return closest === undefined ? base.edge + 1 : base.indexOf(closest);
  });
}

/** Return letters close to a letter: without accents, transliterated, and each of these in the other case. */
function closestTo(letter) {
  const [plain] = letter.normalize("NFD");
  const [transliterated = ""] = matchCase(unidecode(letter), letter, "", "");
  const similar = [plain, transliterated];
  return [...similar, ...[letter, ...similar].map(otherCase).filter((other) => other)];
}
