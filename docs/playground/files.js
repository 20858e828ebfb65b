/** Load the files beside the page, with progress. */

import { NamegenError } from "./errors.js";

const GZIP = [0x1f, 0x8b]; // how a compressed file begins

/**
 * Load a file, and decompress it if it is compressed; a server may have done so already.
 *
 * @param {string} name relative to these modules
 * @param {(progress: {file: string, loaded: number, total: number | null}) => void} [onProgress] receives the number of
 *   bytes so far, and of all bytes if the server says it
 * @returns {Promise<ArrayBuffer>}
 * @throws {NamegenError} the server does not have it
 */
export async function loadFile(name, onProgress = () => {}) {
  const response = await fetch(new URL(name, import.meta.url)).catch(() => null);
  if (!response?.ok) {
    if (!response) throw new NamegenError(`Cannot load ${name}: the server did not answer. Check the connection, and try again.`);
    throw new NamegenError(`Cannot load ${name}: the server answered ${response.status}. Put the file next to this page.`);
  }
  // With a content encoding, the length is that of the compressed file.
  const length = response.headers.get("Content-Encoding") ? null : response.headers.get("Content-Length");
  const total = length === null ? null : Number(length);
  const chunks = [];
  let loaded = 0;
  onProgress({ file: name, loaded, total });
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    loaded += value.length;
    onProgress({ file: name, loaded, total });
  }
  return decompressed(new Blob(chunks), name);
}

/** Load a file as text in UTF-8. */
export async function loadText(name, onProgress) {
  return new TextDecoder().decode(await loadFile(name, onProgress));
}

async function decompressed(blob, name) {
  const begin = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (!GZIP.every((byte, at) => begin[at] === byte)) return blob.arrayBuffer();
  try {
    return await new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  } catch {
    throw new NamegenError(`The file ${name} is damaged. Reload the page.`);
  }
}
