/**
 * All that the page can do, on loaded models. It runs in a worker (`worker.js`), or in the page itself.
 *
 * Long tasks stop every few milliseconds, so that messages arrive and a task can be cancelled.
 */

import { allCategories, findCategory, listCultures } from "./categories.js";
import { NamegenError } from "./errors.js";
import { explainName } from "./explanation.js";
import { loadFile, loadText } from "./files.js";
import { folded, splitLetters } from "./graphemes.js";
import { readList } from "./list.js";
import { readModel } from "./model.js";
import { offensiveFilter } from "./offensive.js";
import { drawPeople } from "./people.js";
import { atTemperature, drawNames, modelFor } from "./sampling.js";
import { buildStyle } from "./style.js";
import { useSpellings } from "./transliteration.js";

export const PRETRAINED = "pretrained";
export const PEOPLE = "people";

const MAX_BUSY = 15; // milliseconds before messages may arrive
const MAX_COUNT = 100_000; // names or people

/**
 * What a task tells while it runs.
 *
 * @typedef {object} Reporter
 * @property {AbortSignal} [signal] cancels the task
 * @property {(progress: object) => void} [onProgress] `{file, loaded, total}` in bytes, or `{done, total}` of the
 *   comparison of a list with the model's categories
 * @property {(item: object) => void} [onItem] a name `{category, name}`, a person, or `{note}` about a list or a
 *   beginning
 */

/**
 * Which names to sample; all but the first three may be left out.
 *
 * @typedef {object} NamesRequest
 * @property {string} [model] `pretrained` (the default), `people`, or the name of an opened file
 * @property {string | null} category a category, or a blend such as `German:2+Italian:1`; `null` for any. With a list, a
 *   category or blend that makes up half of the style; `null` for none
 * @property {number | bigint} seed
 * @property {string} [letters] start letters; or
 * @property {string[]} [prefixes]
 * @property {number} [count] of names for each letter or prefix
 * @property {boolean} [unique] whether to sample no name twice
 * @property {Partial<import("./model.js").Sampling>} [sampling] settings instead of the model's own
 * @property {import("./filters.js").Filters} [filters]
 * @property {{text: string, label: string}} [list] names to imitate, and the name of their file without its extension
 */

export class Engine {
  #models = new Map(); // promises by name
  #common = null; // a promise of the files that all tasks need
  #isOffensive = null;
  #listeners = new Set(); // of the tasks that wait for files
  #style = null; // the last one, with its key

