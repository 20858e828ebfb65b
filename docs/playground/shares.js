/** The cultures that are mixed, with a slider for the share of each. */

const MAX_CULTURES = 4;
const [MAX_WEIGHT, WEIGHT] = [10, 5];

export class Shares {
  #list = document.getElementById("shares");
  #add = document.getElementById("add");
  #cultures = [];
  #rows = []; // [culture, weight]
  #onChange;
  #isBlend = true;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  set cultures(cultures) {
    this.#cultures = cultures;
  }

  /** @returns {[string, number][]} */
  read() {
    if (this.#rows.length < 2) return this.#rows.map(([name]) => [name, 1]);
    return this.#rows.map(([name, weight]) => [name, weight]);
  }

  /** @param {[string, number][]} cultures */
  show(cultures) {
    this.#rows = cultures.map(([name, weight]) => [name, cultures.length > 1 ? weight : WEIGHT]);
    this.#render();
  }

  /** Set the first culture; the others stay. Without one, there is nothing to mix. */
  setFirst(name) {
    const [[, weight] = [name, WEIGHT], ...others] = this.#rows;
    this.#rows = name === "" ? [] : [[name, weight], ...others.filter(([other]) => other !== name)];
    this.#render();
    this.#onChange();
  }

  /** Add the culture that follows the last one. */
  add() {
    const used = new Set(this.#rows.map(([name]) => name));
    const last = this.#cultures.indexOf(this.#rows.at(-1)?.[0]);
    const ordered = [...this.#cultures.slice(last + 1), ...this.#cultures.slice(0, last + 1)];
    this.#rows.push([ordered.find((name) => !used.has(name)), WEIGHT]);
    this.#render();
    this.#list.lastElementChild.querySelector("select, input").focus();
    this.#onChange();
  }

  /** Say what a mix means for the kind of name. */
  explain(isBlend) {
    this.#isBlend = isBlend;
    this.#showShares();
  }

  #render() {
    this.#list.replaceChildren(...(this.#rows.length > 1 ? this.#rows.map((_, index) => this.#row(index)) : []));
    const isPossible = this.#rows.length > 0 && this.#rows.length < Math.min(MAX_CULTURES, this.#cultures.length);
    this.#add.disabled = !isPossible;
    this.#showShares();
  }

  #row(index) {
    const [name] = this.#rows[index];
    const item = document.createElement("li");
    item.append(index === 0 ? this.#text(name) : this.#select(index), this.#slider(index), this.#output());
    item.append(index === 0 ? "" : this.#remover(index));
    return item;
  }

  #text(name) {
    const text = document.createElement("span");
    text.textContent = name;
    return text;
  }

  #select(index) {
    const select = document.createElement("select");
    const used = this.#rows.map(([name]) => name).filter((_, other) => other !== index);
    select.append(...this.#cultures.filter((name) => !used.includes(name)).map((name) => new Option(name)));
    [select.value] = this.#rows[index];
    select.setAttribute("aria-label", `Culture ${index + 1}`);
    select.addEventListener("change", () => {
      this.#rows[index][0] = select.value;
      this.#render();
      this.#list.children[index].querySelector("select").focus();
      this.#onChange();
    });
    return select;
  }

  #slider(index) {
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 1, max: MAX_WEIGHT, value: this.#rows[index][1] });
    slider.setAttribute("aria-label", `Share of ${this.#rows[index][0]}`);
    slider.addEventListener("input", () => {
      this.#rows[index][1] = Number(slider.value);
      this.#showShares();
    });
    slider.addEventListener("change", () => this.#onChange());
    return slider;
  }

  #output() {
    const output = document.createElement("output");
    output.setAttribute("aria-hidden", "true"); // the slider's text says it
    return output;
  }

  #remover(index) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "plain", textContent: "✕" });
    button.setAttribute("aria-label", `Remove ${this.#rows[index][0]}`);
    button.addEventListener("click", () => {
      this.#rows.splice(index, 1);
      this.#render();
      this.#add.focus();
      this.#onChange();
    });
    return button;
  }

  #showShares() {
    const total = this.#rows.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [index, item] of [...this.#list.children].entries()) {
      const share = `${Math.round((100 * this.#rows[index][1]) / total)} %`;
      item.querySelector("output").value = share;
      item.querySelector("input").setAttribute("aria-valuetext", `${share} of ${this.#isBlend ? "each name" : "the people"}`);
    }
  }
}
