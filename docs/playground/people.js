/**
 * Invent people with full names, as `src/namegen/sampling/persons.py` does: the same seed gives the same people as
 * `namegen people`.
 */

import { allCategories, hasGender, listCultures, lookUp, parseWeight, surnamePart } from "./categories.js";
import { findCulture } from "./cultures.js";
import { NamegenError } from "./errors.js";
import { isKnown } from "./filters.js";
import { normalize, splitLetters, withCapital } from "./graphemes.js";
import { KnownPool, NamePool } from "./pools.js";
import { hashOf, streamOf, uniform } from "./streams.js";

const GENDERS = ["female", "male"];
const [MIN_POOL, MAX_POOL] = [2 ** 10, 2 ** 14]; // names
const ALL_POOLS = 2 ** 16; // names, if that leaves every pool its minimum
const POOLS_PER_CULTURE = 4;
const MAX_UNIQUE_POOL = 2 ** 20; // if a name is fixed
const FLOOR = 0.7; // the plausibility floor
const NOVEL_TEMPERATURE = 0.8; // of names beside a known one
const ENOUGH_SURNAMES = 300;
const MAX_REPEATS = 2 ** 14; // full names in succession that are not new

/** The purposes of a pool of names. */
const [ANY, KNOWN, NOVEL, MOTHER, FATHER] = [0, 1, 2, 3, 4];
const PURPOSES = 5;

/**
 * @typedef {object} Person
 * @property {string} culture
 * @property {"female" | "male"} gender
 * @property {string} given
 * @property {string} middle the patronymic, or an empty string
 * @property {string} surname
 * @property {string} name the full name
 */

/**
 * Invent people.
 *
 * @param {import("./model.js").Model} model
 * @param {object} wanted as the options of `namegen people`
 * @param {string[] | null} wanted.cultures each may have a weight, as in `German:3`; `null` for all in random order
 * @param {number} wanted.count
 * @param {"female" | "male" | "any"} [wanted.gender]
 * @param {string | null} [wanted.given] the given name of everybody
 * @param {string | null} [wanted.surname] the surname of everybody
 * @param {string | null} [wanted.start] letters; given names begin with each in turn
 * @param {"parts" | "none" | "allow"} [wanted.known] which names are known ones
 * @param {boolean} [wanted.unique] whether to invent no full name twice
 * @param {number | bigint} wanted.seed
 * @param {(name: string) => boolean} [wanted.isOffensive]
 * @returns {Generator<Person | null>} people, and `null` while the next one is being sampled
 * @throws {NamegenError} the model does not have a culture, or no names of the gender or with the start letters
 */
export function* drawPeople(model, wanted) {
  const { cultures, count, seed, given = null, start = null, unique = false } = wanted;
  if (given !== null && start !== null) throw new NamegenError("Give either a given name or start letters.");
  const shares = sharesOf(model, cultures, wanted.gender ?? "any", seed);
  const hasFixed = given !== null || (wanted.surname ?? null) !== null;
  const request = {
    gender: "any",
    known: "parts",
    isOffensive: () => false,
    ...wanted,
    given: fixedName(given),
    surname: fixedName(wanted.surname ?? null),
    start: start === null ? [""] : splitLetters(start),
    poolSize: unique && hasFixed ? MAX_UNIQUE_POOL : poolSize(shares.size),
  };
  const populations = [];
  for (const [culture, share] of shares) {
    try {
      populations.push({ population: new Population(model, request, culture), share, done: 0 });
    } catch (error) {
      if (cultures !== null || !(error instanceof NamegenError)) throw error; // of all, those with the start letters
    }
  }
  if (!populations.length) throw new NamegenError("No culture has given names that begin with these letters. Choose others.");
  const total = populations.reduce((sum, { share }) => sum + share, 0);
  const seen = new Set();
  for (let invented = 0; invented < count; invented++) {
    const next = nextPopulation(populations, total);
    for (let repeats = 0; ; repeats++) {
      if (repeats === MAX_REPEATS) {
        throw new NamegenError(`There are only ${next.done} different full names of this kind for ${next.population.culture}. Ask for fewer.`);
      }
      const person = yield* next.population.next();
      if (unique && seen.has(person.name)) continue;
      seen.add(person.name);
      next.done++;
      yield person;
      break;
    }
  }
}