  /** Load an included model, if it is not loaded yet. Returns its description. */
  async load({ model }, reporter = {}) {
    return describe(model, (await this.#prepare(model, reporter)).model);
  }

  /** Use the model in a file from now on, under the file's name. Returns its description. */
  async open({ name, buffer }) {
    const model = readModel(buffer);
    this.#models.set(name, Promise.resolve(model));
    return describe(name, model);
  }

  /**
   * Sample names: an item `{category, name}` for each, and `{note}` for each note about the list or the beginnings.
   *
   * @param {NamesRequest} request
   * @param {Reporter} [reporter]
   * @returns {Promise<{count: number}>}
   */
  async names(request, reporter = {}) {
    const { model, category, isOffensive } = await this.#find(request, reporter);
    const { letters = "", prefixes = letters === "" ? [""] : splitLetters(letters), count = 1, unique, filters = {}, seed } = request;
    checkCount(count * prefixes.length);
    const { alphabet } = modelFor(model, category);
    const fitted = prefixes.map((prefix) => alphabet.fit(prefix, model.casing));
    for (const [place, prefix] of prefixes.entries()) {
      if (folded(fitted[place]) === folded(prefix.normalize("NFC"))) continue;
      reporter.onItem?.({ note: `“${prefix.slice(0, 40)}” cannot be written here; names begin with “${fitted[place]}”.` });
    }
    const wanted = {
      category,
      prefixes: fitted,
      count,
      seed,
      unique,
      sampling: override(model.sampling, request.sampling ?? {}),
      filters: { ...filters, isOffensive },
    };
    const labelOf = (category) => (typeof category === "number" ? model.categories[category] : category.label);
    return this.#run(drawNames(model, wanted), reporter, ({ category, name }) => ({ category: labelOf(category), name }));
  }

  /**
   * Invent people: an item for each, see {@link import("./people.js").Person}.
   *
   * @param {Omit<Parameters<typeof drawPeople>[1], "isOffensive"> & {model?: string}} request
   * @param {Reporter} [reporter]
   * @returns {Promise<{count: number}>}
   */
  async people(request, reporter = {}) {
    checkCount(request.count);
    const { model, isOffensive } = await this.#prepare(request.model ?? PEOPLE, reporter);
    return this.#run(drawPeople(model, { ...request, isOffensive }), reporter, (person) => person);
  }

  /**
   * Look inside: what the model says before each letter of a name.
   *
   * @param {NamesRequest & {name: string}} request
   * @param {Reporter} [reporter]
   * @returns {Promise<import("./explanation.js").Step[]>}
   */
  async explain(request, reporter = {}) {
    const { model, category } = await this.#find(request, { ...reporter, onItem: undefined });
    if (category === null) throw new NamegenError("Choose a category to look inside.");
    return explainName(model, category, override(model.sampling, request.sampling ?? {}), request.name);
  }

  /** Return the model that a request is about, its category, and the filter of offensive names. */
  async #find({ model: name = PRETRAINED, category = null, list = null }, reporter) {
    const { model, isOffensive } = await this.#prepare(name, reporter);
    const found = category === null ? null : findCategory(model, category);
    if (!list) return { model, category: model.categories.length === 1 ? (found ?? 0) : found, isOffensive };
    return { model: await this.#imitate(name, model, list, found, reporter), category: 0, isOffensive };
  }

  async #imitate(name, base, { text, label }, added, reporter) {
    const key = JSON.stringify([name, text, label, added?.label ?? added]);
    if (this.#style?.key !== key || this.#style.base !== base) {
      if (added?.isClosed) throw new NamegenError(`${added.label} has known names only, so it cannot be blended. Choose another.`);
      const read = readList(base, text, label);
      const blend = added === null ? null : typeof added === "number" ? onlyCategory(base, added) : added;
      if (blend) read.label += `+${blend.label}`;
      const model = await inSlices(buildStyle(base, read, blend?.shares ?? null), reporter.signal, reporter.onProgress);
      this.#style = { key, base, model, notes: read.notes };
    }
    for (const note of this.#style.notes) reporter.onItem?.({ note });
    return this.#style.model;
  }

  async #run(generator, { signal, onItem }, itemOf) {
    let count = 0;
    await inSlices(generator, signal, (each) => {
      if (each === null) return;
      count++;
      onItem?.(itemOf(each));
    });
    return { count };
  }

  /** Return a model, and the filter of offensive names. A task that is cancelled does not stop the download. */
  async #prepare(name, { signal, onProgress = () => {} }) {
    if (!this.#models.has(name)) {
      if (![PRETRAINED, PEOPLE].includes(name)) throw new NamegenError(`The model ${name.slice(0, 40)} is not open. Open its file first.`);
      this.#models.set(name, loadFile(`${name}.safetensors.gz`, this.#tell).then(readModel));
    }
    this.#listeners.add(onProgress);
    try {
      const [isOffensive, model] = await Promise.all([this.#loadCommon(), this.#models.get(name)]);
      signal?.throwIfAborted();
      return { model, isOffensive };
    } catch (error) {
      if (!signal?.aborted) this.#models.delete(name); // so that it can be loaded again
      throw error;
    } finally {
      this.#listeners.delete(onProgress);
    }
  }

  async #loadCommon() {
    this.#common ??= Promise.all(["offensive.txt", "spellings.txt.gz"].map((name) => loadText(name, this.#tell)));
    try {
      const [offensive, spellings] = await this.#common;
      useSpellings(spellings);
      return (this.#isOffensive ??= offensiveFilter(offensive));
    } catch (error) {
      this.#common = null;
      throw error;
    }
  }

  #tell = (progress) => {
    for (const listener of this.#listeners) listener(progress);
  };
}

/** Run a generator to its end, a few milliseconds at a time. Returns what it returns. */
async function inSlices(generator, signal, onStep = () => {}) {
  let pause = performance.now() + MAX_BUSY;
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
    onStep(value);
    if (performance.now() < pause) continue;
    await nextMessages();
    signal?.throwIfAborted();
    pause = performance.now() + MAX_BUSY;
  }
}

/** Let the messages that wait arrive. A message to oneself takes less time than `setTimeout`. */
function nextMessages() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Return a model's sampling settings with some others. */
function override(sampling, changes) {
  const { temperature } = changes;
  return { ...(temperature === undefined ? sampling : atTemperature(sampling, temperature)), ...changes };
}

/** Describe a model for the page. */
function describe(name, model) {
  const categories = allCategories(model);
  return {
    name,
    categories,
    closed: [...model.closed.keys()],
    cultures: Object.fromEntries(listCultures(categories)),
    casing: model.casing,
    letters: model.alphabet.letters,
    sampling: model.sampling,
    hasFloor: model.limits !== null,
    hasNetwork: model.architecture !== "ngram",
    canImitate: model.architecture === "gru",
  };
}

function onlyCategory({ categories }, index) {
  return { label: categories[index], shares: Float32Array.from(categories, (_, each) => Number(each === index)) };
}

function checkCount(count) {
  if (!(Number.isInteger(count) && count >= 0 && count <= MAX_COUNT)) throw new NamegenError(`Ask for at most ${MAX_COUNT} names.`);
}
