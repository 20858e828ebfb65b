/** Open the files that the user chooses or drops. */

import { NamegenError } from "./errors.js";

const MAX_LIST_SIZE = 5_000_000; // bytes
const MAX_MODEL_SIZE = 2 ** 30;
const LIST = /\.(txt|csv|tsv|zip)$/i;

/**
 * Read a list of names.
 *
 * @param {File} file
 * @returns {Promise<{text: string, label: string}>} its text, and its name without the extension
 * @throws {NamegenError} it is too large, or not text
 */
export async function openList(file) {
  if (/\.(zip|xlsx|parquet|json|docx?|pdf|rtf|odt)$/i.test(file.name)) {
    throw new NamegenError(`${file.name} is not a plain list. Save it as a text file with one name per line, or paste the names.`);
  }
  if (file.size > MAX_LIST_SIZE) throw new NamegenError(`${file.name} is too large. Use a part of the list, at most 5 MB.`);
  const label = file.name.replace(/\.[^.]*$/, "") || file.name;
  return { text: decode(new Uint8Array(await file.arrayBuffer()), file.name), label };
}

/**
 * Read a model.
 *
 * @param {File} file
 * @returns {Promise<ArrayBuffer>}
 * @throws {NamegenError} it is too large
 */
export async function openModel(file) {
  if (file.size > MAX_MODEL_SIZE) throw new NamegenError(`${file.name} is too large for a browser. Open a model of at most 1 GiB.`);
  return file.arrayBuffer();
}

/** Whether a file is a model, by its name, or because the user chose it as one. */
export function isModel(file, isChosen) {
  return /\.safetensors$/i.test(file.name) || (isChosen && !LIST.test(file.name));
}

function decode(bytes, name) {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new NamegenError(`${name} is not text in UTF-8. Save it as UTF-8.`);
  }
}

/** Call a function with each file that is dropped on the page or chosen, and whether it was chosen as a model. */
export function onFile(receive) {
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    receive(file, false);
  });
  for (const input of document.querySelectorAll("[type=file]")) {
    input.addEventListener("change", () => {
      const [file] = input.files;
      if (file) receive(file, input.id === "model");
      input.value = ""; // so that the same file can be opened again
    });
  }
}
