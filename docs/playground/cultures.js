/** Rules for full names, by culture, as in `src/namegen/sampling/cultures.py`. */

import { bulgarianPatronymic, russianPatronymic, ukrainianPatronymic } from "./patronymics.js";

/**
 * The rules of a culture.
 *
 * @typedef {object} Culture
 * @property {boolean} familyFirst whether the surname comes before the given name
 * @property {string} separator the text between the parts of a full name
 * @property {((father: string, gender: string) => string) | null} patronymic forms the middle name
 * @property {"" | "last" | "first"} secondSurname the place of the mother's surname
 * @property {((surname: string) => string) | null} link returns a surname with its particle, if it takes one
 */

const DEFAULT = { familyFirst: false, separator: " ", patronymic: null, secondSurname: "", link: null };
const EAST_ASIAN = { familyFirst: true, separator: "" };
const SPANISH = { secondSurname: "last" };
const PORTUGUESE = { secondSurname: "first", link: portugueseLink };

const CULTURES = {
  Hungarian: { familyFirst: true },
  Chinese: EAST_ASIAN,
  Taiwanese: EAST_ASIAN,
  Japanese: EAST_ASIAN,
  Korean: EAST_ASIAN,
  Vietnamese: { familyFirst: true },
  Spanish: SPANISH,
  Mexican: SPANISH,
  Colombian: SPANISH,
  Chilean: SPANISH,
  Portuguese: PORTUGUESE,
  Brazilian: PORTUGUESE,
  Russian: { patronymic: russianPatronymic },
  Ukrainian: { patronymic: ukrainianPatronymic },
  Bulgarian: { patronymic: bulgarianPatronymic },
};

/**
 * Return the rules of a culture; by default, a full name is the given name, a space and the surname.
 *
 * @param {string} name
 * @returns {Culture}
 */
export function findCulture(name) {
  return { ...DEFAULT, ...(Object.hasOwn(CULTURES, name) ? CULTURES[name] : {}) };
}

const WITH_ARTICLE = new Set(
  (
    "Carmo Conceição Costa Cruz Cunha Fonseca Luz Mata Mota Nascimento Paz Rocha Rosa Rosário Silva Silveira Veiga"
  ).split(" "),
);

/** Add the particle `de` or `dos` to a fifth of the surnames, always to the same ones. */
function portugueseLink(surname) {
  const takesNone = surname.includes(" ") || WITH_ARTICLE.has(surname) || /(es|ez|is|iz)$/.test(surname);
  if (takesNone || crc32(surname) % 5) return surname;
  return `${surname.endsWith("os") ? "dos" : "de"} ${surname}`;
}

/** Return the CRC-32 of a text in UTF-8 (ISO 3309). */
function crc32(text) {
  let rest = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}
