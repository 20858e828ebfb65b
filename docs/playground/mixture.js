/**
 * Networks with n-grams, as in `src/namegen/models/mixture.py`. They read letters as the networks of `network.js` do.
 */

const LEAST = 2 ** -126; // the smallest normal number in single precision

/** The n-gram of all categories together, in place of a network. Its hidden state is the letters so far. */
export class NGramNetwork {
  #ngram;

  constructor(ngram) {
    this.#ngram = ngram;
  }

  start() {
    return [];
  }

  step(letter, hidden) {
    const letters = [...hidden, letter];
    const node = this.#ngram.find(letters);
    const logits = new Float32Array(this.#ngram.outputs);
    for (let output = 0; output < logits.length; output++) logits[output] = this.#ngram.logProbability(node, output);
    return { logits, hidden: letters };
  }
}

/** A network, and the n-gram of a category or blend that backs off to it. */
export class MixedNetwork {
  #network;
  #parts;
  #settings;
  #begin;

  /**
   * @param network
   * @param {{share: number, minContext: number, ngram: object}[]} parts the n-gram of each category of the blend
   * @param {{share: number, pooled: number}} settings of the section `ngram`
   * @param {number[]} begin what the n-gram has read at the start
   */
  constructor(network, parts, settings, begin) {
    this.#network = network;
    this.#parts = parts;
    this.#settings = settings;
    this.#begin = begin;
  }

  start() {
    return { hidden: this.#network.start(), letters: this.#begin };
  }

  step(letter, state) {
    const { logits, hidden } = this.#network.step(letter, state.hidden);
    const letters = [...state.letters, letter];
    const { share, pooled } = this.#settings;
    const own = new Float32Array(logits.length); // what the contexts that occur contribute
    let below = 0; // the weight of the network
    for (const { share: part, minContext, ngram } of this.#parts) {
      const node = ngram.find(letters);
      const rest = ngram.probability(node, ngram.outputs, minContext);
      own.forEach((_, output) => (own[output] += part * (ngram.probability(node, output, minContext) - rest)));
      below += part * rest * ngram.outputs;
    }
    const highest = logits.reduce((most, logit) => Math.max(most, logit));
    const weights = logits.map((logit) => Math.exp(logit - highest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mixed = weights.map((weight, output) => {
      const mixture = weight * (below * share + (1 - share)) + own[output] * total * share;
      return Math.log(Math.max(mixture, LEAST)) + highest;
    });
    return { logits: mixed.map((logit, output) => logit + pooled * (logits[output] - logit)), hidden: { hidden, letters } };
  }
}
