/**
 * Conditions on names, as in `src/namegen/sampling/name_filters.py`. A name that does not meet them is sampled again.
 */

import { hashName, isAmong } from "./hashes.js";
import { lengthOf } from "./graphemes.js";
import { NamegenError } from "./errors.js";

/**
 * @typedef {object} Filters
 * @property {boolean} [novel] whether known names are left out
 * @property {number | null} [minLength] the minimum number of letters
 * @property {string} [ending] the end of the names, as `--match '.*ENDING'` with the ending quoted
 * @property {RegExp | null} [match] what the whole name must match, as `--match`
 * @property {(name: string) => boolean} [isOffensive] from `offensive.js`; by default no name is offensive
 */

/**
 * Return a function that returns what is wrong with a name, or `null`.
 *
 * @param {import("./model.js").Model} model
 * @param {Filters} filters
 * @returns {(name: string, length: number) => null | "short" | "known" | "unmatched" | "offensive"} of a name and its
 *   number of letters
 * @throws {NamegenError} the model cannot tell which names are novel
 */
export function nameFilter(model, { novel = false, minLength = null, ending = "", match = null, isOffensive = null }) {
  if (novel && !model.hashes.some((hashes) => hashes.length)) {
    throw new NamegenError("The training of the model is not finished, so it cannot tell which names are new. Allow known names.");
  }
  const whole = match && new RegExp(`^(?:${match.source})$`, match.flags.replace(/[gy]/g, ""));
  const end = ending.normalize("NFC");
  return (name, length) => {
    if (length < (minLength ?? 0)) return "short";
    if (novel && isKnown(model, name)) return "known";
    if (!name.endsWith(end) || (whole && !whole.test(name))) return "unmatched";
    return isOffensive && !model.allowsOffensive && isOffensive(name) ? "offensive" : null;
  };
}

/** Whether a name is among the names that a model knows. */
export function isKnown(model, name) {
  return isAmong(hashName(name), model.hashes);
}

/** Whether a name is not empty, has no space at either end, and does not contain two spaces in a row. */
export function isWellFormed(name) {
  return name !== "" && !/^ | $| {2}/.test(name);
}

/** Return the pattern of `--match` for an ending: `.*ow`. */
export function patternOf(ending) {
  return `.*${ending.replace(/[\\^$.*+?()[\]{}|/#&~-]/g, "\\$&")}`;
}

/** Describe the conditions that names did not meet, for an error. */
export function describeUnmet(unmet, { minLength, ending, match }) {
  const texts = {
    short: `has at least ${minLength} letters`,
    implausible: "is plausible enough",
    known: "is new",
    unmatched: match ? `matches ${lengthOf(match.source) > 60 ? "the pattern" : match.source}` : `ends with “${ending}”`,
    offensive: "is not offensive",
  };
  return Object.keys(texts)
    .filter((reason) => unmet.has(reason))
    .map((reason) => texts[reason])
    .join(" and ");
}
