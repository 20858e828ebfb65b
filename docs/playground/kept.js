/** The names that the user keeps, also for the next visit. */

import { keepButton } from "./names.js";

const KEY = "namegen kept names";
const MAX_KEPT = 1000;
const list = document.getElementById("kept");

/**
 * @typedef {object} Item
 * @property {string} name
 * @property {string} from the culture, category or list that it is from
 * @property {string} [kind]
 */

export class Kept {
  /** @type {Item[]} */
  items = read();
  #onChange;

  /** @param {(message: string) => void} onChange is called with what has changed */
  constructor(onChange) {
    this.#onChange = onChange;
    document.getElementById("clear").addEventListener("click", () => {
      const count = this.items.length;
      this.items = [];
      this.#changed(`Removed ${count} kept ${count === 1 ? "name" : "names"}.`);
      document.getElementById("kept-heading").focus();
    });
    addEventListener("storage", ({ key }) => {
      if (key !== KEY) return;
      this.items = read();
      this.#render();
    });
    this.#render();
  }

  has(name) {
    return this.items.some((item) => item.name === name);
  }

  /** Keep a name, or keep it no longer. */
  toggle(item) {
    if (this.has(item.name)) {
      this.items = this.items.filter(({ name }) => name !== item.name);
      this.#changed(`${item.name} is no longer kept.`);
    } else if (this.items.length === MAX_KEPT) {
      this.#onChange(`You keep ${MAX_KEPT} names already. Remove some first.`);
    } else {
      const { name, from, kind } = item;
      this.items.push({ name, from, kind });
      this.#changed(`${item.name} is kept.`);
    }
  }

  #changed(message) {
    let isStored = true;
    try {
      localStorage.setItem(KEY, JSON.stringify(this.items));
    } catch {
      isStored = false;
    }
    this.#render();
    this.#onChange(isStored ? message : `${message} This browser does not store it for the next visit.`);
  }

  #render() {
    list.replaceChildren(...this.items.map((item, index) => this.#entry(item, index)));
    document.getElementById("kept-heading").textContent = this.items.length ? `Kept names (${this.items.length})` : "Kept names";
    document.getElementById("kept-hint").hidden = this.items.length > 0;
    document.getElementById("kept-actions").hidden = !this.items.length;
  }

  #entry(item, index) {
    const button = keepButton(item.name, item.from);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      this.toggle(item);
      const next = list.children[Math.min(index, list.children.length - 1)]?.firstElementChild;
      (next ?? document.getElementById("kept-heading")).focus();
    });
    const entry = document.createElement("li");
    entry.append(button);
    return entry;
  }
}

/** Return the names of the last visit; none if they are damaged. */
function read() {
  try {
    const items = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const isItem = (item) => ["name", "from"].every((key) => typeof item[key] === "string");
    return items.filter(isItem).slice(0, MAX_KEPT);
  } catch {
    return [];
  }
}
