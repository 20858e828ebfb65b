/**
 * Products of matrices and vectors, in which networks spend nearly all of their time. Matrices are Float32Arrays, row by
 * row.
 */

import { kernelOf } from "./kernel.js";

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
  if (!kernels.has(matrix)) kernels.set(matrix, kernelOf(matrix, rows) ?? ((vector, bias, product) => multiply(matrix, vector, bias, product)));
  const kernel = kernels.get(matrix);
  for (let at = 0; at < count; at++) {
    kernel(vectors.subarray(at * columns, (at + 1) * columns), bias, products.subarray(at * rows, (at + 1) * rows));
  }
  return products;
}

function multiply(matrix, vector, bias, product) {
  const columns = vector.length;
  for (let row = 0, at = 0; row < bias.length; row++) {
    let total = bias[row];
    for (let column = 0; column < columns; column++, at++) total += matrix[at] * vector[column];
    product[row] = total;
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
