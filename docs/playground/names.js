/** The names on the page, as buttons that keep them. */

import { COUNT } from "./settings.js";

const list = document.getElementById("names");

/**
 * Names that arrive one after another.
 *
 * @param {import("./kept.js").Kept} kept
 * @param {boolean} areFull whether they are full names, which need more room
 * @param {boolean} hasOrigin whether to show the culture of each
 */
export class Names {
  /** The names, each an item `{name, from}` for {@link import("./kept.js").Kept}. */
  items = [];
  #kept;
  #areFull;
  #hasOrigin;

  constructor(kept, { areFull, hasOrigin }) {
    this.#kept = kept;
    this.#areFull = areFull;
    this.#hasOrigin = hasOrigin;
  }

  /** Show one more name. */
  add(item) {
    if (!this.items.length) this.#begin();
    this.items.push(item);
    this.#show(this.items.length - 1);
  }

  /** Remove the places of names that did not come. */
  end() {
    while (list.children.length > this.items.length) list.lastElementChild.remove();
  }

  /** Show all names again. */
  render() {
    this.#begin();
    for (const index of this.items.keys()) this.#show(index);
    this.end();
  }

  showKept() {
    for (const [index, { name }] of this.items.entries()) {
      list.children[index].firstElementChild.setAttribute("aria-pressed", String(this.#kept.has(name)));
    }
  }

  #begin() {
    list.replaceChildren(...Array.from({ length: COUNT }, placeholder));
    list.classList.toggle("full", this.#areFull);
  }

  #show(index) {
    const item = this.items[index];
    const chip = keepButton(item.name, this.#hasOrigin ? item.from : "");
    chip.setAttribute("aria-pressed", String(this.#kept.has(item.name)));
    chip.addEventListener("click", () => this.#kept.toggle(item));
    const entry = document.createElement("li");
    entry.append(chip);
    const place = list.children[index];
    if (place) place.replaceWith(entry);
    else list.append(entry);
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
