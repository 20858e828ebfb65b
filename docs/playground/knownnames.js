/**
 * Find the known names of a category: the names that it was trained on, as `src/namegen/sampling/known_names.py` does.
 *
 * A model has no list of them. A name is known if all its n-grams occur in its category and its hash is among the known
 * ones. A depth-first search finds all such names.
 */

import { byCodePoint } from "./alphabet.js";
import { isKnown } from "./filters.js";
import { normalize } from "./graphemes.js";

const MAX_STEPS = 1_000_000;
const found = new WeakMap(); // by model, the names of each category

/**
 * Return the known names of an open category, in order, without offensive ones; none if its n-grams allow too many names.
 *
 * @param {import("./model.js").Model} model with its mask
 * @param {string} category
 * @param {(name: string) => boolean} isOffensive
 * @returns {string[]}
 */
export function findKnownNames(model, category, isOffensive) {
  if (!found.has(model)) found.set(model, new Map());
  const known = found.get(model);
  if (!known.has(category)) {
    const names = candidates(model, model.categories.indexOf(category));
    known.set(category, names.filter((name) => isKnown(model, name) && !isOffensive(name)).sort(byCodePoint));
  }
  return known.get(category);
}

/** Return all names whose n-grams occur in a category, or none if there are too many. */
function candidates({ mixture, alphabet, longest }, category) {
  if (!mixture) return [];
  const followers = followersIn(mixture.ngram.table, category);
  const before = mixture.ngram.table.order - 1;
  const names = [];
  const waiting = [[alphabet.edge]]; // beginnings of names, with the edge
  for (let step = 0; waiting.length; step++) {
    if (step === MAX_STEPS) return [];
    const letters = waiting.pop();
    if (letters.length > longest + 1) continue;
    for (const letter of followers.get(keyOf(letters.slice(-before).reverse())) ?? []) {
      if (letter === alphabet.edge) names.push(alphabet.decode(letters.slice(1)));
      else waiting.push([...letters, letter]);
    }
  }
  return names.filter((name) => name && normalize(name).name === name);
}

/** Return the letters that follow each context in a category, by the context, the last letter first. */
function followersIn({ outputs, order, letters, first }, category) {
  const followers = new Map();
  for (let row = first[category]; row < first[category + 1]; row++) {
    const [letter, ...context] = letters.subarray(row * order, (row + 1) * order);
    const key = keyOf(context.filter((each) => each !== outputs));
    if (!followers.has(key)) followers.set(key, []);
    followers.get(key).push(letter);
  }
  return followers;
}

function keyOf(letters) {
  return letters.join();
}
