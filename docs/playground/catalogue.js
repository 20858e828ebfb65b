/**
 * Which cultures and kinds of names there are, and which category of which model has them.
 *
 * The categories of a model are plain (`German`) or have a part (`German/female`). The plain ones of the included model
 * `pretrained` are surnames.
 */

import { hasGender, listCultures } from "./categories.js";
import { NamegenError } from "./errors.js";

/** The kinds of names, in the order of the page. */
const KINDS = {
  full: "Full names",
  "full-female": "Full names, women",
  "full-male": "Full names, men",
  female: "Women’s names",
  male: "Men’s names",
  surname: "Surnames",
  "surname-female": "Surnames, women",
  "surname-male": "Surnames, men",
  place: "Places",
  name: "Names",
};
const GENDERS = { full: "any", "full-female": "female", "full-male": "male" };
const STAND_INS = { surname: ["surname-male", "surname-female"], "surname-female": ["surname"], "surname-male": ["surname"] };

/** Whether a kind is of full names, which are composed of several names. */
export function isFull(kind) {
  return Object.hasOwn(GENDERS, kind);
}

/** Return how the page calls a kind of name. */
export function labelOf(kind) {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind] : kind.slice(0, 40);
}

export class Catalogue {
  #entries;

  /**
   * @param {object[]} models the first that has all that is asked is used
   * @param {string} models[].model its name
   * @param {string[]} models[].categories
   * @param {string} models[].plain the kind of its plain categories
   * @param {boolean} [models[].hasFloor] whether it can tell how plausible names are
   */
  constructor(models) {
    this.#entries = models.map(({ model, categories, plain, hasFloor = true }) => {
      const parts = new Map(); // by culture, the category of each part
      for (const category of categories) {
        const slash = category.indexOf("/");
        const [culture, part] = slash < 0 ? [category, plain] : [category.slice(0, slash), category.slice(slash + 1)];
        if (!parts.has(culture)) parts.set(culture, new Map());
        parts.get(culture).set(part, category);
      }
      const isPlain = categories.every((category) => !category.includes("/"));
      return { model, plain, hasFloor, parts, isPlain, people: listCultures(categories) };
    });
    const names = new Set(this.#entries.flatMap(({ parts }) => [...parts.keys()]));
    /** The names of all cultures. */
    this.cultures = [...names].sort((one, other) => one.localeCompare(other, "en"));
  }

  /**
   * Return the kinds of names that all of these cultures have; without cultures, those of any culture.
   *
   * @param {string[]} cultures
   * @returns {{kind: string, label: string}[]}
   */
  kinds(cultures) {
    const others = this.#entries.flatMap(({ parts }) => cultures.flatMap((culture) => [...(parts.get(culture)?.keys() ?? [])]));
    const all = [...new Set([...Object.keys(KINDS), ...others])];
    return all.filter((kind) => this.#has(cultures, kind, others)).map((kind) => ({ kind, label: labelOf(kind) }));
  }

  /**
   * Return where the names of a kind are.
   *
   * @param {[string, number][]} cultures with their weights; none for any culture
   * @param {string} kind
   * @returns {{model: string, people: {cultures: string[] | null, gender: string}} | {model: string, category: string | null, hasFloor: boolean}}
   * @throws {NamegenError} a culture or its names of the kind do not exist
   */
  find(cultures, kind) {
    const names = cultures.map(([name]) => name);
    const unknown = names.find((name) => !this.cultures.includes(name));
    if (unknown !== undefined) throw new NamegenError(`“${unknown.slice(0, 40)}” is not a culture of this page. Choose another.`);
    const entry = this.#entryOf(names, kind);
    if (!entry) {
      const what = labelOf(kind).toLowerCase();
      throw new NamegenError(`There are no ${what} for ${names.join(" and ") || "any culture"}. Choose another kind of name.`);
    }
    const weigh = ([name, weight], text) => (cultures.length > 1 ? `${text ?? name}:${weight}` : (text ?? name));
    if (isFull(kind)) {
      return { model: entry.model, people: { cultures: cultures.length ? cultures.map((each) => weigh(each)) : null, gender: GENDERS[kind] } };
    }
    const parts = cultures.map((each) => weigh(each, categoryOf(entry, each[0], kind)));
    return { model: entry.model, category: parts.length ? parts.join("+") : null, hasFloor: entry.hasFloor };
  }

  /** Return the cultures that a list can be mixed with: the categories of the first model. */
  mixable() {
    return [...this.#entries[0].parts.keys()];
  }

  /** Return the category of a model that has the names of a kind of a culture, if there is one. */
  categoryOf(model, culture, kind) {
    const entry = this.#entries.find((each) => each.model === model);
    return entry && categoryOf(entry, culture, kind);
  }

  #has(cultures, kind, parts) {
    const isExtra = ["surname-female", "surname-male"].includes(kind) && !parts.includes(kind);
    return !isExtra && this.#entryOf(cultures, kind) !== undefined;
  }

  /** Return the first model that has the names of a kind; rather one with names of just this kind than one with stand-ins. */
  #entryOf(cultures, kind) {
    if (isFull(kind)) return this.#entries.find((entry) => hasFull(entry, cultures, GENDERS[kind]));
    if (!cultures.length) return this.#entries.find(({ plain, isPlain }) => kind === plain && (isPlain || this.#entries.length === 1));
    const able = this.#entries.filter((entry) => cultures.every((culture) => categoryOf(entry, culture, kind) !== undefined));
    const exact = ({ parts }) => cultures.filter((culture) => parts.get(culture).has(kind)).length;
    return able.find((entry) => exact(entry) === cultures.length) ?? able.find(exact) ?? able[0];
  }
}

function hasFull({ people }, cultures, gender) {
  if (!cultures.length) return people.size > 0;
  return cultures.every((name) => people.has(name) && (gender === "any" || hasGender(people.get(name), gender)));
}

function categoryOf({ parts }, culture, kind) {
  const own = parts.get(culture);
  const part = [kind, ...(STAND_INS[kind] ?? [])].find((each) => own?.has(each));
  return own?.get(part);
}
