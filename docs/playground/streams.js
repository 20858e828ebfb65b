/**
 * Counter-based random numbers as in `src/namegen/sampling/rng.py`, so that a seed gives the same names as
 * `namegen sample --seed`. Every attempt at a name has its own stream.
 *
 * The generator is SplitMix64 (Steele, Lea and Flood 2014): the start plus k times an odd constant, then mixed. All
 * numbers are BigInts of 64 bits.
 */

export const CATEGORY = 0; // the position in a stream of the number that chooses the category
export const FIRST_LETTER = 1; // the first letter; the other letters follow

const STREAM_LENGTH = 2n ** 14n;
const GAMMA = 0x9e3779b97f4a7c15n;

/** Return the stream of a name, from its number and the number of rejected attempts. */
export function streamOf(seed, attempts, number) {
  let start = mix(BigInt(attempts) + GAMMA);
  let rest = BigInt(seed);
  do {
    start = mix(start + GAMMA + rest);
    rest >>= 64n;
  } while (rest);
  return BigInt(number) * STREAM_LENGTH * GAMMA + start;
}

/** Return a random number of a stream: uniform in [0, 1), a multiple of 2**-52. */
export function uniform(stream, place) {
  return Number(mix(stream + BigInt(place) * GAMMA) >> 12n) * 2 ** -52;
}

/** Return `count` random numbers for one position. */
export function uniforms(stream, place, count) {
  const begin = mix(stream + BigInt(place) * GAMMA);
  return Array.from({ length: count }, (_, index) => uniform(begin, index + 1));
}

function mix(bits) {
  let mixed = BigInt.asUintN(64, bits);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  return mixed ^ (mixed >> 31n);
}
