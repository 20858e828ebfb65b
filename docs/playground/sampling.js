/**
 * Sample names from a model as `src/namegen/sampling/` does: the same seed gives the same names.
 */

import { NamegenError } from "./errors.js";
import { isGreedy, maxLetters } from "./model.js";
import { MixedNetwork } from "./mixture.js";
import { guidedShares, networkOf } from "./network.js";
import { Plausibility } from "./plausibility.js";
import { CATEGORY, FIRST_LETTER, hashOf, streamOf, uniform, uniforms } from "./streams.js";

const MAX_ATTEMPTS = 2_000; // at one name
const FLOOR_ATTEMPTS = 64; // at one name; if none is plausible, the floor no longer applies
const MAX_LETTERS = 200_000; // read for one name, in all attempts

/**
 * A mixture of categories.
 *
 * @typedef {object} Blend
 * @property {string} label its name on the command line
 * @property {Float32Array} shares (C), with a sum of 1
 */

/** Return a model's sampling settings with another temperature. At 0, top-k, top-p, dropout and floor are off. */
export function atTemperature(sampling, temperature) {
  const greedy = isGreedy(temperature) ? { topK: null, topP: null, dropout: 0, floor: 0 } : {};
  return { ...sampling, ...greedy, temperature };
}

/** Whether a prefix always gives the same name of a category. */
export function isCertain(model, { temperature, dropout }, prefix) {
  return isGreedy(temperature) && !dropout && (model.sos || prefix !== "");
}

/**
 * Return a blend of categories.
 *
 * @param {import("./model.js").Model} model
 * @param {[string, number][]} parts at least two different categories, and their weights
 * @returns {Blend}
 */
export function blendOf(model, parts) {
  const total = parts.reduce((sum, [, weight]) => sum + weight, 0);
  const isEven = parts.every(([, weight]) => weight === parts[0][1]);
  const label = parts.map(([name, weight]) => (isEven || weight === 1 ? name : `${name}:${+weight.toPrecision(12)}`));
  const shares = new Float32Array(model.categories.length);
  for (const [name, weight] of parts) shares[model.categories.indexOf(name)] = weight / total;
  return { label: label.join("+"), shares };
}

/**
 * Sample names, `count` for each prefix.
 *
 * @param {import("./model.js").Model} model
 * @param {object} wanted
 * @param {number | Blend | null} wanted.category the index of the category; `null` samples one for each name
 * @param {string[]} wanted.prefixes in letters of the alphabet
 * @param {number} wanted.count
 * @param {import("./model.js").Sampling} wanted.sampling how letters are chosen
 * @param {number} wanted.seed a non-negative integer
 * @param {(name: string) => boolean} [wanted.isOffensive] from `offensive.js`; by default no name is offensive
 * @returns {Generator<{category: number | Blend, name: string}>}
 * @throws {NamegenError} the model almost never gives an acceptable name, or its outputs are not finite
 */
export function* sampleNames(model, { category, prefixes, count, sampling, seed, isOffensive = () => false }) {
  const isAllowed = (name) => model.allowsOffensive || !isOffensive(name);
  const sources = new Map();
  const sourceOf = (category) => {
    if (!sources.has(category)) sources.set(category, new Source(model, category, sampling, isAllowed));
    return sources.get(category);
  };
  for (const [place, prefix] of prefixes.entries()) {
    for (let number = place * count; number < (place + 1) * count; number++) {
      const drawn = category ?? Math.floor(uniform(streamOf(seed, 0, number), CATEGORY) * model.categories.length);
      yield { category: drawn, name: sourceOf(drawn).draw(prefix, seed, number) };
    }
  }
}

/** Samples names of one category or blend. */
class Source {
  #model;
  #network;
  #sampling;
  #isAllowed;
  #label; // its hash
  #firstLetters; // (L)
  #plausibility = null;

  constructor(model, category, sampling, isAllowed) {
    const { label, shares } = typeof category === "number" ? only(model, category) : category;
    this.#model = model;
    this.#network = networkOf(model, guidedShares(shares, sampling.guidance));
    this.#sampling = sampling;
    this.#isAllowed = isAllowed;
    this.#label = hashOf(label);
    this.#firstLetters = firstLettersOf(model, shares);
    const { mixture, limits } = model;
    if (!mixture) return;
    const blended = [...shares.entries()].filter(([, part]) => part);
    const weightsOf = (category) => mixture.own.get(category) ?? mixture.weights;
    const mean = (weight) => blended.reduce((sum, [category, part]) => sum + part * weightsOf(category)[weight], 0);
    const share = model.architecture === "ngram" ? mean("share") : (sampling.ngramShare ?? mean("sampled"));
    const hasFloor = limits !== null && sampling.floor > 0;
    if (!(share || hasFloor)) return; // without building the n-grams
    const parts = blended.map(([category, part]) => {
      return { category, share: part, minContext: weightsOf(category).minContext, ngram: mixture.ngram.select(category) };
    });
    if (share) {
      const settings = { share, pooled: mean("pooled") };
      this.#network = new MixedNetwork(this.#network, parts, settings, model.sos ? [] : [model.alphabet.edge]);
    }
    if (hasFloor) this.#plausibility = new Plausibility(limits, parts, sampling.floor);
  }

