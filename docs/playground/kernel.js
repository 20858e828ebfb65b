/**
 * The inner loop of `products.js` in WebAssembly, with instructions that multiply four numbers at once (SIMD): many times
 * as fast as JavaScript. Where the browser or the page's policy does not allow it, {@link kernelOf} returns `null`.
 */

const I32 = 0x7f;
const V128 = 0x7b;
const [ROWS, SIZE, MATRIX, VECTOR, BIAS, OUT, AT, END, SUM, OTHER] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; // variables

const get = (variable) => [0x20, variable];
const set = (variable, ...value) => [...value, 0x21, variable];
const number = (value) => [0x41, value];
const simd = (...code) => [0xfd, ...code];
const load = (variable, offset) => [...get(variable), ...simd(0x00, 2, offset)];
const zeros = simd(0x0c, ...new Array(16).fill(0));
const plus = simd(0xe4, 0x01); // f32x4.add
const times = simd(0xe6, 0x01); // f32x4.mul
const sum = [0x6a]; // i32.add
const difference = [0x6b]; // i32.sub
const advance = (variable, bytes) => set(variable, ...get(variable), ...number(bytes), ...sum);
const repeat = (body, ...condition) => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]; // loop … br_if 0 end
const addProduct = (total, offset) => set(total, ...get(total), ...load(MATRIX, offset), ...load(AT, offset), ...times, ...plus);
const addLane = (lane) => [...get(SUM), ...simd(0x1f, lane), 0x92]; // f32x4.extract_lane, f32.add

/** For each row: the sum of the products of its numbers with those of the vector, eight at a time, plus the bias. */
const BODY = repeat(
  [
    ...set(SUM, ...zeros),
    ...set(OTHER, ...zeros),
    ...set(AT, ...get(VECTOR)),
    ...set(END, ...get(VECTOR), ...get(SIZE), ...sum),
    ...repeat(
      [...addProduct(SUM, 0), ...addProduct(OTHER, 16), ...advance(MATRIX, 32), ...advance(AT, 32)],
      ...get(AT), ...get(END), 0x49, // i32.lt_u
    ),
    ...set(SUM, ...get(SUM), ...get(OTHER), ...plus),
    ...get(OUT),
    ...get(BIAS), 0x2a, 2, 0, // f32.load
    ...[0, 1, 2, 3].flatMap(addLane),
    0x38, 2, 0, // f32.store
    ...advance(BIAS, 4),
    ...advance(OUT, 4),
    ...set(ROWS, ...get(ROWS), ...number(1), ...difference),
  ],
  ...get(ROWS),
);

const module = compiled();

function compiled() {
  const vector = (items) => [...unsigned(items.length), ...items.flat()];
  const section = (id, content) => [id, ...vector(content)];
  const locals = vector([[2, I32], [2, V128]]);
  const code = [...locals, ...BODY, 0x0b];
  try {
    return new WebAssembly.Module(
      Uint8Array.of(
        ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
        ...section(1, vector([[0x60, ...vector(new Array(6).fill(I32)), 0]])), // the type of the function
        ...section(2, vector([[1, 0x6d, 1, 0x6d, 2, 0, 1]])), // imports the memory m.m of at least a page
        ...section(3, vector([[0]])),
        ...section(7, vector([[1, 0x66, 0, 0]])), // exports the function as f
        ...section(10, vector([vector(code)])),
      ),
    );
  } catch {
    return null;
  }
}

function unsigned(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >> 7)];
}

/**
 * Return a function that multiplies a matrix with a vector, or `null` if that is not possible here.
 *
 * @param {Float32Array} matrix (rows, columns)
 * @param {number} rows
 * @returns {null | ((vector: Float32Array, bias: Float32Array, product: Float32Array) => void)} writes matrix · vector +
 *   bias to the product
 */
export function kernelOf(matrix, rows) {
  if (!module) return null;
  const columns = matrix.length / rows;
  const width = Math.ceil(columns / 8) * 8; // filled up with zeros
  const [vectorAt, biasAt, outAt] = [rows * width, (rows + 1) * width, (rows + 1) * width + rows];
  const size = 4 * (outAt + rows);
  const memory = allocated(size);
  if (!memory) return null;
  const { f } = new WebAssembly.Instance(module, { m: { m: memory } }).exports;
  const numbers = new Float32Array(memory.buffer);
  for (let row = 0; row < rows; row++) numbers.set(matrix.subarray(row * columns, (row + 1) * columns), row * width);
  return (vector, bias, product) => {
    numbers.set(vector, vectorAt);
    numbers.set(bias, biasAt);
    f(rows, 4 * width, 0, 4 * vectorAt, 4 * biasAt, 4 * outAt);
    product.set(numbers.subarray(outAt, outAt + rows));
  };
}

function allocated(size) {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(size / 2 ** 16) });
  } catch {
    return null; // there are too many, or the matrix is too large
  }
}
