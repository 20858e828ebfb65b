/**
 * Read a model file, whose format `docs/model-file.md` describes. Files are untrusted: everything is checked.
 */

import { Alphabet } from "./alphabet.js";
import { number, oneOf, settings, texts, whole } from "./checks.js";
import { NamegenError } from "./errors.js";
import { TensorFile, broken, parsed } from "./safetensors.js";
import { readClosed, readLetters, readLimits, readMixture, readSections } from "./sections.js";

const FORMAT_VERSIONS = [1, 2];
const MAX_ALPHABET = 65_535;
const MAX_CATEGORIES = 20_000;
const MAX_NAMES = 1e12; // of a category
const MAX_LETTER_LENGTH = 32; // characters
const MAX_CATEGORY_LENGTH = 1_000;

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
 * @property {Float64Array} counts (C), the number of training names
 * @property {Float64Array} firstLetters (C, L), the number of training names that begin with each
 * @property {BigUint64Array[]} hashes the hashes of all known names: lists, each ascending
 * @property {"gru" | "rnn" | "ngram"} architecture
 * @property {boolean} tanh whether the rnn applies tanh to its new hidden state
 * @property {number} hidden H
 * @property {Record<string, Float32Array>} weights by their names, row by row
 * @property {boolean} allowsOffensive whether its names may be offensive
 * @property {{ngram: NGram, weights: Weights, own: Map<number, Weights>} | null} mixture with the weights
 *   {share, minContext, pooled, sampled} of all categories and of some
 * @property {{values: Float32Array, floors: number} | null} limits of plausibility, (C, floors, 3)
 * @property {Uint8Array | null} mask (C, L), 1 for a letter that names of a category may have; `null` for all
 * @property {number} added how many letters, the last ones, were added to a trained model
 * @property {Map<string, {names: string[], weights: Float32Array}>} closed the closed categories, and how frequent each
 *   of their names is
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
  const counts = tensors.integers("categories.counts", [categories.length]);
  checkCounts(firstLetters, counts);
  const mixture = sections.ngram ? readMixture(sections.ngram, tensors, categories.length, letters.length + 1) : null;
  if (!mixture && architecture === "ngram") throw broken("it has neither a network nor an n-gram");
  if (!mixture && sections.plausibility) throw broken("it has plausibility limits, but no n-gram");
  if (architecture === "rnn" && sections.letters) throw broken("it has a mask of letters, but an rnn cannot have one");
  const { mask, added } = sections.letters
    ? readLetters(sections.letters, tensors, categories.length, letters.length)
    : { mask: null, added: 0 };
  if (mask && firstLetters.some((count, at) => count && !mask[at])) {
    throw broken("its training names begin with letters that their categories do not have");
  }
  return {
    alphabet: new Alphabet(letters),
    categories,
    casing: oneOf("casing", facts.casing, ["lower", "capitalised", "upper", "none"]),
    longest: whole("longest", facts.longest, 1, 1e6),
    sampling: sampling(settings("sampling", facts.sampling)),
    sos: oneOf("sos", training.sos ?? true, [true, false]),
    counts,
    firstLetters,
    hashes: ["training_names.hashes", "held_out_names.hashes"].filter((name) => tensors.shape(name)).map((name) => tensors.hashes(name)),
    architecture,
    tanh: oneOf("nonlinearity", training.nonlinearity ?? "tanh", ["tanh", "none"]) === "tanh",
    hidden,
    weights: Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, tensors.floats(`network.${name}`, shape)]),
    ),
    allowsOffensive: training.recipe === "tutorial",
    mixture,
    limits: sections.plausibility ? readLimits(tensors, categories.length) : null,
    mask,
    added,
    closed: sections.closed ? readClosed(sections.closed, tensors) : new Map(),
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
