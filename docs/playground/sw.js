/**
 * The service worker, by which the page works offline.
 *
 * `version.js` has the name and the SHA-256 hash of each file of a version. A version is used only if all of its files are
 * stored, so files of different versions never mix. When a file changes, so does `version.js`: the browser then installs the
 * new version beside the old one. It replaces the old one when the user asks for it, or when no page uses the old one.
 *
 * From the page: `{keep: FILE}` stores a file that is loaded on demand, and `{use: "now"}` replaces the old version.
 */

importScripts("version.js");

const FILES = self.NAMEGEN_FILES; // hash by name; of the decompressed content if it is compressed
const ON_DEMAND = ["people.safetensors.gz"];
const PAGE = "index.html";
const GZIP = [0x1f, 0x8b];
const cacheName = `namegen ${self.registration.scope}`;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

self.addEventListener("message", (event) => {
  const { keep, use } = event.data;
  if (ON_DEMAND.includes(keep)) event.waitUntil(store(keep));
  if (use === "now") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const scope = new URL(self.registration.scope);
  if (request.method !== "GET" || origin !== scope.origin || !pathname.startsWith(scope.pathname)) return;
  const name = pathname.slice(scope.pathname.length) || PAGE;
  if (Object.hasOwn(FILES, name)) event.respondWith(answer(name, request));
});

async function answer(name, request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(keyOf(name))) ?? fetch(request);
}

/** Store all files that the page needs, and those on demand that the old version has stored. */
async function install() {
  const cache = await caches.open(cacheName);
  const stored = (await cache.keys()).map(({ url }) => new URL(url).pathname);
  const isStored = (name) => stored.includes(new URL(keyOf(name)).pathname);
  const wanted = Object.keys(FILES).filter((name) => !ON_DEMAND.includes(name) || isStored(name));
  await Promise.all(wanted.map(store));
}

/** Remove the files of older versions. */
async function activate() {
  const cache = await caches.open(cacheName);
  const current = new Set(Object.keys(FILES).map(keyOf));
  for (const request of await cache.keys()) if (!current.has(request.url)) await cache.delete(request);
  await self.clients.claim();
}

/** Store a file, unless it is stored. What the browser has already loaded is not loaded again if it is of this version. */
async function store(name) {
  const cache = await caches.open(cacheName);
  if (await cache.match(keyOf(name))) return;
  for (const mode of ["default", "reload"]) {
    const response = await fetch(new URL(name, self.registration.scope), { cache: mode });
    const content = await response.arrayBuffer();
    if (!response.ok || (await hashOf(content)) !== FILES[name]) continue;
    const headers = { "Content-Type": response.headers.get("Content-Type") ?? "", "Content-Length": String(content.byteLength) };
    await cache.put(keyOf(name), new Response(content, { headers }));
    return;
  }
  throw new Error(`${name} is not the file of this version.`);
}

/** Return the address under which a file of this version is stored. */
function keyOf(name) {
  return new URL(`${name}?${FILES[name]}`, self.registration.scope).href;
}

async function hashOf(content) {
  const begin = new Uint8Array(content, 0, Math.min(2, content.byteLength));
  const isCompressed = GZIP.every((byte, at) => begin[at] === byte);
  const stream = () => new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = isCompressed ? await new Response(stream()).arrayBuffer() : content;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
