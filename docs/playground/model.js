/**
 * Read a model file, whose format `docs/model-file.md` describes. Files are untrusted: everything is checked.
 */

import { Alphabet } from "./alphabet.js";
import { NamegenError, UNSHOWABLE } from "./errors.js";
import { NGram } from "./ngram.js";
import { TensorFile, broken, isObject, parsed } from "./safetensors.js";

const FORMAT_VERSIONS = [1, 2];
const SECTIONS = ["ngram", "plausibility"];
const MAX_ALPHABET = 65_535;
const MAX_CATEGORIES = 20_000;
const MAX_NAMES = 1e12; // of a category
const MAX_LETTER_LENGTH = 32; // characters
const MAX_CATEGORY_LENGTH = 1_000;
const MAX_ORDER = 16; // of an n-gram
const MAX_NGRAM_LETTERS = 2 ** 24; // of all n-grams
const MAX_FLOORS = 1_001;

/**
 * How letters are chosen, as the library's SamplingConfig; `null` means off.
 *
 * @typedef {object} Sampling
 * @property {number} temperature 0 takes the most probable letter
 * @property {number | null} topK
 * @property {number | null} topP
 * @property {number} dropout
 * @property {number} guidance
 * @property {number} floor the share of real names that are less plausible than generated ones may be
 * @property {number | null} ngramShare the share of the n-gram in the probabilities; null for its own
 * @property {number | null} maxLength `null` for the rule of {@link maxLetters}
 */

/**
 * A trained network with its alphabet, categories and settings. C categories, L letters, O = L + 1 outputs, H hidden units.
 *
 * @typedef {object} Model
 * @property {Alphabet} alphabet L letters
 * @property {string[]} categories C of them
 * @property {"lower" | "capitalised" | "upper" | "none"} casing how names begin
 * @property {number} longest the number of letters of the longest training name
 * @property {Sampling} sampling the model's own settings
 * @property {boolean} sos whether the network itself chooses the first letter
 * @property {Float64Array} firstLetters (C, L), the number of training names that begin with each
 * @property {"gru" | "rnn" | "ngram"} architecture
 * @property {boolean} tanh whether the rnn applies tanh to its new hidden state
 * @property {number} hidden H
 * @property {Record<string, Float32Array>} weights by their names, row by row
 * @property {boolean} allowsOffensive whether its names may be offensive
 * @property {{ngram: NGram, weights: Weights, own: Map<number, Weights>} | null} mixture with the weights
 *   {share, minContext, pooled, sampled} of all categories and of some
 * @property {{values: Float32Array, floors: number} | null} limits of plausibility, (C, floors, 3)
 */

/**
 * Read a model.
 *
 * @param {ArrayBuffer} buffer the whole file
 * @returns {Model}
 * @throws {NamegenError} it is damaged, from a newer version, or not a model
 */
export function readModel(buffer) {
  const tensors = new TensorFile(buffer);
  const text = tensors.metadata.get("namegen");
  if (text === undefined) {
    throw new NamegenError("The file is a safetensors file, but not a namegen model. Open a file that namegen wrote.");
  }
  const facts = parsed(text);
  if (!FORMAT_VERSIONS.includes(facts.format)) {
    const format = String(JSON.stringify(facts.format)).slice(0, 20);
    throw new NamegenError(
      `The model has format ${format}, but this page reads formats ${FORMAT_VERSIONS.join(" and ")}. Use a newer version of this page.`,
    );
  }
  const sections = readSections(facts.sections ?? {});
  const letters = texts("alphabet", facts.alphabet, MAX_ALPHABET, MAX_LETTER_LENGTH);
  const categories = texts("categories", facts.categories, MAX_CATEGORIES, MAX_CATEGORY_LENGTH);
  const training = settings("training", facts.training);
  const architecture = oneOf("architecture", training.architecture ?? "gru", ["gru", "rnn", "ngram"]);
  const { hidden, shapes } = sizes(tensors, architecture, categories.length, letters.length + 1);
  const firstLetters = tensors.integers("categories.first_letters", [categories.length, letters.length]);
  checkCounts(firstLetters, tensors.integers("categories.counts", [categories.length]));
  const mixture = sections.ngram ? readMixture(sections.ngram, tensors, categories.length, letters.length + 1) : null;
  if (!mixture && architecture === "ngram") throw broken("it has neither a network nor an n-gram");
  if (!mixture && sections.plausibility) throw broken("it has plausibility limits, but no n-gram");
  return {
    alphabet: new Alphabet(letters),
    categories,
    casing: oneOf("casing", facts.casing, ["lower", "capitalised", "upper", "none"]),
    longest: whole("longest", facts.longest, 1, 1e6),
    sampling: sampling(settings("sampling", facts.sampling)),
    sos: oneOf("sos", training.sos ?? true, [true, false]),
    firstLetters,
    architecture,
    tanh: oneOf("nonlinearity", training.nonlinearity ?? "tanh", ["tanh", "none"]) === "tanh",
    hidden,
    weights: Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, tensors.floats(`network.${name}`, shape)]),
    ),
    allowsOffensive: training.recipe === "tutorial",
    mixture,
    limits: sections.plausibility ? readLimits(tensors, categories.length) : null,
  };
}

