/**
 * Read untrusted safetensors files.
 *
 * A file has eight bytes with the length of the header, the header as JSON, and the tensors' bytes one after another.
 * The header is checked against the length of the file. A tensor is read on request, and its shape is checked.
 */

import { NamegenError } from "./errors.js";

const LENGTH = 8; // bytes, of the header's length
const MAX_HEADER = 17_825_792; // bytes, the limit of namegen itself
const MAX_DIMENSIONS = 8;
const MAX_REASON = 200; // characters
const BYTES = { F16: 2, F32: 4, F64: 8, U8: 1, U16: 2, U32: 4, I64: 8, U64: 8 };
const ARRAYS = { U8: Uint8Array, U16: Uint16Array, U32: Uint32Array };

export class TensorFile {
  #buffer;
  #data; // where the tensors begin
  #entries;

  /**
   * Read the header.
   *
   * @param {ArrayBuffer} buffer the whole file
   * @throws {NamegenError} the header is missing or does not fit the file
   */
  constructor(buffer) {
    if (buffer.byteLength < LENGTH) throw broken("it is truncated");
    const length = new DataView(buffer).getBigUint64(0, true);
    if (length > BigInt(buffer.byteLength - LENGTH)) throw broken("its header is longer than the file");
    if (length > MAX_HEADER) throw broken(`its header is longer than ${MAX_HEADER} bytes`);
    this.#buffer = buffer;
    this.#data = LENGTH + Number(length);
    const { __metadata__: metadata = {}, ...tensors } = parsed(decoded(new Uint8Array(buffer, LENGTH, Number(length))));
    if (!isObject(metadata) || !Object.values(metadata).every((text) => typeof text === "string")) {
      throw broken("its metadata are not strings");
    }
    /** The strings in the header, by key. */
    this.metadata = new Map(Object.entries(metadata));
    this.#entries = new Map(Object.entries(tensors).map(([name, about]) => [name, entry(name, about)]));
    checkLayout([...this.#entries.values()], buffer.byteLength - this.#data);
  }

  /** The shape of a tensor, or `undefined` if there is none of that name. */
  shape(name) {
    return this.#entries.get(name)?.shape;
  }

  /** Return a tensor, stored in single or half precision, as a Float32Array, row by row. */
  floats(name, shape) {
    const { kind, bytes } = this.#read(name, ["F16", "F32"], shape);
    const values = kind === "F32" ? new Float32Array(bytes) : fromHalves(new Uint16Array(bytes));
    if (!values.every(Number.isFinite)) throw broken(`the weights ${name} are not finite`);
    return values;
  }

  /** Return a tensor in double precision as a Float64Array, row by row. */
  doubles(name, shape) {
    return new Float64Array(this.#read(name, ["F64"], shape).bytes);
  }

  /** Return a tensor of integers as a typed array, row by row; those of 64 bits, up to 2**53, as a Float64Array. */
  integers(name, shape, kinds = ["I64"]) {
    const { kind, bytes } = this.#read(name, kinds, shape);
    return kind in ARRAYS ? new ARRAYS[kind](bytes) : fromPairs(new Uint32Array(bytes), kind === "I64");
  }

  /** Return ascending hashes of names, of which there may be any number. */
  hashes(name) {
    const size = this.shape(name)?.[0] ?? 0;
    const values = new BigUint64Array(this.#read(name, ["U64"], [size]).bytes);
    if (values.some((hash, at) => at && hash <= values[at - 1])) throw broken(`the hashes ${name} are not ascending`);
    return values;
  }

  /** Return the text that a tensor of bytes contains in UTF-8. */
  text(name) {
    const size = this.shape(name)?.[0] ?? 0;
    return decoded(new Uint8Array(this.#read(name, ["U8"], [size]).bytes), `the text ${name}`);
  }

  #read(name, kinds, shape) {
    const found = this.#entries.get(name);
    if (!found) throw broken(`the tensor ${name} is missing`);
    if (!kinds.includes(found.kind) || String(found.shape) !== String(shape)) {
      throw broken(`the tensor ${name} is ${found.kind} [${found.shape}]`);
    }
    // A copy, because a typed array must begin at a multiple of its element size. Browsers' arrays are little-endian.
    return { kind: found.kind, bytes: this.#buffer.slice(this.#data + found.begin, this.#data + found.end) };
  }
}

/** Return the checked entry of a tensor in the header. Offsets count from the beginning of the data. */
function entry(name, about) {
  const { dtype: kind, shape, data_offsets: offsets } = isObject(about) ? about : {};
  const wrong = broken(`its entry for the tensor “${name.slice(0, 80)}” is invalid`);
  if (typeof kind !== "string" || !areSizes(shape) || !areSizes(offsets) || offsets.length !== 2) throw wrong;
  const [begin, end] = offsets;
  if (shape.length > MAX_DIMENSIONS || begin > end) throw wrong;
  const size = shape.reduce((product, axis) => product * axis, BYTES[kind] ?? NaN);
  if (kind in BYTES && size !== end - begin) throw wrong;
  return { kind, shape, begin, end };
}

/** Check that the tensors follow one another from the end of the header to the end of the file. */
function checkLayout(entries, size) {
  let reached = 0;
  for (const { begin, end } of entries.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== reached) throw broken("its tensors overlap, or have gaps between them");
    reached = end;
  }
  if (reached !== size) throw broken(`its tensors take ${reached} bytes, but the file has ${size}`);
}

function decoded(bytes, what = "its header") {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw broken(`${what} is not UTF-8`);
  }
}

/** Return the object that a text contains as JSON. */
export function parsed(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken("its header is not JSON");
  }
  if (!isObject(value)) throw broken("its header is not a JSON object");
  return value;
}

/** Return the error for a damaged file. */
export function broken(why) {
  return new NamegenError(`The file is not a model, or it is damaged: ${why.slice(0, MAX_REASON)}. Use another copy.`);
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function areSizes(values) {
  return Array.isArray(values) && values.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 48);
}

/** Return integers of 64 bits, each given as its low and its high half, as numbers. */
function fromPairs(halves, isSigned) {
  const numbers = new Float64Array(halves.length / 2);
  for (let at = 0; at < numbers.length; at++) {
    const high = halves[2 * at + 1];
    numbers[at] = (isSigned ? high | 0 : high) * 2 ** 32 + halves[2 * at];
  }
  return numbers;
}

let halves = null; // the number that each 16 bits encode, computed when first needed

/** Return numbers in half precision in single precision. */
function fromHalves(values) {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromHalf(bits));
  const numbers = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++) numbers[at] = halves[values[at]];
  return numbers;
}

/** Return the number that 16 bits encode: a sign, 5 bits of exponent and 10 of fraction (IEEE 754 binary16). */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (0x400 + fraction) : 2 ** -24 * fraction);
}
