/** The controls of the page: read the settings from them, and show settings in them. */

import { isFull } from "./catalogue.js";
import { DEFAULTS, STYLES } from "./settings.js";
import { Shares } from "./shares.js";

const ANY = ""; // the option for any culture

export class Controls {
  #catalogue;
  #shares;
  #label = DEFAULTS.list.label;
  #model = null;

  /** @param {() => void} onChange is called after the user has changed a setting */
  constructor(onChange) {
    this.#shares = new Shares(() => {
      this.#refresh();
      onChange();
    });
    element("culture").addEventListener("change", () => this.#shares.setFirst(element("culture").value));
    element("style").addEventListener("input", () => this.#showStyle());
    element("wanted").addEventListener("change", ({ target }) => {
      if (target.name === "source") this.#refresh();
      if (target.id === "kind") this.#showKind();
      const isAwaited = this.#source === "list" && element("list").value.trim() === ""; // a list is yet to be pasted
      if (target.type !== "file" && target.id !== "list" && !target.closest("#blend, #culture") && !isAwaited) onChange();
    });
    element("add").addEventListener("click", () => this.#shares.add());
  }

  /**
   * Offer the cultures and kinds of a catalogue.
   *
   * @param {import("./catalogue.js").Catalogue} catalogue
   * @param {string | null} model the name of the opened file that it describes
   */
  offer(catalogue, model = null) {
    this.#catalogue = catalogue;
    this.#model = model;
    const { cultures } = catalogue;
    const any = cultures.length > 1 ? [new Option("Any culture", ANY)] : [];
    element("culture").replaceChildren(...any, ...cultures.map((name) => new Option(name)));
    this.#shares.cultures = cultures;
    if (model === null) element("mix").replaceChildren(new Option("nothing", ""), ...catalogue.mixable().map((name) => new Option(name)));
    element("included").hidden = model === null;
  }

  /** @returns {import("./settings.js").Settings} without a seed */
  read() {
    const value = (id) => element(id).value;
    const number = (id) => (element(id).validity.badInput ? NaN : value(id) === "" ? null : Number(value(id)));
    return {
      ...DEFAULTS,
      source: this.#source,
      cultures: this.#shares.read(),
      kind: value("kind"),
      start: value("start"),
      end: value("end"),
      shortest: number("shortest"),
      longest: number("longest"),
      novel: element("novel").checked,
      style: STYLES[value("style")].id,
      list: { text: value("list"), label: this.#label },
      mix: value("mix"),
      model: this.#source === "list" ? null : this.#model,
    };
  }

  /** @param {import("./settings.js").Settings} settings */
  show(settings) {
    for (const id of ["start", "end", "shortest", "longest", "mix"]) element(id).value = settings[id] ?? "";
    element("novel").checked = settings.novel;
    element("style").value = STYLES.findIndex(({ id }) => id === settings.style);
    this.showList(settings.list.text, settings.list.label);
    this.#source = settings.source;
    this.#shares.show(settings.cultures);
    this.#refresh(settings.kind);
    this.#showStyle();
  }

  /** Show a list of names, with the name of its file. */
  showList(text, label) {
    element("list").value = text;
    this.#label = label;
  }

  useSource(source) {
    this.#source = source;
    this.#refresh();
  }

  /** Mark a control as wrong, and move the focus to it; or remove the mark. */
  mark(id) {
    for (const each of document.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
    if (!id) return;
    const control = element(id);
    if (control.closest("details")) control.closest("details").open = true;
    control.setAttribute("aria-invalid", "true");
    control.focus();
  }

  enable() {
    for (const id of ["culture", "kind", "invent"]) element(id).disabled = false;
  }

  get #source() {
    return document.querySelector("[name=source]:checked").value;
  }

  set #source(source) {
    document.querySelector(`[name=source][value=${source}]`).checked = true;
  }

  /** Show the controls that matter to the source, the cultures and the kind of name. */
  #refresh(kind = element("kind").value) {
    const isList = this.#source === "list";
    const cultures = this.#shares.read().map(([name]) => name);
    element("culture").value = cultures[0] ?? ANY;
    const kinds = this.#catalogue.kinds(cultures);
    element("kind").replaceChildren(...kinds.map(({ kind, label }) => new Option(label, kind)));
    const chosen = [kind, "surname", "name", kinds[0]?.kind].find((each) => kinds.some(({ kind }) => kind === each));
    element("kind").value = chosen ?? "";
    element("by-culture").hidden = element("blend").hidden = isList;
    element("by-list").hidden = element("mixing").hidden = !isList;
    this.#showKind();
  }

  /** Show the settings of single names only for single names. */
  #showKind() {
    const single = this.#source === "list" || !isFull(element("kind").value);
    for (const each of document.querySelectorAll(".single")) each.hidden = !single;
    element("people-hint").hidden = single;
    this.#shares.explain(single);
  }

  #showStyle() {
    const { label, sampling } = STYLES[element("style").value];
    element("style-shown").value = label;
    element("style").setAttribute("aria-valuetext", label);
    const figures = Object.entries(sampling).map(([name, value]) => `${name} ${value}`).join(", ");
    element("style").title = figures || "the model’s own settings";
  }
}

function element(id) {
  return document.getElementById(id);
}
