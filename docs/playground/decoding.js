/** Choose letters, as `src/namegen/sampling/decoding.py` does. */

import { NamegenError } from "./errors.js";
import { isGreedy } from "./model.js";
import { uniform, uniforms } from "./streams.js";

/**
 * Return how letters are chosen after a network's outputs: a function of a stream of random numbers and a place in it,
 * which returns the index of the chosen output. It can be used for any number of names.
 *
 * @param {Float32Array} logits (O)
 * @param {import("./model.js").Sampling} sampling
 * @returns {(stream: bigint, place: number) => number}
 */
export function chooserOf(logits, sampling) {
  const { temperature, dropout } = sampling;
  if (dropout && !isGreedy(temperature)) return (stream, place) => chosenWithDropout(logits, sampling, stream, place);
  const likely = isGreedy(temperature) ? greedyProbabilities(logits, dropout) : probabilities(logits, sampling);
  const sums = cumulated(likely);
  return (stream, place) => firstAbove(sums, uniform(stream, place));
}

/** Return the first output whose cumulative share is more than a point in [0, 1). */
export function drawn(likely, point) {
  return firstAbove(cumulated(likely), point);
}

function chosenWithDropout(logits, sampling, stream, place) {
  const numbers = uniforms(stream, place, logits.length + 1);
  const kept = Math.fround(1 - sampling.dropout);
  const masked = logits.map((logit, output) => (numbers[output] < sampling.dropout ? 0 : logit / kept));
  return drawn(probabilities(masked, sampling), numbers[logits.length]);
}

/**
 * Return the probability of each output: softmax with a temperature, then top-k, then top-p.
 *
 * @param {Float32Array} logits (O)
 * @param {import("./model.js").Sampling} sampling its temperature more than 0
 * @returns {Float32Array} (O), not normalised; of equally probable outputs, the first ones are kept
 */
export function probabilities(logits, { temperature, topK, topP }) {
  const highest = highestOf(logits);
  const divisor = Math.fround(temperature);
  const likely = Float32Array.from(logits, (logit) => Math.exp(Math.fround(Math.fround(logit - highest) / divisor)));
  if (topK === null && topP === null) return likely;
  const ranked = [...likely.keys()].sort((a, b) => likely[b] - likely[a]);
  const left = ranked.slice(0, topK ?? ranked.length);
  const total = left.reduce((sum, output) => sum + likely[output], 0);
  const cut = new Float32Array(likely.length);
  let before = 0; // the probability of the outputs that are more probable
  for (const output of left) {
    if (before >= (topP ?? Infinity)) break;
    cut[output] = likely[output];
    before += likely[output] / total;
  }
  return cut;
}

/**
 * Return the probability that each output is the largest after dropout; in a tie, the first output counts. See
 * `src/namegen/sampling/decoding.py`.
 *
 * @param {Float32Array} logits (O)
 * @param {number} dropout the probability with which each output is set to 0
 * @returns {Float64Array} (O)
 */
export function greedyProbabilities(logits, dropout) {
  const highest = highestOf(logits);
  const likely = new Float64Array(logits.length);
  if (!dropout) {
    likely[logits.indexOf(highest)] = 1;
    return likely;
  }
  const ranked = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const positive = ranked.filter((output) => logits[output] > 0);
  // A positive output is the largest if it is kept and all larger ones are dropped.
  positive.forEach((output, rank) => (likely[output] = (1 - dropout) * dropout ** rank));
  // If all positive outputs are dropped, the first output that is 0 is the largest; if none is 0, the largest logit is.
  let none = dropout ** positive.length;
  logits.forEach((logit, output) => {
    const isZero = logit >= 0 ? 1 : dropout;
    likely[output] += none * isZero;
    none *= 1 - isZero;
  });
  likely[ranked[0]] += none;
  return likely;
}

function cumulated(likely) {
  let sum = 0;
  return Float64Array.from(likely, (each) => (sum += each));
}

function firstAbove(sums, point) {
  const target = point * sums[sums.length - 1];
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

function highestOf(logits) {
  const highest = logits.reduce((most, logit) => Math.max(most, logit));
  if (!Number.isFinite(highest)) {
    throw new NamegenError("The model’s outputs are not finite, because its weights are too large. Train the model again.");
  }
  return highest;
}
