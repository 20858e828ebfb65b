/** Look inside: the probabilities of the letters of a name as it forms. */

import { greedyProbabilities, probabilities } from "./decoding.js";
import { NamegenError } from "./errors.js";
import { isGreedy } from "./model.js";
import { Sampler } from "./sampler.js";

/**
 * What a model says before it chooses a letter.
 *
 * @typedef {object} Step
 * @property {string} prefix the name so far
 * @property {string} chosen the next letter of the name, or an empty string for its end
 * @property {number} probability the probability of that letter as the model gives it, before temperature, top-k and top-p
 * @property {number} chance the probability with which it is sampled, after them
 * @property {{letter: string, probability: number, chance: number}[]} letters all letters, the most probable first; the
 *   end of the name is an empty string
 */

/**
 * Return what a model says of each letter of a name. With an n-gram that has a share in the letters, the probabilities are
 * those of the mixture. Dropout is left out.
 *
 * @param {import("./model.js").Model} model
 * @param {number | import("./sampler.js").Blend} category
 * @param {import("./model.js").Sampling} sampling
 * @param {string} name
 * @returns {Step[]} a step for each letter that the network chooses, and one for the end
 * @throws {NamegenError} the category cannot have such a name
 */
export function explainName(model, category, sampling, name) {
  if (category.isClosed) throw new NamegenError(`${category.label} has known names only, which are sampled whole. Choose another category.`);
  const sampler = new Sampler(model, category, sampling, {});
  const { alphabet, sos } = sampler.model;
  if (!name || !alphabet.hasAll(name)) {
    throw new NamegenError(`“${name.slice(0, 40)}” cannot be a name of this category: its letters are ${alphabet}.`);
  }
  const letters = [...alphabet.encode(name), alphabet.edge];
  const textOf = (letter) => (letter === alphabet.edge ? "" : alphabet.letters[letter]);
  return sampler.outputsFor(letters.slice(0, -1)).map((logits, index) => {
    const place = sos ? index : index + 1; // without a start, the network does not choose the first letter
    const probability = normalized(probabilities(logits, { temperature: 1, topK: null, topP: null }));
    const chance = normalized(isGreedy(sampling.temperature) ? greedyProbabilities(logits, 0) : probabilities(logits, sampling));
    const ranked = [...chance.keys()].sort((a, b) => probability[b] - probability[a]);
    const chosen = letters[place];
    return {
      prefix: alphabet.decode(letters.slice(0, place)),
      chosen: textOf(chosen),
      probability: probability[chosen],
      chance: chance[chosen],
      letters: ranked.map((letter) => ({ letter: textOf(letter), probability: probability[letter], chance: chance[letter] })),
    };
  });
}

function normalized(likely) {
  const total = likely.reduce((sum, each) => sum + each, 0);
  return Float64Array.from(likely, (each) => each / total);
}
