/**
 * Counter-based random numbers, the same as those of `src/namegen/streams.py`: so the same seed gives the names that
 * `namegen sample --seed` gives. Every name has a stream of its own for each time that it is drawn.
 *
 * The numbers are those of SplitMix64 (Steele, Lea and Flood 2014): the start plus k times an odd constant, its bits
 * mixed. All are BigInts of 64 bits.
 */

export const CATEGORY = 0; // the number of a stream by which a name's category is drawn
export const FIRST_LETTER = 1; // and its first letter; those of the others follow

const STREAM_LENGTH = 2n ** 14n;
const GAMMA = 0x9e3779b97f4a7c15n;

/** The stream of a name, by its number and how often it has been drawn in vain. */
export function streamOf(seed, attempts, number) {
  let start = mix(BigInt(attempts) + GAMMA);
  let rest = BigInt(seed);
  do {
    start = mix(start + GAMMA + rest);
    rest >>= 64n;
  } while (rest);
  return BigInt(number) * STREAM_LENGTH * GAMMA + start;
}

/** A random number of a stream: uniform in [0, 1), a multiple of 2**-52. */
export function uniform(stream, place) {
  return Number(mix(stream + BigInt(place) * GAMMA) >> 12n) * 2 ** -52;
}

/** Many random numbers in place of one. */
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
