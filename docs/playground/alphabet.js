/**
 * Letters and their indices, and the transliteration of what a user types; as in `src/namegen/datasets/`.
 *
 * A letter is a string, not always of one code point. The index past the last one, the edge, begins a name as an input
 * of the network, and ends it as an output.
 */

import { NamegenError } from "./errors.js";
import { isUpper, matchCase, normalize, otherCase, withSingleSpaces } from "./graphemes.js";
import { unidecode } from "./transliteration.js";

const MAX_SHOWN = 30; // letters or runs of letters, in words

export class Alphabet {
  #index;
  #pattern;
  #pieces;

  /** @param {string[]} letters distinct and not empty */
  constructor(letters) {
    this.letters = letters;
    this.#index = new Map(letters.map((letter, index) => [letter, index]));
    // The longest letter that matches, else a character with its combining marks.
    this.#pattern = patternOf(letters, ".\\p{M}*");
    this.#pieces = patternOf(letters.some((letter) => letter.length > 1) ? withOtherCases(letters) : letters, ".");
  }

  /** The index that begins and ends a name. */
  get edge() {
    return this.letters.length;
  }

  has(letter) {
    return this.#index.has(letter);
  }

  /** Return the index of a letter; `undefined` if the alphabet does not have it. */
  indexOf(letter) {
    return this.#index.get(letter);
  }

  /** Split a text into letters, and everything else into characters with their marks. */
  split(text) {
    const pieces = text.normalize("NFC").match(this.#pattern) ?? [];
    // A mark may be a letter of its own.
    const isApart = (piece) => !this.has(piece) && [...piece].every((each) => this.has(each));
    return pieces.flatMap((piece) => (isApart(piece) ? [...piece] : piece));
  }

  /** Return the indices of the letters of a text, which must all be in the alphabet. */
  encode(text) {
    return this.#split(text).map((letter) => this.#index.get(letter));
  }

  /** Return the text of letters with these indices. */
  decode(indices) {
    return Array.from(indices, (index) => this.letters[index]).join("");
  }

  /** Whether the alphabet has all letters of a text. */
  hasAll(text) {
    return this.#split(text).every((letter) => this.has(letter));
  }

  /** Return an alphabet with more letters after these, in order; the same one if it has them all. */
  extended(letters) {
    const added = [...new Set(letters)].filter((letter) => !this.has(letter)).sort(byCodePoint);
    return added.length ? new Alphabet([...this.letters, ...added]) : this;
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
    let { text, dropped } = this.#transliterate(prefix);
    if (text && prefix.endsWith(" ") && this.has(" ")) text += " "; // “van ” is another prefix than “van”
    if (prefix && (dropped || !text)) {
      throw new NamegenError(`No name can begin with “${prefix.slice(0, 40)}”: the model’s letters are ${this}.`);
    }
    return this.inCase(text, casing);
  }

  /** Return a name in another case, or unchanged if that would leave the alphabet. */
  inCase(name, casing) {
    const cased = inCase(name, casing);
    return this.hasAll(cased) ? cased : name;
  }

  /**
   * Read a name as `namegen sample --like` does: its letters stay as they are, and the alphabet gains them. Punctuation is
   * transliterated if the alphabet has its replacement, and symbols otherwise dropped.
   *
   * @returns {{name: string, dropped: number}} and how many characters were dropped
   */
  read(text) {
    const { name, dropped } = normalize(text);
    if (this.hasAll(name)) return { name, dropped };
    const parts = this.#split(name).map((letter) => this.#readLetter(letter));
    return { name: withSingleSpaces(parts.join("")), dropped: dropped + parts.filter((part) => part === "").length };
  }

  #readLetter(letter) {
    if (this.has(letter) || /^[\p{L}\p{M}\p{N}\p{Z}]/u.test(letter)) return letter;
    const replacement = unidecode(letter);
    if (replacement && this.hasAll(replacement)) return replacement;
    return /^\p{P}/u.test(letter) ? letter : "";
  }

  #transliterate(given) {
    const characters = this.#split(given.normalize("NFC"));
    if (characters.every((character) => this.has(character))) return { text: withSingleSpaces(given.normalize("NFC")), dropped: 0 };
    let dropped = 0;
    let isKept = false; // whether the letter before is in the alphabet
    const parts = characters.map((character, place) => {
      const isAccent = /^\p{Mn}/u.test(character);
      if (/^\p{M}/u.test(character) && isKept && !this.has(character)) {
        dropped += isAccent ? 0 : 1; // a vowel sign must not become a Latin letter
        return "";
      }
      const known = this.has(character) ? character : otherCase(character);
      isKept = known !== null && this.has(known);
      if (isKept) return known;
      if (/^[\s\x1c-\x1f\x85]/u.test(character)) return this.has(" ") ? " " : "";
      const replacement = matchCase(unidecode(character), character, characters[place - 1] ?? "", characters[place + 1] ?? "");
      const part = this.#split(replacement).filter((letter) => this.has(letter)).join("");
      dropped += part || isAccent ? 0 : 1;
      return part;
    });
    return { text: withSingleSpaces(parts.join("")), dropped };
  }

  /** Split a text into letters, in either case, and into the characters between them. */
  #split(text) {
    return text.match(this.#pieces) ?? [];
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

/** Compare texts by their code points, as Python sorts them. */
export function byCodePoint(one, other) {
  const [left, right] = [[...one], [...other]];
  const place = left.findIndex((character, at) => character !== right[at]);
  if (place < 0) return left.length - right.length;
  return place < right.length ? left[place].codePointAt() - right[place].codePointAt() : 1;
}

function inCase(text, casing) {
  if (casing === "lower") return text.toLowerCase();
  if (casing === "upper") return text.toUpperCase();
  if (casing !== "capitalised" || !text) return text;
  const [first, ...others] = text;
  const isShouted = others.length > 0 && /^\p{L}+$/u.test(text) && isUpper(text);
  return first.toUpperCase() + (isShouted ? others.join("").toLowerCase() : others.join(""));
}

/** Return a pattern of the letters of several characters, the longest first, or of something else. */
function patternOf(letters, other) {
  const longestFirst = letters.filter((letter) => letter.length > 1).sort((a, b) => b.length - a.length);
  return new RegExp([...longestFirst.map(escaped), other].join("|"), "gsu");
}

function withOtherCases(letters) {
  return [...new Set([...letters, ...letters.map(otherCase).filter((letter) => letter !== null)])];
}

function follows(letter, last) {
  if ([...letter].length !== 1 || [...last].length !== 1 || letter.codePointAt() !== last.codePointAt() + 1) return false;
  return [/\p{Uppercase}/u, /\p{Lowercase}/u].every((inCase) => inCase.test(letter) === inCase.test(last));
}

function escaped(letter) {
  return letter.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
