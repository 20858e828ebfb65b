/**
 * The engine in a Web Worker; `client.js` sends the messages.
 *
 * To the worker:
 *
 *     {id, method, request}   method: load, open, names, people or explain, see `engine.js`; id: any number
 *     {id, cancel: true}      cancels the task with this id
 *
 * From the worker, for the task with this id, any number of `progress` and `items`, and one of the others as the last:
 *
 *     {id, progress}          {file, loaded, total} in bytes (total may be null), or {done, total}
 *     {id, items}             an array of names, people or notes
 *     {id, result}
 *     {id, error, isBug}      a line for the user; a bug is any other error than a `NamegenError`
 *     {id, cancelled: true}
 */

import { Engine } from "./engine.js";
import { NamegenError } from "./errors.js";

const METHODS = ["load", "open", "names", "people", "explain"];
const engine = new Engine();
const running = new Map(); // by id, what cancels each task

self.addEventListener("message", async ({ data: { id, method, request, cancel } }) => {
  if (cancel) {
    running.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  const { signal } = controller;
  running.set(id, controller);
  const send = (message) => self.postMessage({ id, ...message });
  const items = itemsOf(send);
  try {
    if (!METHODS.includes(method)) throw new Error(`unknown method ${method}`);
    const reporter = { signal, onProgress: (progress) => send({ progress }), onItem: items.add };
    const result = await engine[method](request, reporter);
    items.flush();
    send({ result });
  } catch (error) {
    if (signal.aborted) send({ cancelled: true });
    else {
      items.flush();
      const isBug = !(error instanceof NamegenError);
      send({ error: isBug ? `Unexpected error: ${error}.` : error.message, isBug });
    }
  } finally {
    running.delete(id);
  }
});

/** Collect items for a moment, so that many are sent in few messages. */
function itemsOf(send) {
  let waiting = [];
  let sent = -Infinity;
  const flush = () => {
    if (waiting.length) send({ items: waiting });
    waiting = [];
    sent = performance.now();
  };
  const add = (item) => {
    waiting.push(item);
    if (performance.now() - sent > 30) flush();
  };
  return { add, flush };
}
