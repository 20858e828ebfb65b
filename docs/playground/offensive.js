/**
 * Find offensive names as `src/namegen/sampling/offensive.py` does. The list, `src/namegen/data/offensive.txt`, has hashes
 * of words and, after `*`, parts of words in ROT13, so that it does not display them.
 */

import { toAscii } from "./transliteration.js";

const MAX_WORD = 16; // letters
const MULTIPLIER = 0x9e3779b97f4a7c15n;

/**
 * Return a function that returns whether a name is offensive.
 *
 * @param {string} list the text of the file
 * @returns {(name: string) => boolean}
 */
export function offensiveFilter(list) {
  const lines = list.split("\n").filter((line) => line);
  const words = new Set(lines.filter((line) => !line.startsWith("*")));
  const parts = lines.filter((line) => line.startsWith("*")).map((line) => rot13(line.slice(1)));
  return (name) => {
    const letters = `_${[...name].map(toAscii).join("").toLowerCase().replace(/[^a-z]/g, "_")}_`; // _ separates words
    return parts.some((part) => letters.includes(part)) || letters.split("_").some((word) => words.has(hashOf(word)));
  };
}

/** Return the hash of a word, in hexadecimal; an empty string for words that cannot be in the list. */
function hashOf(word) {
  if (word === "" || word.length > MAX_WORD) return "";
  let hash = BigInt(word.length + 1) * ((MULTIPLIER >> 1n) | 1n);
  for (const letter of word) {
    const code = BigInt(letter.charCodeAt() - 96); // a is 1
    hash = BigInt.asUintN(64, (hash + code + 1n) * MULTIPLIER);
    hash ^= hash >> 32n;
  }
  return hash.toString(16).padStart(16, "0");
}

function rot13(text) {
  return text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt() - 97 + 13) % 26) + 97));
}
