/** Fit an n-gram and the limits of plausibility to a list of names, as `src/namegen/models/` does. */

import { hashName } from "./hashes.js";
import { NGram } from "./ngram.js";

const FLOORS = Array.from({ length: 21 }, (_, index) => (index === 20 ? 1 : index * 0.05));
const [WEAKEST, LENGTH] = [0.3, 0.1]; // of the floor, for the weakest letter alone and for the length alone
const FOLDS = 5;
const MAX_NAMES = 20_000; // to bound the time
const [MIN_NATS, ENOUGH_NATS] = [9.5, 14];

/**
 * Return the Witten-Bell n-gram of names, as the only category.
 *
 * @param {number[][]} names their letters
 * @param {number} edge
 * @param {number} order
 */
export function fitNGram(names, edge, order) {
  const rows = new Map(); // by the n-gram as text: the n-gram and its count
  for (const letters of names) {
    for (const row of ngramsOf(letters, edge, order)) {
      const key = row.join();
      const known = rows.get(key);
      if (known) known.count++;
      else rows.set(key, { row, count: 1 });
    }
  }
  const distinct = [...rows.values()];
  return new NGram({
    outputs: edge + 1,
    order,
    letters: Uint32Array.from(distinct.flatMap(({ row }) => row)),
    counts: Float64Array.from(distinct, ({ count }) => count),
    first: Float64Array.of(0, distinct.length),
    discounts: null,
  });
}

/** Return the n-grams of a name: each letter and the end, with the letters before it, the last one first. */
function ngramsOf(letters, edge, order) {
  const all = [edge, ...letters, edge];
  return all.slice(1).map((letter, index) => {
    return [letter, ...Array.from({ length: order - 1 }, (_, back) => all[index - back] ?? edge + 1)];
  });
}

/**
 * Return the limits of plausibility, from n-grams of four fifths of the names that score the others.
 *
 * @param {{name: string, letters: number[]}[]} entries
 * @param {number} edge
 * @param {number} order
 * @returns {{values: Float32Array, floors: number}} as in a model
 */
export function fitLimits(entries, edge, order) {
  const names = lowestHashes(entries, MAX_NAMES);
  const hashes = names.map(({ name }) => hashName(name));
  const ranks = new Map([...new Set(hashes)].sort(ascending).map((hash, rank) => [hash, rank]));
  const folds = hashes.map((hash) => ranks.get(hash) % Math.min(FOLDS, names.length));
  const totals = new Float64Array(names.length);
  const weakest = new Float64Array(names.length);
  for (const fold of new Set(folds)) {
    const others = names.filter((_, index) => folds[index] !== fold);
    const ngram = fitNGram((others.length ? others : names).map(({ letters }) => letters), edge, order).select(0);
    for (const [index, { letters }] of names.entries()) {
      if (folds[index] !== fold) continue;
      const all = [edge, ...letters, edge];
      const scores = all.slice(1).map((letter, at) => ngram.logProbability(ngram.find(all.slice(0, at + 1)), letter));
      totals[index] = scores.reduce((sum, score) => sum + score, 0);
      weakest[index] = Math.min(...scores);
    }
  }
  const lengths = names.map(({ letters }) => letters.length);
  return { values: limitsOf(totals, weakest, lengths), floors: FLOORS.length };
}

/** Return at most `count` entries: those with the lowest hashes, in their order. */
export function lowestHashes(entries, count) {
  if (entries.length <= count) return entries;
  const hashes = entries.map(({ name }) => hashName(name));
  const order = [...entries.keys()].sort((a, b) => ascending(hashes[a], hashes[b]));
  const kept = new Set(order.slice(0, count));
  return entries.filter((_, index) => kept.has(index));
}

function limitsOf(totals, weakest, lengths) {
  const count = totals.length;
  const scaled = totals.map((total, index) => total / Math.sqrt(lengths[index] + 1));
  const nats = -totals.reduce((sum, total) => sum + total, 0) / count;
  const share = Math.min(1, Math.max(0, (nats - MIN_NATS) / (ENOUGH_NATS - MIN_NATS)));
  const sorted = { weakest: weakest.slice().sort(), lengths: Float64Array.from(lengths).sort() };
  return Float32Array.from(
    FLOORS.flatMap((given) => {
      const floor = Math.min(given * share, 1);
      const weakestLimit = lowerQuantile(sorted.weakest, floor * WEAKEST);
      const lengthLimit = lowerQuantile(sorted.lengths, floor * LENGTH);
      const ranked = scaled.filter((_, index) => weakest[index] >= weakestLimit && lengths[index] >= lengthLimit).sort();
      const rejected = roundHalfEven(floor * count) - (count - ranked.length);
      return [ranked[Math.min(Math.max(rejected, 0), ranked.length - 1)], weakestLimit, lengthLimit];
    }),
  );
}

/** Return the lower of the two numbers around a quantile, as numpy finds it. */
function lowerQuantile(sorted, quantile) {
  return sorted[Math.max(0, Math.floor(sorted.length * quantile + (1 - quantile) - 1))];
}

/** Return the nearest integer, of two equally near ones the even one. */
function roundHalfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

function ascending(one, other) {
  return one < other ? -1 : one > other ? 1 : 0;
}
