/** Give names to the user: the clipboard, a CSV file, or an address to share. */

import { NamegenError } from "./errors.js";

/**
 * Return names as a table: RFC 4180, with a byte order mark, from which spreadsheets know that it is UTF-8.
 *
 * @param {{name: string, from: string, kind?: string}[]} items
 * @returns {string}
 */
export function csvOf(items) {
  const rows = [["name", "from", "kind"], ...items.map(({ name, from, kind = "" }) => [name, from, kind])];
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** Return a cell; a spreadsheet must not take a text for a formula. */
function cell(text) {
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Save a text as a file. */
export function save(text, fileName) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Copy a text.
 *
 * @throws {NamegenError} the browser does not allow it
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new NamegenError("The browser does not allow copying here. Select the text and copy it, or download it.");
  }
}

/**
 * Share an address with the device's own dialog if it has one, or copy it.
 *
 * @returns {Promise<string>} what was done, or an empty string if the user cancelled
 */
export async function share(address) {
  const isPhone = matchMedia("(pointer: coarse)").matches;
  if (isPhone && navigator.share) {
    try {
      await navigator.share({ title: document.title, url: address });
      return "Shared. The address shows the same names.";
    } catch (error) {
      if (error.name === "AbortError") return "";
    }
  }
  await copy(address);
  return "The address is copied. It shows the same names.";
}
