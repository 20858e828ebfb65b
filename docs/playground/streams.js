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

/**
 * Return the stream of a name.
 *
 * @param {number} seed
 * @param {number} attempts how many samples of the name were rejected before
 * @param {number} number the number of the name
 * @param {bigint | null} label the hash of the category or blend; `null` for the stream that chooses a category
 */
export function streamOf(seed, attempts, number, label = null) {
  let start = mix(BigInt(attempts) + GAMMA);
  if (label !== null) start = mix(start + label);
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

/** Return the 64-bit FNV-1a hash of a text in UTF-8 (Fowler, Noll and Vo). */
export function hashOf(label) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(label)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

function mix(bits) {
  let mixed = BigInt.asUintN(64, bits);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  return mixed ^ (mixed >> 31n);
}
