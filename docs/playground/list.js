/**
 * Read a list of names as `namegen sample --like` reads a plain list: a name on each line, perhaps after bullets or
 * numbers, and with comments. Repeated names count once.
 *
 * namegen itself also reads tables, JSON and lists with headings.
 */

import { byCodePoint } from "./alphabet.js";
import { NamegenError } from "./errors.js";
import { isLower, isUpper, lengthOf, otherCase, splitLetters } from "./graphemes.js";

const MAX_NAMES = 100_000;
const MAX_NAME = 1_000; // bytes
const MAX_LOST = 0.2; // of the letters
const MARKED = 0.6; // of the lines, to take bullets or numbers for structure
const COMMENT = /^(?:#(?!\d|#+ *[\p{L}\p{N}])|\/\/|<!--.*-->$)/u;
const BULLET = /^(?:[*•‣◦▪●○■►▸⁃∙]+\s*|[-–—+·]\s+)(?=\S)/u;
const NUMBERING = /^\(?#?(\d{1,9})(?:\s*[.):\]–—-]+\s*|\s+)(?=\S)/u;
const TABLE = /[\t,;|]/;
const HEADING = /^(?:\[[^\]]+\]:?|[=#]{2,6}[^=#].*|[^:]{1,60}:)$/u;

/**
 * Names of one category, in an alphabet.
 *
 * @typedef {object} NameList
 * @property {string} label the category
 * @property {string[]} names
 * @property {import("./alphabet.js").Alphabet} alphabet with all their letters
 * @property {string[]} notes what was done that the user might not expect
 */

/**
 * Read a list for a model.
 *
 * @param {import("./model.js").Model} model
 * @param {string} text
 * @param {string} label the category: the name of the file, without its extension
 * @returns {NameList} in the case of the model's names, and in its alphabet with more letters at the end
 * @throws {NamegenError} it has no names, or seems not to be a list of names
 */
export function readList(model, text, label = "names") {
  const { lines, notes } = linesOf(text);
  let letters = 0;
  let dropped = 0;
  let repeats = 0;
  const names = new Set();
  for (const line of lines) {
    if (new TextEncoder().encode(line).length > MAX_NAME) {
      throw new NamegenError(`The line “${line.slice(0, 40)}…” is too long for a name. Put each name on its own line.`);
    }
    const read = model.alphabet.read(line);
    dropped += read.dropped;
    const name = read.dropped ? withoutMarks(read.name, line) : read.name;
    letters += lengthOf(name);
    if (names.has(name)) repeats++;
    else if (name) names.add(name);
  }
  if (!names.size) throw new NamegenError("The list has no names. Put one name on each line.");
  if (names.size > MAX_NAMES) throw new NamegenError(`The list has more than ${MAX_NAMES} names. Use a part of it.`);
  if (dropped > MAX_LOST * (dropped + letters)) throw new NamegenError("Most of the list cannot be read as names. Put one name on each line.");
  if (repeats) notes.push(`Left out ${repeats} repeated ${repeats === 1 ? "name" : "names"}.`);
  if (dropped) notes.push(`Dropped ${dropped} ${dropped === 1 ? "character" : "characters"} that cannot be in names.`);
  return { label, ...fitted(model, [...names]), notes };
}

/** Return the lines of a list, without bullets, numbers and comments. */
function linesOf(text) {
  if (text.includes("\0")) throw new NamegenError("The list is not text in UTF-8. Save it as UTF-8.");
  const notes = [];
  let lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/).map((line) => line.trim()).filter((line) => line);
  const comments = lines.filter((line) => COMMENT.test(line));
  if (comments.length && (2 * comments.length <= lines.length || comments.every((line) => [" ", ""].includes(line.slice(1, 2))))) {
    lines = lines.filter((line) => !COMMENT.test(line));
    notes.push(`Skipped comments, such as “${comments[0].slice(0, 40)}”.`);
  }
  for (const [mark, what] of [[BULLET, "bullets"], [NUMBERING, "the numbers of the lines"]]) {
    const marks = lines.map((line) => line.match(mark)).filter((match) => match);
    if (!marks.length || marks.length < MARKED * lines.length || (mark === NUMBERING && !areNumbered(marks))) continue;
    lines = lines.map((line) => line.replace(mark, ""));
    notes.push(`Removed ${what}, such as “${marks[0][0].trim()}”.`);
    break;
  }
  const odd = lines.filter((line) => TABLE.test(line)).length > lines.length / 2 ? "Most lines have several columns" : null;
  const heading = lines.find((line) => HEADING.test(line));
  if (odd || heading) {
    notes.push(`${odd ?? `“${heading.slice(0, 40)}” looks like a heading`}, but each line is read as one name. The command line reads tables and headings.`);
  }
  return { lines, notes };
}

/** Whether numbers count up or down by one, or start again. */
function areNumbered(marks) {
  const pairs = marks.slice(1).map((mark, index) => [Number(marks[index][1]), Number(mark[1])]);
  const counted = pairs.filter(([before, after]) => Math.abs(after - before) === 1 || (before > after && after === 1));
  return pairs.length > 0 && counted.length >= MARKED * pairs.length;
}

/** Return a name without the marks left where characters were dropped at its ends. */
function withoutMarks(name, text) {
  const marks = " .,:;)(\\-–—/";
  if (!text.startsWith([...name][0] ?? "")) name = name.replace(new RegExp(`^[${marks}]+`), "");
  return text.endsWith([...name].at(-1) ?? "") ? name : name.replace(new RegExp(`[${marks}]+$`), "");
}

/** Return names in the case of a model's names, and the model's alphabet with their letters. */
function fitted(model, names) {
  const { alphabet, casing } = model;
  const own = alphabet.extended(names.flatMap(splitLetters));
  const used = lettersIn(own, names);
  const added = used.filter((letter) => !alphabet.has(letter));
  const known = alphabet.extended([...added, ...added.map(otherCase).filter((letter) => letter !== null)]);
  const itsCase = casingOf(known, names);
  const isOther = casing !== "none" && ![casing, "none"].includes(itsCase);
  const cased = isOther ? names.map((name) => known.inCase(name, casing)) : names;
  return { names: cased, alphabet: alphabet.extended(lettersIn(known, cased)) };
}

function lettersIn(alphabet, names) {
  return [...new Set(names.flatMap((name) => alphabet.encode(name)))].map((index) => alphabet.letters[index]).sort(byCodePoint);
}

/** Return the case of most names, as `Dataset.casing`. */
function casingOf(alphabet, names) {
  const letters = names.map((name) => alphabet.encode(name).map((index) => alphabet.letters[index]));
  const first = letters.map(([letter]) => letter);
  const second = letters.filter(({ length }) => length > 1).map(([, letter]) => letter);
  const count = (letters, test) => letters.filter(test).length;
  const [upper, lower] = [count(first, isUpper), count(first, isLower)];
  if (!upper && !lower) return "none";
  if (lower > upper) return "lower";
  return count(second, isUpper) > count(second, isLower) ? "upper" : "capitalised";
}
