/** Make the page work offline, and offer new versions of it: the side of the page of `sw.js`. */

const note = document.getElementById("offline");

/** Register the service worker, once the first names are there. */
export async function workOffline() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return; // the page is not served securely
  const wasControlled = serviceWorker.controller !== null;
  serviceWorker.addEventListener("controllerchange", () => {
    if (wasControlled) location.reload(); // all files from the same version
  });
  try {
    const registration = await serviceWorker.register(new URL("sw.js", import.meta.url), { updateViaCache: "none" });
    offerUpdates(registration);
    await serviceWorker.ready;
    note.textContent = "Nothing you type or paste leaves your device. This page works offline.";
  } catch (error) {
    note.textContent = "Nothing you type or paste leaves your device. This page needs a connection: your browser could not store it.";
    console.info(`The page does not work offline: ${error.message}`);
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
