/**
 * Hashes of names, by which a model knows its training names: the first eight bytes of the SHA-256 (FIPS 180-4) of a
 * name in UTF-8, as a number.
 *
 * The browser has SHA-256 too, but only on secure pages, and it answers through a promise.
 */

const encoder = new TextEncoder();
const [ROUNDS, INITIAL] = constants();
const schedule = new Uint32Array(64);

/** Return the hash of a name, a BigInt of 64 bits. */
export function hashName(name) {
  const bytes = encoder.encode(name);
  const blocks = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  new Uint8Array(blocks.buffer).set(bytes);
  blocks.setUint8(bytes.length, 0x80);
  blocks.setUint32(blocks.byteLength - 4, bytes.length * 8);
  const state = Uint32Array.from(INITIAL);
  for (let at = 0; at < blocks.byteLength; at += 64) compress(state, blocks, at);
  return (BigInt(state[0]) << 32n) | BigInt(state[1]);
}

/** Whether a hash is in one of several ascending lists. */
export function isAmong(hash, lists) {
  return lists.some((list) => list[lowerBound(list, hash)] === hash);
}

/** Return the first place in an ascending list whose number is at least this one. */
function lowerBound(list, hash) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compress(state, blocks, at) {
  for (let round = 0; round < 16; round++) schedule[round] = blocks.getUint32(at + 4 * round);
  for (let round = 16; round < 64; round++) {
    const [early, late] = [schedule[round - 15], schedule[round - 2]];
    const small = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const large = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    schedule[round] = schedule[round - 16] + small + schedule[round - 7] + large;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let round = 0; round < 64; round++) {
    const first =
      (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[round] + schedule[round]) | 0;
    const second = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, index) => (state[index] += value));
}

function rotated(bits, by) {
  return (bits >>> by) | (bits << (32 - by));
}

/** Return the constants: the first 32 bits of the fractions of the cube and square roots of the first primes. */
function constants() {
  const primes = [];
  for (let candidate = 2; primes.length < 64; candidate++) {
    if (primes.every((prime) => candidate % prime)) primes.push(candidate);
  }
  const bits = (root) => Math.floor((root % 1) * 2 ** 32);
  return [Uint32Array.from(primes, (prime) => bits(Math.cbrt(prime))), primes.slice(0, 8).map((prime) => bits(Math.sqrt(prime)))];
}
