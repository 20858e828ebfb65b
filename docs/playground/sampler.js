/**
 * Sample names of one category or blend, each until it meets all conditions, as `src/namegen/sampling/rejection.py` does.
 */

import { chooserOf, drawn } from "./decoding.js";
import { NamegenError } from "./errors.js";
import { describeUnmet, isWellFormed, nameFilter } from "./filters.js";
import { restrict } from "./letters.js";
import { MixedNetwork } from "./mixture.js";
import { isGreedy, maxLetters } from "./model.js";
import { guidedShares, networkOf } from "./network.js";
import { Plausibility } from "./plausibility.js";
import { FIRST_LETTER, hashOf, streamOf, uniform } from "./streams.js";

const MAX_ATTEMPTS = 2 ** 17; // at one name
const MAX_STEPS = 200_000; // of the network, for one name
const FLOOR_ATTEMPTS = 64; // at one name; if none is plausible, the floor no longer applies
const MAX_KEPT = 4_096; // beginnings of names, with what the network says after them

/**
 * A category or a mixture of categories.
 *
 * @typedef {object} Blend
 * @property {string} label its name on the command line
 * @property {Float32Array} shares (C), with a sum of 1
 */

/** Whether a prefix always gives the same name of a category. */
export function isCertain(model, { temperature, dropout }, prefix) {
  return isGreedy(temperature) && !dropout && (model.sos || prefix !== "");
}

/** Return a category, given by its index, as a blend; blends are returned unchanged. */
export function asBlend(model, category) {
  if (typeof category !== "number") return category;
  const shares = new Float32Array(model.categories.length);
  shares[category] = 1;
  return { label: model.categories[category], shares };
}

/** Samples names of one category or blend. */
export class Sampler {
  #network;
  #sampling;
  #filters;
  #whatIsWrong;
  #label; // its hash
  #firstLetters; // (L)
  #plausibility = null;
  #root; // the beginning of all names
  #kept = 0; // beginnings
  #steps = 0; // of the network so far

  /**
   * @param {import("./model.js").Model} model
   * @param {number | Blend} category an index, or a blend
   * @param {import("./model.js").Sampling} sampling
   * @param {import("./filters.js").Filters} filters
   */
  constructor(model, category, sampling, filters) {
    const { label, shares } = asBlend(model, category);
    /** The model, restricted to the letters of the blend. */
    this.model = restrict(model, shares);
    this.#sampling = sampling;
    this.#filters = filters;
    this.#whatIsWrong = nameFilter(model, filters);
    this.#label = hashOf(label);
    this.#firstLetters = firstLettersOf(this.model, shares);
    this.#network = this.#buildNetwork(shares);
    this.#root = { hidden: this.#network.start(), children: new Map() };
  }

