/**
 * Log-probabilities of names, at temperature 1, as in `src/namegen/models/scoring.py`.
 *
 * The names form a trie, so that the network reads each distinct beginning once, all of one length together.
 */

/**
 * Build the trie of names.
 *
 * @param {number[][]} names their letters
 * @param {number} edge
 * @returns {{letters: number[], parents: number[], names: {row: number, name: number, next: number}[]}[]} by length: the
 *   last letter of each beginning, its place in the length before, and the next letter of each name
 */
export function trieOf(names, edge) {
  const levels = [];
  let rows = names.map(() => 0); // of each name in the length before
  const longest = names.reduce((most, letters) => Math.max(most, letters.length), 0);
  for (let length = 0; length <= longest; length++) {
    const known = new Map();
    const level = { letters: [], parents: [], names: [] };
    rows = names.map((letters, name) => {
      if (letters.length < length) return -1;
      const last = length ? letters[length - 1] : edge;
      const key = rows[name] * (edge + 1) + last;
      if (!known.has(key)) {
        known.set(key, level.letters.length);
        level.letters.push(last);
        level.parents.push(rows[name]);
      }
      const row = known.get(key);
      level.names.push({ row, name, next: letters[length] ?? edge });
      return row;
    });
    levels.push(level);
  }
  return levels;
}

/**
 * Return the log-probability of each name, its end included, in nats.
 *
 * @param {object} network a gated recurrent unit, from `network.js`
 * @param {ReturnType<typeof trieOf>} trie
 * @param {number} count of names
 * @param {Float64Array | null} firstLetters the log-probability of each first letter, if the network cannot choose it
 * @returns {Float64Array} (names)
 */
export function scoresOf(network, trie, count, firstLetters = null) {
  const scores = new Float64Array(count);
  let hidden = network.start();
  for (const [length, { letters, parents, names }] of trie.entries()) {
    if (length === 0 && firstLetters) {
      for (const { name, next } of names) scores[name] += firstLetters[next];
      continue;
    }
    const units = network.start().length;
    const before = new Float32Array(letters.length * units);
    const rowOf = (row) => (length === 1 && firstLetters ? 0 : parents[row]);
    letters.forEach((_, row) => before.set(hidden.subarray(rowOf(row) * units, (rowOf(row) + 1) * units), row * units));
    const { logits, hidden: after } = network.steps(letters, before);
    hidden = after;
    const outputs = logits.length / letters.length;
    const totals = letters.map((_, row) => logSumExp(logits.subarray(row * outputs, (row + 1) * outputs)));
    for (const { row, name, next } of names) scores[name] += logits[row * outputs + next] - totals[row];
  }
  return scores;
}

function logSumExp(logits) {
  const highest = logits.reduce((most, logit) => Math.max(most, logit));
  return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
}
