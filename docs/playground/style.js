/**
 * Build a model of a short list of names without training, as `src/namegen/models/style.py` does.
 *
 * The network is conditioned on the blend of its categories that explains the list best. An n-gram of the list backs off
 * to that network, and the geometric mean of both chooses the letters.
 */

import { NamegenError } from "./errors.js";
import { extendLetters, splitByFrequency } from "./extension.js";
import { fitLimits, fitNGram, lowestHashes } from "./fitting.js";
import { otherCase } from "./graphemes.js";
import { hashName } from "./hashes.js";
import { keepLetters } from "./letters.js";
import { networkOf } from "./network.js";
import { mixed } from "./products.js";
import { scoresOf, trieOf } from "./scoring.js";

const ORDER = 3;
const WEIGHTS = { share: 1, minContext: 1, pooled: 0.3, sampled: 1 };
const SAMPLING = {
  temperature: 0.85, topK: null, topP: 0.9, dropout: 0, guidance: 0, floor: 0.7, ngramShare: null, maxLength: null,
};
const SHARPNESS = 5; // of the weights of the categories, per nat of a letter's loss
const MAX_SCORED = 300; // names
const MAX_SCORES = 18 * MAX_SCORED; // of the names in all categories of the model, unless that is too few
const MIN_SCORED = 40;
const MIN_COVERED = 0.9; // share of the letters of a list, relative to the category that has most of them
const LEAST = -1000; // nats of a name: it may be impossible in all categories

/**
 * Build a model that generates names in the style of a list.
 *
 * @param {import("./model.js").Model} base a model with a gated recurrent unit
 * @param {import("./list.js").NameList} list in an alphabet that begins with the model's
 * @param {Float32Array | null} added the shares of a blend of the model's categories that makes up half of the style
 * @returns {Generator<{done: number, total: number}, import("./model.js").Model>} yields how many of the model's
 *   categories have been compared with the list, and returns the model, whose only category is the list
 * @throws {NamegenError} the model cannot imitate a list
 */
export function* buildStyle(base, list, added = null) {
  if (base.architecture !== "gru") throw new NamegenError("This model cannot imitate a list. Use the included model pretrained.");
  if (!base.hashes.some(({ length }) => length)) throw new NamegenError("The training of the model is not finished. Use another model.");
  const { label, names, alphabet } = list;
  const entries = names.map((name) => ({ name, letters: alphabet.encode(name) }));
  const letters = entries.map((entry) => entry.letters);
  const extended = extendLetters(base, alphabet);
  let shares = yield* findShares(extended, entries);
  if (added) shares = shares.map((share, category) => (share + added[category]) / 2);
  const weights = { ...extended.weights };
  for (const part of ["input", "state", "output"]) weights[`category_${part}.weight`] = mixed(weights[`category_${part}.weight`], shares);
  if (extended !== base) {
    const split = splitByFrequency(base.alphabet, alphabet, letters);
    weights["category_output.weight"] = weights["category_output.weight"].map((output, letter) => output + split[letter]);
  }
  const firstLetters = new Float64Array(alphabet.edge);
  for (const [first] of letters) firstLetters[first]++;
  const own = BigUint64Array.from(new Set(names.map(hashName))).sort();
  return {
    ...extended,
    categories: [label],
    counts: Float64Array.of(names.length),
    firstLetters,
    longest: letters.reduce((most, { length }) => Math.max(most, length), 0),
    sampling: SAMPLING,
    hashes: [...base.hashes, own],
    weights,
    mask: extended.mask && newMask(extended, letters, added),
    closed: new Map(),
    mixture: { ngram: fitNGram(letters, alphabet.edge, ORDER), weights: WEIGHTS, own: new Map() },
    limits: fitLimits(entries, alphabet.edge, ORDER),
  };
}

/** Return the blend of a model's categories that explains names best, (C) with a sum of 1. */
function* findShares(model, entries) {
  const { alphabet, mask } = model;
  const C = model.categories.length;
  const counts = new Float64Array(alphabet.edge);
  for (const { letters } of entries) for (const letter of letters) counts[letter]++;
  const all = [...counts.keys()];
  let own = [...model.categories.keys()];
  let kept = all;
  if (mask) {
    const covered = own.map((category) => all.reduce((sum, letter) => sum + counts[letter] * mask[category * alphabet.edge + letter], 0));
    const most = Math.max(...covered);
    own = own.filter((category) => covered[category] >= MIN_COVERED * most);
    kept = all.filter((letter) => counts[letter]);
    model = keepLetters({ ...model, mixture: null }, kept, own);
  }
  const scored = lowestHashes(entries, Math.min(MAX_SCORED, Math.max(MIN_SCORED, Math.floor(MAX_SCORES / own.length))));
  const places = new Map(kept.map((letter, place) => [letter, place]));
  const trie = trieOf(scored.map(({ letters }) => letters.map((letter) => places.get(letter))), kept.length);
  const length = scored.reduce((sum, { letters }) => sum + letters.length + 1, 0);
  const closeness = new Float64Array(C).fill(-Infinity);
  for (const [done, category] of own.entries()) {
    yield { done, total: own.length };
    const network = networkOf(model, Float32Array.from({ length: C }, (_, each) => Number(each === category)));
    const scores = scoresOf(network, trie, scored.length, model.sos ? null : logFirstLetters(model, category));
    closeness[category] = (SHARPNESS * scores.reduce((sum, score) => sum + Math.max(score, LEAST), 0)) / length;
  }
  const most = Math.max(...closeness);
  const likely = closeness.map((each) => Math.exp(each - most));
  const total = likely.reduce((sum, each) => sum + each, 0);
  return Float32Array.from(likely, (each) => each / total);
}

/** Return the logarithm of the share of each first letter, and of the end, (O). */
function logFirstLetters({ firstLetters, counts, alphabet: { edge } }, category) {
  const own = firstLetters.subarray(category * edge, (category + 1) * edge);
  return Float64Array.of(...own.map((count) => Math.log(count / counts[category])), -Infinity);
}

/**
 * Return the letters of the list, in both cases. If most of its letters are among those that all categories of the model
 * have, these are included too.
 */
function newMask({ alphabet, mask, categories }, names, added) {
  const L = alphabet.edge;
  const used = new Uint8Array(L);
  for (const letters of names) for (const letter of letters) used[letter] = 1;
  const both = used.slice();
  alphabet.letters.forEach((letter, index) => {
    const other = otherCase(letter);
    if (used[index] && other !== null && alphabet.has(other)) both[alphabet.indexOf(other)] = 1;
  });
  const isCommon = (letter) => categories.every((_, category) => mask[category * L + letter]);
  const common = Uint8Array.from({ length: L }, (_, letter) => Number(isCommon(letter)));
  const all = names.flat();
  const isMostlyKnown = all.filter((letter) => common[letter]).length > all.length / 2;
  const isAdded = (letter) => added?.some((share, category) => share && mask[category * L + letter]) ?? false;
  return both.map((own, letter) => Number(own || (isMostlyKnown && common[letter]) || isAdded(letter)));
}
