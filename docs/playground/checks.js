/** Checks of values in untrusted model files. Each returns the value, or throws the error for a damaged file. */

import { UNSHOWABLE } from "./errors.js";
import { broken, isObject } from "./safetensors.js";

export function texts(what, values, most, longest) {
  const isText = (text) =>
    typeof text === "string" && text !== "" && [...text].length <= longest && text.search(UNSHOWABLE) < 0;
  const fit =
    Array.isArray(values) &&
    values.length >= 1 &&
    values.length <= most &&
    values.every(isText) &&
    new Set(values).size === values.length;
  if (!fit) throw broken(`its ${what} are not distinct strings`);
  return values;
}

export function settings(what, values) {
  if (!isObject(values)) throw broken(`its ${what} settings are missing`);
  return values;
}

export function oneOf(what, value, choices) {
  if (!choices.includes(value)) throw broken(`its ${what} is ${String(JSON.stringify(value)).slice(0, 40)}`);
  return value;
}

export function number(what, value, low, high) {
  if (typeof value !== "number" || !(low <= value && value <= high)) throw broken(`its ${what} is out of range`);
  return value;
}

export function whole(what, value, low, high) {
  if (!Number.isInteger(number(what, value, low, high))) throw broken(`its ${what} is not an integer`);
  return value;
}