  /** Sample the name with this number, until it is acceptable. */
  draw(prefix, seed, number) {
    const given = this.#model.alphabet.encode(prefix);
    const limit = maxLetters(this.#model, this.#sampling, given.length);
    if (given.length > limit) {
      throw new NamegenError(`“${prefix.slice(0, 40)}” is too long: names of this model have at most ${limit} letters.`);
    }
    const isOne = isCertain(this.#model, this.#sampling, prefix);
    const attempts = isOne ? 1 : Math.min(MAX_ATTEMPTS, MAX_LETTERS / limit);
    let isPlausible = false; // whether an attempt so far was
    for (let attempt = 0; attempt < attempts; attempt++) {
      const plausibility = attempt < FLOOR_ATTEMPTS || isPlausible ? this.#plausibility : null;
      const letters = this.#attempt(given, limit, streamOf(seed, attempt, number, this.#label), plausibility);
      const name = letters && this.#model.alphabet.decode(letters);
      if (!letters || !(isGreedy(this.#sampling.temperature) || isWellFormed(name))) continue;
      if (plausibility) isPlausible = true;
      if (this.#isAllowed(name)) return name;
    }
    throw new NamegenError("The model almost never gives an acceptable name with these settings. Try other start letters or another temperature.");
  }

  /** Sample one name. Returns the indices of its letters, or `null` if it does not end within the limit or is implausible. */
  #attempt(given, limit, stream, plausibility) {
    const { alphabet, sos } = this.#model;
    const letters = [];
    let total = 0; // of the scores
    const isWeak = (letter) => {
      const score = plausibility.score([alphabet.edge, ...letters], letter);
      total = Math.fround(total + score);
      return plausibility.isWeak(score);
    };
    let hidden = this.#network.start();
    if (!sos) {
      const letter = given[0] ?? drawn(this.#firstLetters, uniform(stream, FIRST_LETTER));
      if (plausibility && !given.length && isWeak(letter)) return null;
      letters.push(letter);
    }
    for (;;) {
      if (letters.length === limit && isGreedy(this.#sampling.temperature)) return letters;
      let logits;
      ({ logits, hidden } = this.#network.step(letters.at(-1) ?? alphabet.edge, hidden));
      const place = FIRST_LETTER + letters.length;
      const letter = given[letters.length] ?? chosen(logits, this.#sampling, stream, place);
      if (plausibility && letters.length >= given.length && isWeak(letter)) return null;
      if (letter === alphabet.edge) break;
      if (letters.length >= limit) return null;
      letters.push(letter);
    }
    const chosenLetters = letters.length + 1 - given.length; // the end included
    return !plausibility || plausibility.accepts(total, chosenLetters, letters.length) ? letters : null;
  }
}

function only(model, category) {
  const shares = new Float32Array(model.categories.length);
  shares[category] = 1;
  return { label: model.categories[category], shares };
}

/** Return how often names of a category or blend begin with each letter, (L). */
function firstLettersOf({ alphabet: { edge }, firstLetters }, shares) {
  const mixture = new Float64Array(edge);
  for (const [category, share] of shares.entries()) {
    if (!share) continue;
    const own = firstLetters.subarray(category * edge, (category + 1) * edge);
    const total = own.reduce((sum, count) => sum + count, 0);
    own.forEach((count, letter) => (mixture[letter] += (share * count) / total));
  }
  return mixture;
}

/** Choose the next letter with the random numbers from `place` on; dropout uses one for each output. */
function chosen(logits, sampling, stream, place) {
  const { temperature, dropout } = sampling;
  if (isGreedy(temperature)) return drawn(greedyProbabilities(logits, dropout), uniform(stream, place));
  if (!dropout) return drawn(probabilities(logits, sampling), uniform(stream, place));
  const chances = uniforms(stream, place, logits.length + 1);
  const kept = logits.map((logit, output) => (chances[output] < dropout ? 0 : logit / (1 - dropout)));
  return drawn(probabilities(kept, sampling), chances[logits.length]);
}

/**
 * Return the probability of each output: softmax with a temperature, then top-k, then top-p.
 *
 * @param {Float32Array} logits (O)
 * @param {import("./model.js").Sampling} sampling its temperature more than 0
 * @returns {Float32Array} (O), not normalised; of equally probable outputs, the first ones are kept
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
 * Return the probability that each output is the largest after dropout; in a tie, the first output counts. See
 * `src/namegen/sampling/decoding.py`.
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
  // A positive output is the largest if it is kept and all larger ones are dropped.
  positive.forEach((output, rank) => (likely[output] = (1 - dropout) * dropout ** rank));
  // If all positive outputs are dropped, the first output that is 0 is the largest; if none is 0, the largest logit is.
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
    throw new NamegenError("The model’s outputs are not finite, because its weights are too large. Train the model again.");
  }
  return highest;
}

/** Whether a name is not empty, has no space at either end, and does not contain two spaces in a row. */
function isWellFormed(name) {
  return name !== "" && !/^ | $| {2}/.test(name);
}
