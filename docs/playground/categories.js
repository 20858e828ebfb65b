/** Categories, blends and cultures of a model, and how they are written, as in `src/namegen/models/categories.py`. */

import { NamegenError } from "./errors.js";
import { folded } from "./graphemes.js";

/** Return all categories of a model, the closed ones included, in order. */
export function allCategories({ categories, closed }) {
  return closed.size ? [...categories, ...closed.keys()].sort() : categories;
}

/**
 * Return the category or blend that a text describes: `German`, `German+Italian` or `German:2+Italian:1`.
 *
 * @param {import("./model.js").Model} model
 * @param {string} text
 * @returns {number | import("./sampler.js").Blend | {label: string, isClosed: true}} the index of a category, a blend, or
 *   a closed category
 * @throws {NamegenError} a category does not exist, or a weight is not a positive number
 */
export function findCategory(model, text) {
  const index = lookUp(model.categories, text);
  if (index !== null) return index;
  const closed = [...model.closed.keys()];
  const known = lookUp(closed, text);
  if (known !== null) return { label: closed[known], isClosed: true };
  const weights = new Map();
  for (const part of text.split("+")) {
    const [name, weight] = parsePart(model, part.trim());
    weights.set(name, (weights.get(name) ?? 0) + weight);
  }
  if (weights.size === 1) return model.categories.indexOf([...weights.keys()][0]);
  return blendOf(model, [...weights]);
}

/**
 * Return a blend of categories.
 *
 * @param {import("./model.js").Model} model
 * @param {[string, number][]} parts at least two different categories, and their weights
 * @returns {import("./sampler.js").Blend}
 */
export function blendOf(model, parts) {
  const largest = Math.max(...parts.map(([, weight]) => weight)); // the sum of the weights might overflow
  const total = parts.reduce((sum, [, weight]) => sum + weight / largest, 0);
  const isEven = parts.every(([, weight]) => weight === parts[0][1]);
  const label = parts.map(([name, weight]) => (isEven || weight === 1 ? name : `${name}:${+weight.toPrecision(12)}`));
  const shares = new Float32Array(model.categories.length);
  for (const [name, weight] of parts) shares[model.categories.indexOf(name)] = weight / largest / total;
  return { label: label.join("+"), shares };
}

/**
 * Return the parts of each culture that has full names, places last.
 *
 * @param {string[]} categories closed ones included, in order
 * @returns {Map<string, string[]>} such as `German` → `female`, `male`, `surname`, `place`
 */
export function listCultures(categories) {
  const cultures = new Map();
  const ordered = [...categories.filter((each) => !each.endsWith("/place")), ...categories.filter((each) => each.endsWith("/place"))];
  for (const category of ordered) {
    const slash = category.indexOf("/");
    const culture = slash < 0 ? category : category.slice(0, slash);
    if (!cultures.has(culture)) cultures.set(culture, []);
    if (slash >= 0) cultures.get(culture).push(category.slice(slash + 1));
  }
  return new Map([...cultures].filter(([, parts]) => ["female", "male"].some((gender) => hasGender(parts, gender))));
}

/** Return the part of a culture that has the surnames of a gender. */
export function surnamePart(parts, gender) {
  return parts.includes(`surname-${gender}`) ? `surname-${gender}` : "surname";
}

/** Whether a culture has full names of a gender. */
export function hasGender(parts, gender) {
  return parts.includes(gender) && parts.includes(surnamePart(parts, gender));
}

/** Return the index of the label with exactly this name, or of the only one that differs only in case, or `null`. */
export function lookUp(labels, text) {
  const name = text.normalize("NFC");
  if (labels.includes(name)) return labels.indexOf(name);
  const close = labels.filter((label) => folded(label) === folded(name));
  return close.length === 1 ? labels.indexOf(close[0]) : null;
}

/**
 * Return a name and its weight from a text such as `German:2`; the weight is 1 if there is none.
 *
 * @param {string} text
 * @param {(name: string) => number | null} find returns the index of a name
 */
export function parseWeight(text, find) {
  const colon = text.lastIndexOf(":");
  if (find(text) !== null || colon < 0) return [text, 1];
  const number = text.slice(colon + 1).trim();
  const weight = number === "" ? NaN : Number(number);
  if (!(weight > 0 && weight < Infinity)) {
    throw new NamegenError(`The weight in “${text.slice(0, 40)}” is not a positive number. Write it like German:2.`);
  }
  return [text.slice(0, colon).trim(), weight];
}

function parsePart({ categories, closed }, part) {
  if (part === "") throw new NamegenError("A part of the blend is empty. Write it like German:2+Italian.");
  const [name, weight] = parseWeight(part, (name) => lookUp(categories, name));
  const index = lookUp(categories, name);
  if (index === null) {
    const isClosed = lookUp([...closed.keys()], name) !== null;
    throw new NamegenError(
      isClosed ? `${name} has known names only, so it cannot be blended. Use it alone.` : `“${name.slice(0, 40)}” is not a category of the model. Choose another.`,
    );
  }
  return [categories[index], weight];
}
