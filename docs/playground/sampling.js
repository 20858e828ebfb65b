/**
 * Sample names from a model as `src/namegen/sampling/` does: the same seed gives the same names.
 */

import { ClosedSampler } from "./closed.js";
import { NamegenError } from "./errors.js";
import { restrict } from "./letters.js";
import { isGreedy } from "./model.js";
import { Sampler, asBlend, isCertain } from "./sampler.js";
import { CATEGORY, streamOf, uniform } from "./streams.js";

const MAX_REPEATS = 2000; // names in succession that are not new

export { blendOf } from "./categories.js";
export { greedyProbabilities, probabilities } from "./decoding.js";

/** Return a model's sampling settings with another temperature. At 0, top-k, top-p, dropout and floor are off. */
export function atTemperature(sampling, temperature) {
  const greedy = isGreedy(temperature) ? { topK: null, topP: null, dropout: 0, floor: 0 } : {};
  return { ...sampling, ...greedy, temperature };
}

/**
 * What to sample.
 *
 * @typedef {object} NamesWanted
 * @property {number | import("./sampler.js").Blend | {label: string, isClosed: true} | null} category the index of
 *   a category, a blend, or a closed category; `null` samples a category for each name
 * @property {string[]} prefixes in letters of the model
 * @property {number} count of names for each prefix
 * @property {import("./model.js").Sampling} sampling how letters are chosen
 * @property {number | bigint} seed a non-negative integer
 * @property {boolean} [unique] whether to sample no name twice
 * @property {import("./filters.js").Filters} [filters] conditions on the names
 * @property {(name: string) => boolean} [isOffensive] the same as in the filters
 */

/**
 * Sample names, `count` for each prefix.
 *
 * @param {import("./model.js").Model} model
 * @param {NamesWanted} wanted
 * @returns {Generator<{category: NamesWanted["category"], name: string}>}
 * @throws {NamegenError} the model almost never gives an acceptable name, or its outputs are not finite
 */
export function* sampleNames(model, wanted) {
  for (const each of drawNames(model, wanted)) if (each !== null) yield each;
}

/** Sample names as {@link sampleNames}, but also yield `null` after each rejected name, so that the caller can stop. */
export function* drawNames(model, { category, prefixes, count, sampling, seed, unique = false, filters = {}, isOffensive = filters.isOffensive }) {
  const samplers = new Map();
  const samplerOf = (category) => {
    if (!samplers.has(category)) samplers.set(category, samplerFor(model, category, sampling, { ...filters, isOffensive }));
    return samplers.get(category);
  };
  const seen = new Set();
  for (const [place, prefix] of prefixes.entries()) {
    const possible = category === null ? categoriesWith(model, prefix) : [];
    const draw = function* (seed, number) {
      const chosen = category ?? possible[Math.floor(uniform(streamOf(seed, 0, number), CATEGORY) * possible.length)];
      return { category: chosen, name: yield* samplerOf(chosen).draw(prefix, seed, number) };
    };
    const maxRepeats = typeof category === "number" && isCertain(model, sampling, prefix) ? 1 : MAX_REPEATS;
    if (unique) yield* drawUnique(draw, count, BigInt(seed) + (BigInt(place) << 64n), seen, maxRepeats);
    else for (let number = place * count; number < (place + 1) * count; number++) yield yield* draw(seed, number);
  }
}

/** Yield names that have not been seen, and add them to those seen. */
function* drawUnique(draw, count, seed, seen, maxRepeats) {
  let found = 0;
  let repeats = 0;
  for (let number = 0; found < count; number++) {
    const each = yield* draw(seed, number);
    if (!seen.has(each.name)) {
      seen.add(each.name);
      found++;
      repeats = 0;
      yield each;
    } else if (++repeats === maxRepeats) {
      throw new NamegenError(`There ${seen.size === 1 ? "is only 1 name" : `are only ${seen.size} different names`} of this kind. Loosen the conditions, or make the names wilder.`);
    } else {
      yield null;
    }
  }
}

/** Return the model with the letters of a category or blend, in whose alphabet its prefixes are. */
export function modelFor(model, category) {
  if (category === null) return model;
  if (category.isClosed) return new ClosedSampler(model, category.label, {}).model;
  return restrict(model, asBlend(model, category).shares);
}

/** Return the sampler of a category, closed or not, or of a blend. */
export function samplerFor(model, category, sampling, filters) {
  return category.isClosed
    ? new ClosedSampler(model, category.label, filters, sampling.maxLength)
    : new Sampler(model, category, sampling, filters);
}

/** Return the indices of the categories that have all letters of a prefix. */
function categoriesWith({ categories, mask, alphabet }, prefix) {
  const letters = alphabet.encode(prefix);
  const possible = categories.map((_, index) => index).filter((index) => {
    return !mask || letters.every((letter) => mask[index * alphabet.edge + letter]);
  });
  if (!possible.length) throw new NamegenError(`No name can begin with “${prefix.slice(0, 40)}”: no category has all of its letters.`);
  return possible;
}
