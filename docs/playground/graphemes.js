/**
 * Letters, cases and spaces of text, as in `src/namegen/datasets/graphemes.py`.
 *
 * A letter is a character with the combining marks and joiners after it, in normalization form NFC. Unicode's grapheme
 * breaks, which this follows, are not among the properties that JavaScript knows, so the ranges of Hangul are listed.
 */

const MARK = "\\p{M}\\p{Grapheme_Extend}\\p{Emoji_Modifier}\\u200d\\u0e33\\u0eb3\\u1160-\\u11ff\\ud7b0-\\ud7c6\\ud7cb-\\ud7fb";
const LETTER = new RegExp(`[\\s\\x1c-\\x1f\\x85]|.[${MARK}]{0,31}`, "gsu");
const STARTS_WITH_MARK = new RegExp(`^[${MARK}]`, "u");
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu; // as Python splits
const UNPRINTABLE = /(?![ \u200c\u200d])[\p{C}\p{Z}]/gu;
const DANGLING_JOINERS = /[\u200c\u200d]+(?= |$)/gu;
const GEORGIAN = /^[\u10d0-\u10ff]/u; // it has capitals, but names are written without them

/** Split a text into its letters. */
export function splitLetters(text) {
  return text.normalize("NFC").match(LETTER) ?? [];
}

/** Return a text with single spaces, and none at its ends. */
export function withSingleSpaces(text) {
  return text.replace(SPACES, " ").replace(/^ | $/g, "");
}

/**
 * Normalize a text such that an alphabet can have its letters: NFC, without invisible characters.
 *
 * @param {string} text
 * @returns {{name: string, dropped: number}} and how many characters were dropped: unprintable ones, marks without a
 *   letter, and joiners that join nothing
 */
export function normalize(text) {
  const spaced = withSingleSpaces(text);
  if (/^[ -~]*$/.test(spaced)) return { name: spaced, dropped: 0 };
  const visible = spaced.replace(UNPRINTABLE, "");
  const kept = splitLetters(visible)
    .filter((letter) => !isMark(letter))
    .join("")
    .replace(DANGLING_JOINERS, "");
  const dropped = lengthOf(spaced) - lengthOf(visible) + lengthOf(visible.normalize("NFC")) - lengthOf(kept);
  return { name: withSingleSpaces(kept), dropped };
}

/** Whether a text begins with a mark, which belongs to the letter before it. */
export function isMark(text) {
  return STARTS_WITH_MARK.test(text);
}

/** Return the number of code points. */
export function lengthOf(text) {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Whether a text has capitals, and no small letters. */
export function isUpper(text) {
  return text === text.toUpperCase() && text !== text.toLowerCase();
}

/** Whether a text has small letters, and no capitals. */
export function isLower(text) {
  return text === text.toLowerCase() && text !== text.toUpperCase();
}

/** Return a letter in its other case if that is unique: `ж` for `Ж`, but `null` for `ß` or `ı`. */
export function otherCase(letter) {
  const other = swapped(letter);
  return other !== letter && swapped(other) === letter ? other : null;
}

/** Return the small replacement of a letter in that letter's case, given the letters before and after it. */
export function matchCase(replacement, letter, before, after) {
  if (lengthOf(replacement) < 2 || !isUpper(letter)) return replacement;
  if (isUpper(before) || isUpper(after)) return replacement.toUpperCase();
  const [first, ...others] = replacement;
  return first.toUpperCase() + others.join("").toLowerCase();
}

/** Return a text whose first character is a capital, as titles have it: `ß` becomes `Ss`, and `ა` stays. */
export function withCapital(text) {
  const [first = "", ...others] = text;
  if (GEORGIAN.test(first)) return text;
  const [capital = "", ...more] = first.toUpperCase();
  return capital + more.join("").toLowerCase() + others.join("");
}

/** Return a text without differences of case, for comparisons. */
export function folded(text) {
  return text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");
}

function swapped(text) {
  return [...text].map((each) => (isUpper(each) ? each.toLowerCase() : each.toUpperCase())).join("");
}
