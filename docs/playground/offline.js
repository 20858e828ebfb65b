/** Make the page work offline, and offer new versions of it: the side of the page of `sw.js`. */

const note = document.getElementById("offline");
const PRIVATE = "Nothing you type or paste leaves your device.";

/** Register the service worker, once the first names are there. */
export async function workOffline() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return; // the page is not served securely
  const wasControlled = serviceWorker.controller !== null;
  serviceWorker.addEventListener("controllerchange", () => {
    if (wasControlled) location.reload(); // all files from the same version
  });
  const needsConnection = () => {
    note.textContent = `${PRIVATE} This page needs a connection: your browser could not store it.`;
  };
  try {
    const registration = await serviceWorker.register(new URL("sw.js", import.meta.url), { updateViaCache: "none" });
    const first = registration.active ? null : registration.installing;
    first?.addEventListener("statechange", () => {
      if (first.state === "redundant") needsConnection();
    });
    offerUpdates(registration);
    await serviceWorker.ready;
    note.textContent = `${PRIVATE} This page works offline.`;
  } catch {
    needsConnection();
  }
}

/** Keep a file that was loaded on demand. */
export async function keepForOffline(file) {
  const registration = await navigator.serviceWorker?.ready;
  registration?.active.postMessage({ keep: file });
}

function offerUpdates(registration) {
  const offer = (worker) => {
    document.getElementById("update").hidden = false;
    document.getElementById("reload").onclick = () => worker.postMessage({ use: "now" });
  };
  const { controller } = navigator.serviceWorker;
  if (registration.waiting && controller) offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker.addEventListener("statechange", () => {
      if (worker.state === "installed" && navigator.serviceWorker.controller) offer(worker);
    });
  });
}
