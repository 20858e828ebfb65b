/** Sample the known names of a closed category by frequency, as `src/namegen/sampling/closed.py` does. */

import { Alphabet, byCodePoint } from "./alphabet.js";
import { NamegenError } from "./errors.js";
import { describeUnmet, isWellFormed, nameFilter } from "./filters.js";
import { splitLetters } from "./graphemes.js";
import { FIRST_LETTER, hashOf, streamOf, uniform } from "./streams.js";

/** Samples names of one closed category; see {@link import("./sampler.js").Sampler}. */
export class ClosedSampler {
  #names;
  #label;
  #hash;
  #whatIsWrong;
  #filters;
  #candidates = new Map(); // by prefix

  /**
   * @param {import("./model.js").Model} model
   * @param {string} label the category
   * @param {import("./filters.js").Filters} filters
   * @param {number | null} maxLength letters
   */
  constructor(model, label, filters, maxLength = null) {
    if (filters.novel) throw new NamegenError(`All names of ${label} are known ones. Allow known names.`);
    const { names, weights } = model.closed.get(label);
    const alphabet = new Alphabet([...new Set(names.flatMap(splitLetters))].sort(byCodePoint));
    const longest = Math.max(...names.map((name) => alphabet.encode(name).length));
    this.model = { ...model, alphabet, longest, mask: null };
    this.#label = label;
    this.#hash = hashOf(label);
    this.#filters = filters;
    this.#whatIsWrong = (name, length) =>
      !isWellFormed(name) || length > (maxLength ?? Infinity) ? "malformed" : nameFilter(model, filters)(name, length);
    this.#names = names.map((name, index) => ({ name, weight: weights[index] }));
  }

  /** Sample the name with this number. */
  *draw(prefix, seed, number) {
    const { names, ends } = this.#begin(prefix);
    const point = uniform(streamOf(seed, 0, number, this.#hash), FIRST_LETTER) * ends.at(-1);
    return names[ends.findIndex((end) => end > point)];
  }

  /** Return the acceptable names that begin with a prefix, and the sums of their frequencies. */
  #begin(prefix) {
    if (!this.#candidates.has(prefix)) {
      const { alphabet } = this.model;
      const problems = new Set();
      const kept = this.#names.filter(({ name }) => {
        const problem = this.#whatIsWrong(name, alphabet.encode(name).length);
        if (problem) problems.add(problem);
        return name.startsWith(prefix) && !problem;
      });
      if (!kept.length) {
        const begins = prefix ? [`begins with “${prefix.slice(0, 40)}”`] : [];
        const conditions = [...begins, describeUnmet(problems, this.#filters)].filter((text) => text).join(" and ");
        throw new NamegenError(`No name of ${this.#label} ${conditions || "is short enough"}. Loosen the conditions.`);
      }
      let sum = 0;
      this.#candidates.set(prefix, { names: kept.map(({ name }) => name), ends: kept.map(({ weight }) => (sum += weight)) });
    }
    return this.#candidates.get(prefix);
  }
}
