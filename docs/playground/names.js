/** The names on the page, as buttons that keep them. */

import { COUNT } from "./settings.js";

const list = document.getElementById("names");

/** Show places for names before there are any, so that nothing moves when they arrive. */
export function showPlaces() {
  list.replaceChildren(...Array.from({ length: COUNT }, placeholder));
}

/**
 * Names that arrive one after another.
 *
 * @param {import("./kept.js").Kept} kept
 * @param {boolean} areFull whether they are full names, which need more room
 * @param {boolean} hasOrigin whether to show the culture of each
 */
export class Names {
  /** The different names, each an item `{name, from}` for {@link import("./kept.js").Kept}. */
  items = [];
  #kept;
  #areFull;
  #hasOrigin;

  constructor(kept, { areFull, hasOrigin }) {
    this.#kept = kept;
    this.#areFull = areFull;
    this.#hasOrigin = hasOrigin;
  }

  /** Show a name, unless it is among the names already. */
  add(item) {
    if (this.items.some(({ name }) => name === item.name)) return;
    if (!this.items.length) {
      showPlaces();
      list.classList.toggle("full", this.#areFull);
    }
    const chip = keepButton(item.name, this.#hasOrigin ? item.from : "");
    chip.addEventListener("click", () => this.#kept.toggle(item));
    const entry = document.createElement("li");
    entry.append(chip);
    const place = list.children[this.items.length];
    if (place) place.replaceWith(entry);
    else list.append(entry);
    this.items.push(item);
    this.showKept();
  }

  /** Remove the places of names that did not come. */
  end() {
    if (!this.items.length) list.classList.toggle("full", this.#areFull);
    while (list.children.length > this.items.length) list.lastElementChild.remove();
  }

  showKept() {
    for (const [index, { name }] of this.items.entries()) {
      list.children[index].firstElementChild.setAttribute("aria-pressed", String(this.#kept.has(name)));
    }
  }
}

/** Return a button with a name. */
export function keepButton(name, from) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "name";
  const text = document.createElement("bdi");
  text.textContent = name;
  button.append(text);
  if (from) {
    const small = document.createElement("small");
    small.textContent = from;
    button.append(" ", small);
  }
  return button;
}

function placeholder() {
  const item = document.createElement("li");
  item.className = "place";
  item.setAttribute("aria-hidden", "true");
  return item;
}
