/**
 * The transliteration of characters into ASCII, as Unidecode has it.
 *
 * The table, `spellings.txt`, is written by `scripts/docs/playground_files.py`. Until it is loaded, only Latin letters are
 * known.
 */

import { matchCase, withSingleSpaces } from "./graphemes.js";

/** Latin letters that do not decompose into a letter and an accent, and punctuation. */
const LATIN = new Map(
  Object.entries({
    ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", ħ: "h", ı: "i", ĸ: "k", ł: "l", ŋ: "ng", þ: "th", ŧ: "t",
    "’": "'", "‘": "'", "ʼ": "'", "–": "-", "—": "-", "‐": "-", "\u00a0": " ",
  }),
);
const MISSING = { ə: "e", ә: "a", ا: "a", أ: "a", إ: "i", آ: "a", ى: "a" }; // letters that Unidecode drops

let blocks = null; // the spellings of 256 characters each, by the code point of the first one divided by 256

/**
 * Use the table from now on.
 *
 * @param {string} text a line for each 256 characters: the number of the block in hexadecimal, and the spellings, each
 *   after a tab
 */
export function useSpellings(text) {
  const lines = text.split("\n").filter((line) => line);
  blocks = new Map(
    lines.map((line) => {
      const [block, ...spellings] = line.split("\t");
      return [parseInt(block, 16), spellings];
    }),
  );
}

/** Return the spelling of a text; characters without one are dropped. */
export function unidecode(text) {
  return [...text].map(spellingOf).join("");
}

/**
 * Return the spelling of a character in letters, digits and the punctuation of names, as namegen's `--ascii` has it, in
 * any case.
 */
export function toAscii(character) {
  if (character <= "\x7f") return character;
  const known = MISSING[character.toLowerCase()];
  const kept = (known ?? spellingOf(character)).replace(/[^A-Za-z0-9 .,;'-]/g, "");
  return withSingleSpaces(matchCase(kept, character, "", ""));
}

function spellingOf(character) {
  const point = character.codePointAt();
  if (point < 0x80) return character;
  if (blocks) return blocks.get(point >> 8)?.[point & 0xff] ?? "";
  const lower = character.toLowerCase();
  const spelling = (LATIN.get(lower) ?? lower).normalize("NFD").replace(/[^\x00-\x7f]/g, "");
  return character === lower ? spelling : matchCase(spelling, character, "", "").replace(/^./, (first) => first.toUpperCase());
}
