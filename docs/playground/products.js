/**
 * Products of matrices and vectors, in which networks spend nearly all of their time. Matrices are Float32Arrays, row by
 * row.
 */

import { kernelOf } from "./kernel.js";

const MIN_SIZE = 2 ** 15; // numbers of a matrix for a kernel, as browsers reserve much address space for each of them
const kernels = new WeakMap(); // by matrix

/**
 * matrix · vector + bias, for each of several vectors.
 *
 * @param {Float32Array} matrix (rows, columns)
 * @param {Float32Array} vectors (count, columns)
 * @param {Float32Array} bias (rows)
 * @param {number} count
 * @returns {Float32Array} (count, rows)
 */
export function affine(matrix, vectors, bias, count = 1) {
  const rows = bias.length;
  const columns = matrix.length / rows;
  const products = new Float32Array(count * rows);
  if (!kernels.has(matrix)) kernels.set(matrix, matrix.length < MIN_SIZE ? null : kernelOf(matrix, rows));
  const kernel = kernels.get(matrix);
  for (let at = 0; at < count; at++) {
    const vector = vectors.subarray(at * columns, (at + 1) * columns);
    const product = products.subarray(at * rows, (at + 1) * rows);
    if (kernel) kernel(vector, bias, product);
    else multiply(matrix, vector, bias, product);
  }
  return products;
}

/** Multiply with four sums at once, which do not wait for one another. */
function multiply(matrix, vector, bias, product) {
  const columns = vector.length;
  const even = columns - (columns % 4);
  for (let row = 0, at = 0; row < bias.length; row++) {
    let first = bias[row];
    let second = 0;
    let third = 0;
    let fourth = 0;
    let column = 0;
    for (; column < even; column += 4, at += 4) {
      first += matrix[at] * vector[column];
      second += matrix[at + 1] * vector[column + 1];
      third += matrix[at + 2] * vector[column + 2];
      fourth += matrix[at + 3] * vector[column + 3];
    }
    for (; column < columns; column++, at++) first += matrix[at] * vector[column];
    product[row] = first + second + third + fourth;
  }
}

/** Return the sum of a table's rows, weighted by shares. table: (C, width); shares: (C). Returns (width). */
export function mixed(table, shares) {
  const width = table.length / shares.length;
  const mixture = new Float32Array(width);
  shares.forEach((share, row) => {
    if (share) for (let column = 0; column < width; column++) mixture[column] += share * table[row * width + column];
  });
  return mixture;
}