/** Compose a full name by the rules of a culture. */
export function compose(culture, gender, given, surname, father = "", motherSurname = "") {
  const { patronymic, secondSurname, link, familyFirst, separator } = findCulture(culture);
  if (!surname.includes(" ")) {
    const [first = "", ...others] = surname;
    surname = withCapital(first) + others.join("");
  }
  const middle = patronymic && father ? patronymic(father, gender) : "";
  if (secondSurname && motherSurname) {
    const both = secondSurname === "last" ? [surname, motherSurname] : [motherSurname, surname];
    surname = (link ? both.map(link) : both).join(" ");
  }
  const names = familyFirst ? [surname, middle, given] : [given, middle, surname];
  return { culture, gender, given, middle, surname, name: names.filter((name) => name).join(separator) };
}

/** The people of one culture, in order. */
class Population {
  #model;
  #request;
  #rules;
  #parts;
  #genders;
  #genderLabel;
  #purposes; // of the given names and the surnames
  #pools = new Map();
  #done = 0;

  constructor(model, request, culture) {
    this.#model = model;
    this.#request = request;
    this.culture = culture;
    this.#rules = findCulture(culture);
    this.#parts = listCultures(allCategories(model)).get(culture);
    const genders = GENDERS.filter((gender) => hasGender(this.#parts, gender));
    this.#genders = genders.filter((gender) => [gender, "any"].includes(request.gender));
    if (!this.#genders.length) {
      throw new NamegenError(`There are no ${request.gender} names for ${culture}. Choose the gender ${genders[0]}.`);
    }
    this.#genderLabel = hashOf(`${culture} gender`);
    this.#purposes = this.#choosePurposes();
    if (request.given !== null || !request.start.some((letter) => letter)) return;
    for (const gender of this.#genders) {
      request.start.forEach((_, letter) => this.#makePool(gender, ANY, letter)); // throws if the letter cannot be written
    }
  }

  /** Invent the next person. */
  *next() {
    const { seed, start, given, surname, known } = this.#request;
    const number = this.#done++;
    const which = this.#genders.length > 1 ? Math.floor(uniform(streamOf(seed, 0, number, this.#genderLabel), 0) * 2) : 0;
    const gender = this.#genders[which];
    const [ofGiven, ofSurname] = this.#purposes;
    const givenName = given ?? (yield* this.#pool(gender, ofGiven, number % start.length).next());
    const part = surnamePart(this.#parts, gender);
    const surnameOf = (purpose) => this.#pool(part, purpose).next();
    const ownSurname = surname ?? (yield* surnameOf(ofSurname));
    let mother = "";
    if (this.#rules.secondSurname && surname === null) {
      mother = yield* surnameOf(ofSurname === NOVEL && known === "parts" ? MOTHER : ofSurname);
    }
    let father = "";
    if (this.#rules.patronymic && this.#parts.includes("male")) father = yield* this.#pool("male", FATHER).next();
    return compose(this.culture, gender, givenName, ownSurname, father, mother);
  }

  /** Return the purposes of the given names and the surnames, by what may be known. */
  #choosePurposes() {
    const { known, given, surname } = this.#request;
    if (known !== "parts") return known === "none" ? [NOVEL, NOVEL] : [ANY, ANY];
    if (given !== null) return isKnown(this.#model, given) ? [KNOWN, NOVEL] : [KNOWN, KNOWN];
    if (surname !== null) return isKnown(this.#model, surname) ? [NOVEL, KNOWN] : [KNOWN, KNOWN];
    const givens = this.#countNames(this.#genders);
    const surnames = this.#countNames(new Set(this.#genders.map((gender) => surnamePart(this.#parts, gender))));
    return surnames >= Math.min(givens, ENOUGH_SURNAMES) ? [KNOWN, NOVEL] : [NOVEL, KNOWN];
  }

  /** Return the number of training names of some parts; closed ones have none. */
  #countNames(parts) {
    const { categories, counts } = this.#model;
    return [...parts].reduce((sum, part) => sum + (counts[categories.indexOf(`${this.culture}/${part}`)] ?? 0), 0);
  }

  #pool(part, purpose, letter = null) {
    const key = `${part} ${purpose} ${letter}`;
    if (!this.#pools.has(key)) this.#pools.set(key, this.#makePool(part, purpose, letter));
    return this.#pools.get(key);
  }

  #makePool(part, purpose, letter) {
    const { seed, known, start, poolSize, isOffensive } = this.#request;
    const category = `${this.culture}/${part}`;
    const prefix = letter === null ? "" : start[letter];
    const number = purpose + PURPOSES * (letter ?? 0);
    const novel = purpose === NOVEL || known === "none";
    if (!novel && purpose !== ANY && !this.#model.closed.has(category)) {
      const pool = new KnownPool(this.#model, category, prefix, { seed, number, isOffensive });
      if (pool.names.length) return pool;
    }
    const settings = {
      ...(this.#model.limits ? { floor: FLOOR } : {}),
      ...(known === "parts" ? { temperature: NOVEL_TEMPERATURE } : {}),
    };
    return new NamePool(this.#model, category, prefix, { seed, number, maxSize: poolSize, novel, settings, isOffensive });
  }
}

/** Return the share of each culture; by default all with the gender, in random order. */
function sharesOf(model, texts, gender, seed) {
  const cultures = listCultures(allCategories(model));
  if (!cultures.size) throw new NamegenError("The model has no cultures. Use the included model people.");
  if (texts === null) {
    const names = [...cultures.keys()].filter((name) => gender === "any" || hasGender(cultures.get(name), gender));
    const label = hashOf("cultures");
    const points = names.map((_, index) => uniform(streamOf(seed, 0, index, label), 0));
    const order = [...names.keys()].sort((a, b) => points[a] - points[b]);
    return new Map(order.map((index) => [names[index], 1 / names.length]));
  }
  const names = [...cultures.keys()];
  const weights = new Map();
  for (const text of texts) {
    const [name, weight] = parseWeight(text, (name) => lookUp(names, name));
    const index = lookUp(names, name);
    if (index === null) throw new NamegenError(`“${name.slice(0, 40)}” is not a culture of the model. Choose another.`);
    weights.set(names[index], (weights.get(names[index]) ?? 0) + weight);
  }
  if (!weights.size) throw new NamegenError("No culture is given. Choose at least one.");
  const largest = Math.max(...weights.values());
  const total = [...weights.values()].reduce((sum, weight) => sum + weight / largest, 0);
  return new Map([...weights].map(([culture, weight]) => [culture, weight / largest / total]));
}

/** Return the population of the next person: the n-th person of a culture comes after (n - 1/2) / share people. */
function nextPopulation(populations, total) {
  const place = ({ done, share }) => (done + 0.5) / (share / total);
  return populations.reduce((first, other) => (place(other) < place(first) ? other : first));
}

/** Return the maximum number of names of a pool: a power of two, smaller for more cultures. */
function poolSize(cultures) {
  const share = Math.floor(ALL_POOLS / (POOLS_PER_CULTURE * cultures));
  const power = share ? 2 ** Math.floor(Math.log2(share)) : 0;
  return Math.min(Math.max(power, MIN_POOL), MAX_POOL);
}

/** Return a name that the user fixes, normalized. */
function fixedName(name) {
  if (name === null) return null;
  const { name: fixed, dropped } = normalize(name);
  if (!fixed || dropped) throw new NamegenError(`The name “${name.slice(0, 40)}” is not printable text. Use letters.`);
  return fixed;
}
