/**
 * Read the sections of a model file: n-grams, limits of plausibility, masks of letters, and closed categories.
 */

import { number, settings, texts, whole } from "./checks.js";
import { NamegenError } from "./errors.js";
import { NGram } from "./ngram.js";
import { broken, isObject } from "./safetensors.js";

const SECTIONS = ["ngram", "plausibility", "letters", "closed"];
const MAX_NAMES = 1e12; // of a category
const MAX_ORDER = 16; // of an n-gram
const MAX_NGRAM_LETTERS = 2 ** 24; // of all n-grams
const MAX_FLOORS = 1_001;
const MAX_CLOSED = 1_000; // categories
const MAX_CATEGORY_LENGTH = 1_000; // characters

/** Return the sections that this page knows. */
export function readSections(sections) {
  if (!isObject(sections) || !Object.values(sections).every(isObject)) throw broken("its sections are malformed");
  const isUnknown = ([name, section]) => !SECTIONS.includes(name) && section.required !== false;
  const unknown = Object.entries(sections).find(isUnknown);
  if (unknown) {
    const name = unknown[0].slice(0, 40);
    throw new NamegenError(`The model has a section “${name}” that this page does not know. Use a newer version of this page.`);
  }
  return sections;
}

export function readMixture({ weights, own }, tensors, C, O) {
  const [rows = 0, order = 0] = tensors.shape("ngram.letters") ?? [];
  if (!(1 <= order && order <= MAX_ORDER && rows * order <= MAX_NGRAM_LETTERS)) {
    throw broken(`its n-gram has order ${order} and ${rows} rows`);
  }
  const letters = tensors.integers("ngram.letters", [rows, order], ["U8", "U16", "U32"]);
  const counts = tensors.integers("ngram.counts", [rows], ["U8", "U16", "U32", "U64"]);
  const first = tensors.integers("ngram.first", [C + 1]);
  const discounts = tensors.shape("ngram.discounts") ? tensors.doubles("ngram.discounts", [order, 3]) : null;
  if (!areNGrams(letters, order, O) || !counts.every((count) => 1 <= count && count <= MAX_NAMES)) {
    throw broken("its n-gram has letters or counts that are out of range");
  }
  if (first[0] !== 0 || first[C] !== rows || !first.every((row, category) => category === 0 || row > first[category - 1])) {
    throw broken("the categories of its n-gram are inconsistent");
  }
  if (discounts && !discounts.every((discount, at) => 0.01 <= discount && discount <= (at % 3) + 1 - 0.01)) {
    throw broken("the discounts of its n-gram are out of range");
  }
  return {
    ngram: new NGram({ outputs: O, order, letters, counts, first, discounts }),
    weights: readWeights(settings("n-gram", weights)),
    own: new Map(
      Object.entries(settings("categories' n-gram", own)).map(([category, weights]) => [
        whole("category", Number(category), 0, C - 1),
        readWeights(settings("n-gram", weights)),
      ]),
    ),
  };
}

/** Whether no letter is out of range; the first one of each n-gram is predicted. */
function areNGrams(letters, order, O) {
  for (let at = 0; at < letters.length; at++) if (letters[at] > O) return false;
  for (let at = 0; at < letters.length; at += order) if (letters[at] === O) return false;
  return true;
}

function readWeights({ share, min_context: minContext, pooled = 0, sampled = 0 }) {
  return {
    share: number("share of its n-gram", share, 0, 1),
    minContext: whole("min_context", minContext, 0, MAX_ORDER - 1),
    pooled: number("pooled share", pooled, 0, 1),
    sampled: number("sampled share", sampled, 0, 1),
  };
}

export function readLimits(tensors, C) {
  const floors = tensors.shape("plausibility.limits")?.[1] ?? 0;
  if (!(2 <= floors && floors <= MAX_FLOORS)) throw broken("its plausibility limits are out of range");
  return { values: tensors.floats("plausibility.limits", [C, floors, 3]), floors };
}

/**
 * Read the letters of each category.
 *
 * @returns {{mask: Uint8Array, added: number}} (C, L), 1 for a letter of a category; and how many letters, the last ones,
 *   were added to a trained model
 */
export function readLetters({ added = 0 }, tensors, C, L) {
  const bytes = Math.ceil(L / 8);
  const packed = tensors.integers("letters.mask", [C, bytes], ["U8"]);
  const mask = new Uint8Array(C * L);
  for (let category = 0; category < C; category++) {
    for (let letter = 0; letter < L; letter++) {
      mask[category * L + letter] = (packed[category * bytes + (letter >> 3)] >> (7 - (letter & 7))) & 1;
    }
    if (!mask.subarray(category * L, (category + 1) * L).includes(1)) throw broken("a category has no letters");
  }
  return { mask, added: whole("number of added letters", added, 0, L - 1) };
}

/**
 * Read the closed categories.
 *
 * @returns {Map<string, {names: string[], weights: Float32Array}>} by category: the names, and how frequent each is
 */
export function readClosed({ categories }, tensors) {
  const labels = texts("closed categories", categories, MAX_CLOSED, MAX_CATEGORY_LENGTH);
  const sizes = tensors.integers("closed.sizes", [labels.length]);
  const text = tensors.text("closed.names");
  const names = text.split("\n");
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (names.pop() !== "" || names.length !== total || names.includes("") || sizes.includes(0)) {
    throw broken("the names of its closed categories do not have the sizes that it states");
  }
  const weights = tensors.floats("closed.weights", [total]);
  if (!weights.every((weight) => weight > 0)) throw broken("the weights of its closed categories are not positive");
  const closed = new Map();
  let begin = 0;
  for (const [index, label] of labels.entries()) {
    const end = begin + sizes[index];
    closed.set(label, { names: names.slice(begin, end), weights: weights.subarray(begin, end) });
    begin = end;
  }
  return closed;
}
