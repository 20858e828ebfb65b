/**
 * The engine in a worker, for the page: each method of {@link import("./engine.js").Engine} returns a promise, and the
 * page stays responsive.
 *
 *     const client = new Client();
 *     await client.load({ model: "pretrained" }, { onProgress });
 *     await client.names({ category: "German", letters: "ABC", seed: 1 }, { onItems, signal });
 */

import { NamegenError } from "./errors.js";

export class Client {
  #worker;
  #tasks = new Map();
  #last = 0;

  constructor() {
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#receive(data));
    this.#worker.addEventListener("error", ({ message = "" }) => {
      for (const { reject } of this.#tasks.values()) reject(new Error(`The worker stopped. ${message}`));
      this.#tasks.clear();
    });
  }

  load(request, reporter) {
    return this.#ask("load", request, reporter);
  }

  /** The buffer of the request is moved to the worker. */
  open(request, reporter) {
    return this.#ask("open", request, reporter, [request.buffer]);
  }

  names(request, reporter) {
    return this.#ask("names", request, reporter);
  }

  people(request, reporter) {
    return this.#ask("people", request, reporter);
  }

  explain(request, reporter) {
    return this.#ask("explain", request, reporter);
  }

  /**
   * @param {object} reporter
   * @param {(progress: object) => void} [reporter.onProgress]
   * @param {(items: object[]) => void} [reporter.onItems] receives several items at a time
   * @param {AbortSignal} [reporter.signal] cancels the task; its promise is then rejected with the signal's reason
   */
  #ask(method, request, { onProgress, onItems, signal } = {}, moved = []) {
    signal?.throwIfAborted();
    const id = ++this.#last;
    const done = new Promise((resolve, reject) => this.#tasks.set(id, { resolve, reject, onProgress, onItems }));
    const cancel = () => {
      this.#tasks.get(id)?.reject(signal.reason);
      this.#tasks.delete(id);
      this.#worker.postMessage({ id, cancel: true });
    };
    signal?.addEventListener("abort", cancel, { once: true });
    const forget = () => signal?.removeEventListener("abort", cancel);
    done.then(forget, forget);
    this.#worker.postMessage({ id, method, request }, moved);
    return done;
  }

  #receive({ id, progress, items, result, error, isBug }) {
    const task = this.#tasks.get(id);
    if (!task) return;
    if (progress) task.onProgress?.(progress);
    else if (items) task.onItems?.(items);
    else {
      this.#tasks.delete(id);
      if (error !== undefined) task.reject(isBug ? new Error(error) : new NamegenError(error));
      else task.resolve(result);
    }
  }
}