/** Return the maximum number of letters of a name whose prefix has `given` letters. */
export function maxLetters(model, { temperature, maxLength }, given) {
  return maxLength ?? Math.min(given + (isGreedy(temperature) ? 20 : Math.max(20, 2 * model.longest)), 10_000);
}

/** Whether sampling is greedy. A temperature too small to divide by counts as 0. */
export function isGreedy(temperature) {
  return temperature < 1e-6;
}

/** Return the number of hidden units, from the shape of one tensor, and the shape that each tensor must have. */
function sizes(tensors, architecture, C, O) {
  if (architecture === "ngram") return { hidden: 0, shapes: {} };
  const telling = architecture === "gru" ? "head.weight" : "i2h.weight";
  const hidden = tensors.shape(`network.${telling}`)?.[architecture === "gru" ? 1 : 0];
  if (!hidden) throw broken(`the tensor network.${telling} is missing or empty`);
  const H = hidden;
  const shapes = {
    gru: {
      "letter_input.weight": [O, H],
      "category_input.weight": [C, H],
      "category_state.weight": [C, H],
      "category_output.weight": [C, O],
      "read.weight": [3 * H, H],
      "read.bias": [3 * H],
      "recurrent.weight": [3 * H, H],
      "recurrent.bias": [3 * H],
      "head.weight": [O, H],
      "head.bias": [O],
    },
    rnn: {
      "i2h.weight": [H, C + O + H],
      "i2h.bias": [H],
      "i2o.weight": [O, C + O + H],
      "i2o.bias": [O],
      "o2o.weight": [O, H + O],
      "o2o.bias": [O],
    },
  };
  return { hidden, shapes: shapes[architecture] };
}

/** Return the sections that this page knows. */
function readSections(sections) {
  if (!isObject(sections) || !Object.values(sections).every(isObject)) throw broken("its sections are malformed");
  const isUnknown = ([name, section]) => !SECTIONS.includes(name) && section.required !== false;
  const unknown = Object.entries(sections).find(isUnknown);
  if (unknown) {
    const name = unknown[0].slice(0, 40);
    throw new NamegenError(`The model has a section “${name}” that this page does not know. Use a newer version of this page.`);
  }
  return sections;
}