  /**
   * Sample the name with this number, until it is acceptable. Yields `null` after each other attempt, and returns the name.
   *
   * @param {string} prefix in letters of the model
   * @param {number | bigint} seed
   * @param {number} number
   * @returns {Generator<null, string>}
   * @throws {NamegenError} the model almost never gives such a name
   */
  *draw(prefix, seed, number) {
    const given = this.model.alphabet.encode(prefix);
    const limit = maxLetters(this.model, this.#sampling, given.length);
    if (given.length > limit) {
      throw new NamegenError(`“${prefix.slice(0, 40)}” is too long: names of this model have at most ${limit} letters.`);
    }
    if ((this.#filters.minLength ?? 0) > limit) {
      throw new NamegenError(`Names have at most ${limit} letters here. Ask for fewer than ${this.#filters.minLength}.`);
    }
    const attempts = isCertain(this.model, this.#sampling, prefix) ? 1 : MAX_ATTEMPTS;
    const lastStep = this.#steps + MAX_STEPS;
    const unmet = new Set();
    let isPlausible = false; // whether an attempt so far was
    for (let attempt = 0; attempt < attempts && this.#steps < lastStep; attempt++) {
      const plausibility = attempt < FLOOR_ATTEMPTS || isPlausible ? this.#plausibility : null;
      const { name, length, problem } = this.#attempt(given, limit, streamOf(seed, attempt, number, this.#label), plausibility);
      if (problem === null) return name;
      if (!["implausible", "malformed"].includes(problem)) isPlausible ||= plausibility !== null;
      unmet.add(problem);
      yield null;
    }
    const conditions = describeUnmet(unmet, this.#filters);
    throw new NamegenError(
      conditions
        ? `No name ${prefix ? `that begins with “${prefix.slice(0, 40)}” ` : ""}${conditions}. Loosen the conditions, or use a higher temperature.`
        : "The model almost never gives an acceptable name with these settings. Try other start letters or another temperature.",
    );
  }

  /** Return the network's logits before each letter that it chooses, and before the end: arrays (O). */
  outputsFor(letters) {
    const outputs = [];
    let hidden = this.#network.start();
    for (const letter of this.model.sos ? [this.model.alphabet.edge, ...letters] : letters) {
      const step = this.#network.step(letter, hidden);
      hidden = step.hidden;
      outputs.push(Float32Array.from(step.logits));
    }
    return outputs;
  }

  /** Sample one name, and say what is wrong with it. */
  #attempt(given, limit, stream, plausibility) {
    const { alphabet, sos } = this.model;
    const isOpenEnded = isGreedy(this.#sampling.temperature);
    const letters = [alphabet.edge];
    let total = 0; // of the scores
    const isWeak = (letter) => {
      const score = plausibility.score(letters, letter);
      total = Math.fround(total + score);
      return plausibility.isWeak(score);
    };
    let node = this.#root;
    if (!sos) {
      const letter = given[0] ?? drawn(this.#firstLetters, uniform(stream, FIRST_LETTER));
      if (plausibility && !given.length && isWeak(letter)) return { problem: "implausible" };
      letters.push(letter);
    }
    for (;;) {
      const length = letters.length - 1;
      if (length === limit && isOpenEnded) break;
      node = this.#read(node, letters[length]);
      const letter = given[length] ?? node.choose(stream, FIRST_LETTER + length);
      if (plausibility && length >= given.length && isWeak(letter)) return { problem: "implausible" };
      if (letter === alphabet.edge) break;
      if (length >= limit) return { problem: "malformed" };
      letters.push(letter);
    }
    return this.#judge(letters, given.length, plausibility, total);
  }

  /** Return a name that has ended, and what is wrong with it. */
  #judge([, ...letters], given, plausibility, total) {
    const name = this.model.alphabet.decode(letters);
    const { length } = letters;
    if (plausibility && !plausibility.accepts(total, length + 1 - given, length)) return { problem: "implausible" };
    if (!isGreedy(this.#sampling.temperature) && !isWellFormed(name)) return { problem: "malformed" };
    return { name, length, problem: this.#whatIsWrong(name, length) };
  }

  /** Return the beginning of names that has one more letter. */
  #read(node, letter) {
    const known = node.children.get(letter);
    if (known) return known;
    this.#steps++;
    const { logits, hidden } = this.#network.step(letter, node.hidden);
    const child = { hidden, choose: chooserOf(logits, this.#sampling), children: new Map() };
    if (this.#kept < MAX_KEPT) {
      this.#kept++;
      node.children.set(letter, child);
    }
    return child;
  }

  /** Return the network, mixed with the n-grams of the blend if they have a share in the letters. */
  #buildNetwork(shares) {
    const { mixture, limits, architecture, sos, alphabet } = this.model;
    const network = networkOf(this.model, guidedShares(shares, this.#sampling.guidance));
    if (!mixture) return network;
    const blended = [...shares.entries()].filter(([, part]) => part);
    const weightsOf = (category) => mixture.own.get(category) ?? mixture.weights;
    const mean = (weight) => blended.reduce((sum, [category, part]) => sum + part * weightsOf(category)[weight], 0);
    const share = architecture === "ngram" ? mean("share") : (this.#sampling.ngramShare ?? mean("sampled"));
    const hasFloor = limits !== null && this.#sampling.floor > 0;
    if (!(share || hasFloor)) return network; // without building the n-grams
    const parts = blended.map(([category, part]) => {
      return { category, share: part, minContext: weightsOf(category).minContext, ngram: mixture.ngram.select(category) };
    });
    if (hasFloor) this.#plausibility = new Plausibility(limits, parts, this.#sampling.floor);
    return share ? new MixedNetwork(network, parts, { share, pooled: mean("pooled") }, sos ? [] : [alphabet.edge]) : network;
  }
}

/** Return how often names of a category or blend begin with each letter, (L). */
function firstLettersOf({ alphabet: { edge }, firstLetters, counts }, shares) {
  const mixture = new Float64Array(edge);
  for (const [category, share] of shares.entries()) {
    if (!share) continue;
    const own = firstLetters.subarray(category * edge, (category + 1) * edge);
    own.forEach((count, letter) => (mixture[letter] += share * (count / counts[category])));
  }
  return Float32Array.from(mixture);
}
