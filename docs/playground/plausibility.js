/**
 * The plausibility floor, as in `src/namegen/models/plausibility.py`: names that the n-gram of their category finds less
 * plausible than a share of real names are sampled again.
 *
 * Scores are log-probabilities in nats, rounded to single precision as namegen does, so that both decide alike.
 */

const KINDS = 3; // of limits

export class Plausibility {
  #parts;
  #total;
  #weakest;
  #length;

  /**
   * @param {object} limits
   * @param {Float32Array} limits.values (C, floors, 3)
   * @param {number} limits.floors
   * @param {{category: number, share: number, ngram: object}[]} parts the n-gram of each category of the blend
   * @param {number} floor more than 0, at most 1
   */
  constructor({ values, floors }, parts, floor) {
    this.#parts = parts;
    const limit = (at, kind) =>
      parts.reduce((sum, { category, share }) => {
        return Math.fround(sum + Math.fround(share * values[(category * floors + at) * KINDS + kind]));
      }, 0);
    const place = floor * (floors - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, floors - 1);
    [this.#total, this.#weakest, this.#length] = Array.from({ length: KINDS }, (_, kind) => {
      return limit(below, kind) + (place - below) * (limit(above, kind) - limit(below, kind));
    });
    this.#weakest = Math.fround(this.#weakest);
  }

  /** Return the score of a letter, or of the end, after all letters before it, the start of the name included. */
  score(letters, letter) {
    if (this.#parts.length === 1) {
      const { ngram } = this.#parts[0];
      return ngram.logProbability(ngram.find(letters), letter);
    }
    const mean = this.#parts.reduce((sum, { share, ngram }) => {
      const probability = Math.fround(Math.exp(ngram.logProbability(ngram.find(letters), letter)));
      return Math.fround(sum + Math.fround(share * probability));
    }, 0);
    return Math.fround(Math.log(mean));
  }

  /** Whether one letter with this score makes a name implausible. */
  isWeak(score) {
    return score < this.#weakest;
  }

  /**
   * Whether a whole name is plausible.
   *
   * @param {number} total the sum of the scores
   * @param {number} chosen the number of scores
   * @param {number} length the number of letters of the name
   */
  accepts(total, chosen, length) {
    return total / Math.sqrt(chosen) >= this.#total && (length >= this.#length || chosen <= 1);
  }
}
