/**
 * Drawing names from a model, as `src/namegen/sampling.py` and what is below it do: the same seed gives the same names.
 */

import { NamegenError } from "./errors.js";
import { isGreedy, mostLetters } from "./model.js";
import { guidedShares, networkOf } from "./network.js";
import { CATEGORY, FIRST_LETTER, streamOf, uniform, uniforms } from "./streams.js";

const IN_VAIN = 1_000; // draws of one name, after which it is taken to be out of reach
const LETTERS_IN_VAIN = 200_000; // read for one name; fewer draws, if they have so many letters

/** A model's own way to choose letters at another temperature. Greedy, nothing else is left to choose. */
export function atTemperature(sampling, temperature) {
  const greedy = isGreedy(temperature) ? { topK: null, topP: null, dropout: 0 } : {};
  return { ...sampling, ...greedy, temperature };
}

/** Whether a category has one name only that begins with a prefix, given or not. */
export function isCertain(model, { temperature, dropout }, prefix) {
  return isGreedy(temperature) && !dropout && (model.sos || prefix !== "");
}

/**
 * Draw names, one after the other: `count` for each prefix.
 *
 * @param {import("./model.js").Model} model
 * @param {object} wanted
 * @param {number | null} wanted.category the index of the category; `null` draws one for each name
 * @param {string[]} wanted.prefixes what names begin with, spelt in the alphabet
 * @param {number} wanted.count
 * @param {import("./model.js").Sampling} wanted.sampling how letters are chosen
 * @param {number} wanted.seed where randomness begins, a whole number
 * @returns {Generator<{category: number, name: string}>}
 * @throws {NamegenError} the model hardly ever ends a name, or its outputs are no numbers
 */
export function* drawNames(model, { category, prefixes, count, sampling, seed }) {
  const sources = new Map();
  const sourceOf = (category) => {
    if (!sources.has(category)) sources.set(category, new Source(model, category, sampling));
    return sources.get(category);
  };
  for (const [place, prefix] of prefixes.entries()) {
    for (let number = place * count; number < (place + 1) * count; number++) {
      const drawn = category ?? Math.floor(uniform(streamOf(seed, 0, number), CATEGORY) * model.categories.length);
      yield { category: drawn, name: sourceOf(drawn).draw(prefix, seed, number) };
    }
  }
}

/** What names of one category are drawn from, and how. */
class Source {
  #model;
  #network;
  #sampling;
  #firstLetters; // (L)

  constructor(model, category, sampling) {
    const letters = model.alphabet.edge;
    this.#model = model;
    this.#network = networkOf(model, guidedShares(category, model.categories.length, sampling.guidance));
    this.#sampling = sampling;
    this.#firstLetters = model.firstLetters.subarray(category * letters, (category + 1) * letters);
  }

