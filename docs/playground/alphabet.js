/**
 * Letters and their indices, and the transliteration of what a user types; as in `src/namegen/datasets/`.
 *
 * A letter is a string, not always of one code point. The index past the last one, the edge, begins a name as an input
 * of the network, and ends it as an output.
 */

import { NamegenError } from "./errors.js";

const MAX_SHOWN = 30; // letters or runs of letters, in words

/** Spellings of letters that do not decompose into a letter and an accent. namegen itself knows other scripts too. */
const SPELT = new Map(
  Object.entries({
    ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", ħ: "h", ı: "i", ĸ: "k", ł: "l", ŋ: "ng", þ: "th", ŧ: "t",
    "’": "'", "‘": "'", "ʼ": "'", "–": "-", "—": "-", "‐": "-", "\u00a0": " ",
  }),
);

export class Alphabet {
  #index;
  #pattern;

  /** @param {string[]} letters distinct and not empty */
  constructor(letters) {
    this.letters = letters;
    this.#index = new Map(letters.map((letter, index) => [letter, index]));
    // The longest letter that matches, else a character with its combining marks.
    const longestFirst = letters.filter((letter) => letter.length > 1).sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp([...longestFirst.map(escaped), ".\\p{M}*"].join("|"), "gsu");
  }

  /** The index that begins and ends a name. */
  get edge() {
    return this.letters.length;
  }

  has(letter) {
    return this.#index.has(letter);
  }

  /** Split a text into letters, and everything else into characters. */
  split(text) {
    const pieces = text.normalize("NFC").match(this.#pattern) ?? [];
    // A mark may be a letter of its own.
    const isApart = (piece) => !this.has(piece) && [...piece].every((each) => this.has(each));
    return pieces.flatMap((piece) => (isApart(piece) ? [...piece] : piece));
  }

  /** Return the indices of the letters of a text, which must all be in the alphabet. */
  encode(text) {
    return this.split(text).map((letter) => this.#index.get(letter));
  }

  /** Return the text of letters with these indices. */
  decode(indices) {
    return indices.map((index) => this.letters[index]).join("");
  }

  /**
   * Transliterate a prefix into the alphabet and the case of the model's names.
   *
   * `Łu` becomes `Lu`, and where names are capitalised `sch` and `SCH` both become `Sch`.
   *
   * @param {string} prefix
   * @param {"lower" | "capitalised" | "upper" | "none"} casing
   * @throws {NamegenError} no name can begin with the prefix
   */
  fit(prefix, casing) {
    const characters = this.split(prefix);
    const spelt = characters.map((character, place) => this.#transliterated(character, characters, place));
    let text = spelt.join("").trim().replace(/\s+/gu, " ");
    if (text && prefix.endsWith(" ") && this.has(" ")) text += " "; // “van ” is another prefix than “van”
    if (spelt.includes("") || (prefix && !text)) {
      throw new NamegenError(`No name can begin with “${prefix.slice(0, 40)}”: the model’s letters are ${this}.`);
    }
    const cased = inCase(text, casing);
    return this.split(cased).every((letter) => this.has(letter)) ? cased : text;
  }

  /** Return a character as the alphabet spells it, or an empty string if it cannot. */
  #transliterated(character, all, place) {
    if (this.has(character)) return character;
    const otherCase = swapped(character); // if the alphabet has the letter in one case only
    if (this.has(otherCase) && swapped(otherCase) === character) return otherCase;
    if (/^\s/u.test(character)) return this.has(" ") ? " " : "";
    const lower = character.toLowerCase();
    let spelling = withoutAccents(lower);
    if (character !== lower) {
      const shouted = [all[place - 1], all[place + 1]].some((beside) => beside && isUpper(beside));
      spelling = shouted ? spelling.toUpperCase() : capitalised(spelling);
    }
    return this.split(spelling).every((letter) => this.has(letter)) ? spelling : "";
  }

  /** Describe the letters, runs first and the space last: `a–z, A–Z, . , ; ' - and space`. */
  toString() {
    const runs = [];
    for (const letter of this.letters.filter((letter) => letter !== " ")) {
      const last = runs.at(-1)?.at(-1);
      if (last && follows(letter, last)) runs.at(-1).push(letter);
      else runs.push([letter]);
    }
    const single = runs.filter((run) => run.length <= 3).flat();
    const parts = runs.filter((run) => run.length > 3).map((run) => `${run[0]}–${run.at(-1)}`).slice(0, MAX_SHOWN);
    if (single.length) parts.push(single.slice(0, MAX_SHOWN).join(" "));
    if (this.has(" ")) parts.push("space");
    if (Math.max(single.length, runs.length) > MAX_SHOWN) parts.push(`others, ${this.edge} letters in all`);
    return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0];
  }
}

/** Return a text in lower case with Latin letters without accents: `łódź` becomes `lodz`. */
export function withoutAccents(lower) {
  const spelt = [...lower].map((character) => SPELT.get(character) ?? character).join("");
  return spelt.normalize("NFD").replace(/\p{Mn}/gu, "");
}

function inCase(text, casing) {
  if (casing === "lower") return text.toLowerCase();
  if (casing === "upper") return text.toUpperCase();
  if (casing !== "capitalised" || !text) return text;
  const shouted = [...text].length > 1 && /^\p{L}+$/u.test(text) && isUpper(text);
  return capitalised(shouted ? text.toLowerCase() : text);
}

function capitalised(text) {
  const [first = "", ...others] = text;
  return first.toUpperCase() + others.join("");
}

function swapped(letter) {
  return isUpper(letter) ? letter.toLowerCase() : letter.toUpperCase();
}

function isUpper(text) {
  return text === text.toUpperCase() && text !== text.toLowerCase();
}

function follows(letter, last) {
  if ([...letter].length !== 1 || [...last].length !== 1 || letter.codePointAt() !== last.codePointAt() + 1) return false;
  return [/\p{Uppercase}/u, /\p{Lowercase}/u].every((inCase) => inCase.test(letter) === inCase.test(last));
}

function escaped(letter) {
  return letter.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
