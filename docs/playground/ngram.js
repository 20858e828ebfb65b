/**
 * Interpolated n-grams of letters, as in `src/namegen/models/category_ngram.py`; `docs/model-file.md` has the equations.
 */

const ROOT = 0; // the node of the empty context

const LEAST = 2 ** -126; // a probability that has been rounded to 0

/** The n-grams of all categories. That of a category is built when it is first needed. */
export class NGram {
  #categories = new Map();
  #pool = null;

  /**
   * @param {object} table
   * @param {number} table.outputs O
   * @param {number} table.order the number of letters of an n-gram
   * @param {ArrayLike<number>} table.letters (n-grams, order): the predicted letter, then those before it, the last first
   * @param {ArrayLike<number>} table.counts (n-grams)
   * @param {ArrayLike<number>} table.first the first n-gram of each category, and the number of n-grams, (C + 1)
   * @param {Float64Array | null} table.discounts (order, 3); `null` for Witten and Bell's smoothing
   */
  constructor(table) {
    this.table = table;
  }

  /** Return the n-gram of a category. */
  select(category) {
    if (!this.#categories.has(category)) {
      const { first } = this.table;
      this.#categories.set(category, new CategoryNGram(this.table, first[category], first[category + 1]));
    }
    return this.#categories.get(category);
  }

  /** Return the n-gram of all categories together. */
  pool() {
    this.#pool ??= new CategoryNGram(this.table, 0, this.table.counts.length);
    return this.#pool;
  }
}

/**
 * The n-gram of one category. Its contexts are the nodes of a tree: a child of a context has one more letter, before
 * the earliest one.
 */
class CategoryNGram {
  #stride; // a key of the maps is a node times the stride, plus a letter
  #children = new Map();
  #counts = new Map(); // n(h w)
  #parents = [ROOT];
  #lengths = [0];
  #discounts;
  #totals; // c(h)
  #backoffs; // b(h)

  constructor({ outputs, order, letters, counts, discounts }, begin, end) {
    this.outputs = outputs;
    this.#stride = outputs + 1;
    this.#discounts = discounts;
    for (let row = begin; row < end; row++) this.#add(letters.subarray(row * order, (row + 1) * order), counts[row]);
    this.#totals = new Float64Array(this.#parents.length);
    this.#backoffs = new Float64Array(this.#parents.length);
    for (const [key, count] of this.#counts) {
      const node = Math.floor(key / this.#stride);
      this.#totals[node] += this.#weight(node, count);
      this.#backoffs[node] += discounts ? count - this.#weight(node, count) : 1;
    }
  }

  /** Return the node of the longest context that occurs among the last of these letters. */
  find(letters) {
    let node = ROOT;
    for (let place = letters.length - 1; place >= 0; place--) {
      const child = this.#children.get(node * this.#stride + letters[place]);
      if (child === undefined) break;
      node = child;
    }
    return node;
  }

  /**
   * Return the probability of a letter, or of the end, after a context, in single precision.
   *
   * @param {number} node
   * @param {number} letter the index O stands for a letter that does not occur in the category
   * @param {number} minContext the number of letters of the shortest context to use
   */
  probability(node, letter, minContext = 0) {
    if (this.#lengths[node] < minContext) return Math.fround(1 / this.outputs);
    const below = node === ROOT ? 1 / this.outputs : this.probability(this.#parents[node], letter, minContext);
    const count = this.#counts.get(node * this.#stride + letter);
    const own = count === undefined ? 0 : this.#weight(node, count);
    return Math.fround((own + this.#backoffs[node] * below) / (this.#totals[node] + this.#backoffs[node]));
  }

  /** Return the logarithm of a probability, in single precision. */
  logProbability(node, letter) {
    return Math.fround(Math.log(Math.max(this.probability(node, letter), LEAST)));
  }

  /** Count an n-gram with its longest context, and what that adds to the shorter ones. */
  #add([letter, ...context], count) {
    let node = ROOT;
    for (const before of context) {
      if (before === this.outputs) break;
      const key = node * this.#stride + before;
      if (!this.#children.has(key)) {
        this.#children.set(key, this.#parents.length);
        this.#parents.push(node);
        this.#lengths.push(this.#lengths[node] + 1);
      }
      node = this.#children.get(key);
    }
    for (;;) {
      const key = node * this.#stride + letter;
      const known = this.#counts.get(key) ?? 0;
      this.#counts.set(key, known + count);
      if (node === ROOT || (this.#discounts && known)) return;
      if (this.#discounts) count = 1; // Kneser and Ney count different letters before, not occurrences
      node = this.#parents[node];
    }
  }

  /** c(h w) */
  #weight(node, count) {
    return this.#discounts ? count - this.#discounts[3 * this.#lengths[node] + Math.min(count, 3) - 1] : count;
  }
}