  /** Draw the name of this number, again as long as it does not end in time or is none that a list can have. */
  draw(prefix, seed, number) {
    const given = this.#model.alphabet.encode(prefix);
    const limit = mostLetters(this.#model, this.#sampling, given.length);
    if (given.length > limit) {
      throw new NamegenError(`“${prefix.slice(0, 40)}” is longer than this model’s names may be.`);
    }
    const isOne = isCertain(this.#model, this.#sampling, prefix);
    const attempts = isOne ? 1 : Math.min(IN_VAIN, LETTERS_IN_VAIN / limit);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const letters = this.#attempt(given, limit, streamOf(seed, attempt, number));
      const name = letters && this.#model.alphabet.decode(letters);
      if (letters && (isGreedy(this.#sampling.temperature) || isWellFormed(name))) return name;
    }
    throw new NamegenError("The model hardly ever ends a name here. Try other start letters, or another temperature.");
  }

  /** Draw one name, letter by letter. Returns letters' indices, or `null` where it does not end within the limit. */
  #attempt(given, limit, stream) {
    const { alphabet, sos } = this.#model;
    const letters = [];
    let hidden = this.#network.start();
    if (!sos) letters.push(given.length ? given[0] : drawn(this.#firstLetters, uniform(stream, FIRST_LETTER)));
    for (;;) {
      if (letters.length === limit && isGreedy(this.#sampling.temperature)) return letters;
      let logits;
      ({ logits, hidden } = this.#network.step(letters.at(-1) ?? alphabet.edge, hidden));
      const place = FIRST_LETTER + letters.length;
      const letter = given[letters.length] ?? chosen(logits, this.#sampling, stream, place);
      if (letter === alphabet.edge) return letters;
      if (letters.length >= limit) return null;
      letters.push(letter);
    }
  }
}

/** Choose the next letter by the numbers of a stream from `place` on; dropout takes one for each output. */
function chosen(logits, sampling, stream, place) {
  const { temperature, dropout } = sampling;
  if (isGreedy(temperature)) return drawn(greedyProbabilities(logits, dropout), uniform(stream, place));
  if (!dropout) return drawn(probabilities(logits, sampling), uniform(stream, place));
  const chances = uniforms(stream, place, logits.length + 1);
  const kept = logits.map((logit, output) => (chances[output] < dropout ? 0 : logit / (1 - dropout)));
  return drawn(probabilities(kept, sampling), chances[logits.length]);
}

/**
 * How probable each output is: softmax at a temperature, cut to the top k, then to the top p.
 *
 * @param {Float32Array} logits (O)
 * @param {import("./model.js").Sampling} sampling its temperature more than 0
 * @returns {Float32Array} (O), up to a factor; of equals at the edge of a cut the first stay
 */
export function probabilities(logits, { temperature, topK, topP }) {
  const highest = highestOf(logits);
  const likely = logits.map((logit) => Math.exp((logit - highest) / temperature));
  if (topK === null && topP === null) return likely;
  const ranked = [...likely.keys()].sort((a, b) => likely[b] - likely[a]);
  const left = ranked.slice(0, topK ?? ranked.length);
  const total = left.reduce((sum, output) => sum + likely[output], 0);
  const cut = new Float32Array(likely.length);
  let before = 0; // the probability of the outputs that are more probable
  for (const output of left) {
    if (before >= (topP ?? Infinity)) break;
    cut[output] = likely[output];
    before += likely[output] / total;
  }
  return cut;
}

/**
 * The probability that each output is the largest after dropout, of equals the first; as `src/namegen/choosing.py`,
 * which says why.
 *
 * @param {Float32Array} logits (O)
 * @param {number} dropout the probability with which each output is set to 0
 * @returns {Float64Array} (O)
 */
export function greedyProbabilities(logits, dropout) {
  const highest = highestOf(logits);
  const likely = new Float64Array(logits.length);
  if (!dropout) {
    likely[logits.indexOf(highest)] = 1;
    return likely;
  }
  const ranked = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const positive = ranked.filter((output) => logits[output] > 0);
  // A positive output wins if it stays, and all larger ones go.
  positive.forEach((output, rank) => (likely[output] = (1 - dropout) * dropout ** rank));
  // If all of them have gone, the first output wins that is 0; if none is, the largest.
  let none = dropout ** positive.length;
  logits.forEach((logit, output) => {
    const isZero = logit >= 0 ? 1 : dropout;
    likely[output] += none * isZero;
    none *= 1 - isZero;
  });
  likely[ranked[0]] += none;
  return likely;
}

/** The first output whose cumulative share is more than a point in [0, 1). */
function drawn(likely, point) {
  const target = point * likely.reduce((sum, each) => sum + each, 0);
  let sum = 0;
  return likely.findIndex((each) => (sum += each) > target);
}

function highestOf(logits) {
  const highest = logits.reduce((most, logit) => Math.max(most, logit));
  if (!Number.isFinite(highest)) {
    throw new NamegenError("The model’s weights are so large that its outputs are no numbers. Train it again.");
  }
  return highest;
}

/** Whether a list of names could have it: it is not empty, and has no blank at its ends, nor two in a row. */
function isWellFormed(name) {
  return name !== "" && !/^ | $| {2}/.test(name);
}
