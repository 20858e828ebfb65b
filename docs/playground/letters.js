/**
 * The letters of each category, in a model of several scripts, as in `src/namegen/models/letters.py`.
 *
 * To sample a category or a blend, such a model is restricted to its letters: its weights lose the rows and columns of
 * the others.
 */

import { Alphabet } from "./alphabet.js";
import { NamegenError } from "./errors.js";
import { NGram } from "./ngram.js";

/** The weights with an entry for each letter and for the edge, by row or by column. */
const BY_ROW = ["letter_input.weight", "head.weight", "head.bias"];
const BY_COLUMN = ["category_output.weight"];

const restricted = new WeakMap(); // by model, the restricted models by the categories of the blend

/**
 * Return a model with only the letters of the categories of a blend. It has the same categories, but only those of the
 * blend can be sampled. A model without a mask is returned unchanged.
 *
 * @param {import("./model.js").Model} model
 * @param {ArrayLike<number>} shares (C)
 * @throws {NamegenError} two categories of the blend have no letters in common
 */
export function restrict(model, shares) {
  if (!model.mask) return model;
  const own = ownCategories(shares);
  if (!restricted.has(model)) restricted.set(model, new Map());
  const known = restricted.get(model);
  const key = model.added ? own.map((category) => `${category}:${shares[category]}`).join() : own.join();
  if (!known.has(key)) {
    checkBlend(model, own);
    known.set(key, keepLetters(levelled(model, shares), lettersOf(model, own), own));
  }
  return known.get(key);
}

/** Return the indices of the categories of a blend. */
export function ownCategories(shares) {
  return Array.from(shares, (share, category) => (share ? category : -1)).filter((category) => category >= 0);
}

/**
 * Return a model with only some of its letters, and without a mask.
 *
 * @param {import("./model.js").Model} model
 * @param {number[]} kept the indices of the letters, ascending
 * @param {number[]} own the categories that the result can be used for; their n-gram must have no other letters
 */
export function keepLetters(model, kept, own) {
  const { alphabet, weights, mixture, firstLetters } = model;
  const outputs = [...kept, alphabet.edge];
  const C = model.categories.length;
  const taken = { ...weights };
  for (const name of BY_ROW) if (name in weights) taken[name] = takeRows(weights[name], outputs, weights[name].length / (alphabet.edge + 1));
  for (const name of BY_COLUMN) if (name in weights) taken[name] = takeColumns(weights[name], outputs, C);
  return {
    ...model,
    alphabet: new Alphabet(kept.map((letter) => alphabet.letters[letter])),
    firstLetters: takeColumns(firstLetters, kept, C),
    weights: taken,
    mixture: mixture && { ...mixture, ngram: restrictNGram(mixture.ngram, own, outputs) },
    mask: null,
  };
}

/** Return some rows of a table. */
export function takeRows(table, rows, width) {
  const taken = new table.constructor(rows.length * width);
  rows.forEach((row, at) => taken.set(table.subarray(row * width, (row + 1) * width), at * width));
  return taken;
}

/** Return some columns of a table of `count` rows. */
export function takeColumns(table, columns, count) {
  const width = table.length / count;
  const taken = new table.constructor(count * columns.length);
  for (let row = 0, at = 0; row < count; row++) for (const column of columns) taken[at++] = table[row * width + column];
  return taken;
}

/** Return the letters of some categories together, ascending. */
function lettersOf({ mask, alphabet: { edge } }, own) {
  return Array.from({ length: edge }, (_, letter) => letter).filter((letter) => {
    return own.some((category) => mask[category * edge + letter]);
  });
}

function checkBlend({ mask, alphabet: { edge, letters }, categories }, [first, ...others]) {
  for (const other of others) {
    const isShared = (letter, at) => mask[first * edge + at] && mask[other * edge + at] && /^[\p{L}\p{M}]+$/u.test(letter);
    if (!letters.some(isShared)) {
      throw new NamegenError(
        `${categories[first]} and ${categories[other]} have no letters in common, so they cannot be blended. Choose others.`,
      );
    }
  }
}

/**
 * Return a model in which all categories have the same outputs for added letters: those of a blend. Categories without
 * an added letter have learned never to write it, and must not count in guidance and blends.
 */
function levelled(model, shares) {
  const { added, mask, alphabet: { edge } } = model;
  if (!added) return model;
  const C = model.categories.length;
  const outputs = Float32Array.from(model.weights["category_output.weight"]);
  for (let letter = edge - added; letter < edge; letter++) {
    const has = ownCategories(shares).filter((category) => mask[category * edge + letter]);
    if (!has.length) continue;
    const at = (category) => category * (edge + 1) + letter;
    const total = has.reduce((sum, category) => Math.fround(sum + shares[category]), 0);
    const mean = has.reduce((sum, category) => Math.fround(sum + shares[category] * outputs[at(category)]), 0) / total;
    const level = mean + Math.log(total);
    for (let category = 0; category < C; category++) outputs[at(category)] = level;
  }
  return { ...model, weights: { ...model.weights, "category_output.weight": outputs } };
}

/** Return an n-gram with some of its categories, and none in the others. */
function restrictNGram({ table }, own, outputs) {
  const numbers = new Uint32Array(table.outputs + 1);
  outputs.forEach((output, number) => (numbers[output] = number));
  numbers[table.outputs] = outputs.length; // before the start of a name
  const spans = own.map((category) => [table.first[category], table.first[category + 1]]);
  const rows = spans.reduce((sum, [begin, end]) => sum + end - begin, 0);
  const letters = new Uint32Array(rows * table.order);
  const counts = new Float64Array(rows);
  const first = new Float64Array(table.first.length);
  let at = 0;
  for (const [index, [begin, end]] of spans.entries()) {
    for (let from = begin * table.order, to = at * table.order; from < end * table.order; from++, to++) {
      letters[to] = numbers[table.letters[from]];
    }
    counts.set(table.counts.subarray(begin, end), at);
    at += end - begin;
    first.fill(at, own[index] + 1);
  }
  return new NGram({ ...table, outputs: outputs.length, letters, counts, first });
}
