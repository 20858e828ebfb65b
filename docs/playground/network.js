/**
 * One step of each network, by the equations of `docs/model-file.md`: C categories, O inputs and outputs, H hidden
 * units. Models without a network have n-grams in its place.
 *
 * A network is built for given shares of the categories, whose vectors it mixes once. It then reads one letter at a time:
 *
 *     let hidden = network.start();                        // Float32Array (H)
 *     ({ logits, hidden } = network.step(letter, hidden)); // Float32Array (O), and (H)
 *
 * Matrices are Float32Arrays, row by row.
 */

import { NGramNetwork } from "./mixture.js";
import { affine, mixed } from "./products.js";

/** Return a model's network for shares of its categories, an array (C) of numbers that add up to 1. */
export function networkOf(model, shares) {
  if (model.architecture === "ngram") return new NGramNetwork(model.mixture.ngram.pool());
  return model.architecture === "gru" ? new ConditionalGRU(model, shares) : new TutorialRNN(model, shares);
}

/**
 * Return the shares of a category or blend, moved away from the mean of all categories by `guidance` times the distance
 * to it. Some may be negative.
 */
export function guidedShares(shares, guidance) {
  return Array.from(shares, (share) => (1 + guidance) * share - guidance / shares.length);
}

/** A gated recurrent unit conditioned on the category in its initial state, its input and its output. */
class ConditionalGRU {
  #weights;
  #hidden;
  #first; // (H)
  #category; // (H), what is added to the vector of every letter
  #outputs; // (O), the bias of the output
  #readings = new Map(); // by letter, (3H): what it adds to the gates

  constructor({ weights, hidden }, shares) {
    this.#weights = weights;
    this.#hidden = hidden;
    this.#first = mixed(weights["category_state.weight"], shares);
    this.#category = mixed(weights["category_input.weight"], shares);
    this.#outputs = sum(weights["head.bias"], mixed(weights["category_output.weight"], shares));
  }

  start() {
    return this.#first;
  }

  step(letter, hidden) {
    return this.steps([letter], hidden);
  }

  /**
   * Read a letter after each of several hidden states.
   *
   * @param {ArrayLike<number>} letters (rows)
   * @param {Float32Array} hidden (rows, H)
   * @returns {{logits: Float32Array, hidden: Float32Array}} (rows, O), and (rows, H)
   */
  steps(letters, hidden) {
    const H = this.#hidden;
    const rows = letters.length;
    const k = affine(this.#weights["recurrent.weight"], hidden, this.#weights["recurrent.bias"], rows);
    const after = new Float32Array(rows * H);
    for (let row = 0; row < rows; row++) {
      const g = this.#reading(letters[row]);
      const gates = row * 3 * H;
      for (let unit = 0, at = row * H; unit < H; unit++, at++) {
        const reset = logistic(g[unit] + k[gates + unit]);
        const update = logistic(g[H + unit] + k[gates + H + unit]);
        const candidate = Math.tanh(g[2 * H + unit] + reset * k[gates + 2 * H + unit]);
        after[at] = candidate + update * (hidden[at] - candidate);
      }
    }
    return { logits: affine(this.#weights["head.weight"], after, this.#outputs, rows), hidden: after };
  }

  #reading(letter) {
    if (!this.#readings.has(letter)) {
      const H = this.#hidden;
      const vector = this.#weights["letter_input.weight"].subarray(letter * H, (letter + 1) * H);
      const input = sum(vector, this.#category);
      this.#readings.set(letter, affine(this.#weights["read.weight"], input, this.#weights["read.bias"]));
    }
    return this.#readings.get(letter);
  }
}

/** The tutorial's network: one linear layer for the new hidden state, two for the output. */
class TutorialRNN {
  #weights;
  #hidden;
  #tanh;
  #shares;
  #outputs;

  constructor({ weights, hidden, tanh, alphabet }, shares) {
    this.#weights = weights;
    this.#hidden = hidden;
    this.#tanh = tanh;
    this.#shares = shares;
    this.#outputs = alphabet.edge + 1;
  }

  start() {
    return new Float32Array(this.#hidden);
  }

  step(letter, hidden) {
    const { "i2h.weight": i2h, "i2o.weight": i2o, "o2o.weight": o2o, ...biases } = this.#weights;
    const oneHot = new Float32Array(this.#outputs);
    oneHot[letter] = 1;
    const read = Float32Array.of(...this.#shares, ...oneHot, ...hidden);
    let after = affine(i2h, read, biases["i2h.bias"]);
    if (this.#tanh) after = after.map(Math.tanh);
    const both = Float32Array.of(...after, ...affine(i2o, read, biases["i2o.bias"]));
    return { logits: affine(o2o, both, biases["o2o.bias"]), hidden: after };
  }
}

function sum(one, other) {
  return one.map((value, index) => value + other[index]);
}

function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}
