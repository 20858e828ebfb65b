/**
 * Pools of names, from which people get their names, as in `src/namegen/sampling/name_pools.py`.
 *
 * A pool grows up to a maximum. Each of its names is used once, in order; after that, names are chosen from it at random.
 * Here, a name is sampled when it is first needed; its random numbers are the same.
 */

import { findCategory } from "./categories.js";
import { folded, withCapital } from "./graphemes.js";
import { findKnownNames } from "./knownnames.js";
import { samplerFor } from "./sampling.js";
import { hashOf, streamOf, uniform } from "./streams.js";

const MIN_NAMES = 200; // of a category, for other settings than the model's

/** Names of one category. */
export class NamePool {
  #sampler;
  #prefix;
  #seed;
  #label;
  #number;
  #maxSize;
  #names = [];
  #taken = 0;

  /**
   * @param {import("./model.js").Model} model
   * @param {string} category
   * @param {string} prefix
   * @param {object} options
   * @param {number | bigint} options.seed
   * @param {number} options.number of the pool; the names of different pools are independent
   * @param {number} options.maxSize the maximum number of names
   * @param {boolean} options.novel whether to leave out known names; closed categories ignore this
   * @param {object} options.settings sampling settings instead of those of the model, for categories of enough names
   * @param {(name: string) => boolean} options.isOffensive
   * @throws {NamegenError} no name of the category can begin with the prefix
   */
  constructor(model, category, prefix, { seed, number, maxSize, novel, settings, isOffensive }) {
    const found = findCategory(model, category);
    const isSmall = found.isClosed || model.counts[found] < MIN_NAMES;
    const sampling = { ...model.sampling, ...(isSmall ? {} : settings) };
    const filters = { novel: novel && !found.isClosed, isOffensive };
    this.#sampler = samplerFor(model, found, found.isClosed ? { maxLength: null } : sampling, filters);
    this.#prefix = this.#sampler.model.alphabet.fit(prefix, model.casing);
    this.#seed = BigInt(seed);
    this.#number = number;
    this.#label = hashOf(`${category} ${number}`);
    this.#maxSize = maxSize;
  }

  /** Return the next name. Yields `null` while it is being sampled. */
  *next() {
    const number = this.#taken++;
    return yield* this.#name(number < this.#maxSize ? number : choose(number, this.#maxSize, this.#seed, this.#label));
  }

  *#name(index) {
    if (this.#names[index] === undefined) {
      const seed = this.#seed + (BigInt(this.#number) << 96n); // different in every pool
      const name = yield* this.#sampler.draw(this.#prefix, seed, index);
      // A letter without a capital among the training names has become a small one.
      this.#names[index] = this.#prefix ? withCapital(name) : name;
    }
    return this.#names[index];
  }
}

/** The known names of an open category, chosen at random. */
export class KnownPool {
  #seed;
  #label;
  #taken = 0;

  /** The arguments are those of {@link NamePool}. */
  constructor(model, category, prefix, { seed, number, isOffensive }) {
    const begins = folded(prefix);
    /** The known names that begin with the prefix, in upper or lower case; empty if there are none. */
    this.names = findKnownNames(model, category, isOffensive).filter((name) => folded(name).startsWith(begins));
    this.#seed = seed;
    this.#label = hashOf(`${category} ${number}`);
  }

  *next() {
    return this.names[choose(this.#taken++, this.names.length, this.#seed, this.#label)];
  }
}

/** Return a random index below `size` for the name with a number. */
function choose(number, size, seed, label) {
  return Math.floor(uniform(streamOf(seed, 0, number, label), 0) * size);
}