function readMixture({ weights, own }, tensors, C, O) {
  const [rows = 0, order = 0] = tensors.shape("ngram.letters") ?? [];
  if (!(1 <= order && order <= MAX_ORDER && rows * order <= MAX_NGRAM_LETTERS)) {
    throw broken(`its n-gram has order ${order} and ${rows} rows`);
  }
  const letters = tensors.integers("ngram.letters", [rows, order], ["U8", "U16", "U32"]);
  const counts = tensors.integers("ngram.counts", [rows], ["U8", "U16", "U32", "U64"]);
  const first = tensors.integers("ngram.first", [C + 1]);
  const discounts = tensors.shape("ngram.discounts") ? tensors.doubles("ngram.discounts", [order, 3]) : null;
  const areLetters = letters.every((letter, at) => (at % order ? letter <= O : letter < O));
  if (!areLetters || !counts.every((count) => 1 <= count && count <= MAX_NAMES)) {
    throw broken("its n-gram has letters or counts that are out of range");
  }
  if (first[0] !== 0 || first[C] !== rows || !first.every((row, category) => category === 0 || row > first[category - 1])) {
    throw broken("the categories of its n-gram are inconsistent");
  }
  if (discounts && !discounts.every((discount, at) => 0.01 <= discount && discount <= (at % 3) + 1 - 0.01)) {
    throw broken("the discounts of its n-gram are out of range");
  }
  return {
    ngram: new NGram({ outputs: O, order, letters, counts, first, discounts }),
    weights: readWeights(weights),
    own: new Map(
      Object.entries(own).map(([category, weights]) => [
        whole("category", Number(category), 0, C - 1),
        readWeights(weights),
      ]),
    ),
  };
}

function readWeights({ share, min_context: minContext, pooled = 0, sampled = 0 }) {
  return {
    share: number("share of its n-gram", share, 0, 1),
    minContext: whole("min_context", minContext, 0, MAX_ORDER - 1),
    pooled: number("pooled share", pooled, 0, 1),
    sampled: number("sampled share", sampled, 0, 1),
  };
}

function readLimits(tensors, C) {
  const floors = tensors.shape("plausibility.limits")?.[1] ?? 0;
  if (!(2 <= floors && floors <= MAX_FLOORS)) throw broken("its plausibility limits are out of range");
  return { values: tensors.floats("plausibility.limits", [C, floors, 3]), floors };
}

function sampling(given) {
  const orNull = (value, check) => (value === undefined || value === null ? null : check(value));
  const temperature = number("temperature", given.temperature ?? 0.8, 0, 1e6);
  return {
    temperature,
    topK: orNull(given.top_k, (value) => whole("top_k", value, 1, 1e6)),
    topP: orNull(given.top_p, (value) => number("top_p", value, Number.MIN_VALUE, 1)),
    dropout: number("dropout", given.dropout ?? 0, 0, 1 - Number.EPSILON),
    guidance: number("guidance", given.guidance ?? 0, 0, 10),
    floor: number("floor", given.floor ?? 0, 0, 1),
    ngramShare: orNull(given.ngram_share, (value) => number("ngram_share", value, 0, 1)),
    maxLength: orNull(given.max_length, (value) => whole("max_length", value, 1, 10_000)),
  };
}

/** Check that the counts of first letters of each category add up to its number of names. */
function checkCounts(firstLetters, counts) {
  const letters = firstLetters.length / counts.length;
  counts.forEach((count, category) => {
    const own = firstLetters.subarray(category * letters, (category + 1) * letters);
    const fits = count >= 1 && count <= MAX_NAMES && own.every((each) => each >= 0 && each <= MAX_NAMES);
    if (!fits || own.reduce((sum, each) => sum + each, 0) !== count) {
      throw broken("its counts of first letters do not add up to its number of names");
    }
  });
}

function texts(what, values, most, longest) {
  const isText = (text) =>
    typeof text === "string" && text !== "" && [...text].length <= longest && text.search(UNSHOWABLE) < 0;
  const fit =
    Array.isArray(values) &&
    values.length >= 1 &&
    values.length <= most &&
    values.every(isText) &&
    new Set(values).size === values.length;
  if (!fit) throw broken(`its ${what} are not distinct strings`);
  return values;
}

function settings(what, values) {
  if (!isObject(values)) throw broken(`its ${what} settings are missing`);
  return values;
}

function oneOf(what, value, choices) {
  if (!choices.includes(value)) throw broken(`its ${what} is ${String(JSON.stringify(value)).slice(0, 40)}`);
  return value;
}

function number(what, value, low, high) {
  if (typeof value !== "number" || !(low <= value && value <= high)) throw broken(`its ${what} is out of range`);
  return value;
}

function whole(what, value, low, high) {
  if (!Number.isInteger(number(what, value, low, high))) throw broken(`its ${what} is not an integer`);
  return value;
}
