/** Look inside a name: a table of the most probable letters at each place. */

const SHOWN = 5; // letters
const section = document.getElementById("inside");
const which = document.getElementById("which");
const table = document.getElementById("steps");
const problem = document.getElementById("inside-problem");

export class Inside {
  #client;
  #parts = []; // {name, request}
  #task = new AbortController();

  /** @param {import("./client.js").Client} client */
  constructor(client) {
    this.#client = client;
    which.addEventListener("change", () => this.#explain());
    section.addEventListener("toggle", () => this.#explain());
  }

  /**
   * Offer names to look inside.
   *
   * @param {{name: string, request: object}[]} parts names, and the request to the engine that each came from
   */
  offer(parts) {
    this.#parts = parts;
    which.replaceChildren(...parts.map(({ name }, index) => new Option(name, index)));
    which.disabled = !parts.length;
    this.#explain();
  }

  async #explain() {
    this.#task.abort();
    if (!section.open) return;
    this.#task = new AbortController();
    const { signal } = this.#task;
    const part = this.#parts[which.value];
    if (!part) {
      table.replaceChildren();
      problem.textContent = "Generate names first.";
      return;
    }
    try {
      const steps = await this.#client.explain({ ...part.request, name: part.name }, { signal });
      table.replaceChildren(caption(part.name), heading(), body(steps));
      problem.textContent = "";
    } catch (error) {
      if (signal.aborted) return;
      table.replaceChildren();
      problem.textContent = error.message;
    }
  }
}

function caption(name) {
  const made = document.createElement("caption");
  made.textContent = `How ${name} forms`;
  return made;
}

function heading() {
  const made = document.createElement("thead");
  const row = made.insertRow();
  for (const [text, span] of [["So far", 1], ["Most probable next letters", SHOWN + 1]]) row.append(cellOf("th", text, { scope: "col", colSpan: span }));
  return made;
}

function body(steps) {
  const made = document.createElement("tbody");
  for (const { prefix, chosen, letters } of steps) {
    const row = made.insertRow();
    row.append(cellOf("th", prefix || "(start)", { scope: "row" }));
    const shown = letters.slice(0, SHOWN);
    const place = letters.findIndex(({ letter }) => letter === chosen);
    if (place >= SHOWN) shown.push(letters[place]); // after the most probable ones
    for (const each of shown) row.append(letterCell(each, each.letter === chosen));
    if (shown.length === SHOWN) row.insertCell();
  }
  return made;
}

/** Return a cell with a letter, and a bar as long as it is probable. */
function letterCell({ letter, probability }, isChosen) {
  const cell = cellOf("td", "");
  cell.style.setProperty("--share", `${(100 * probability).toFixed(1)}%`);
  const text = document.createElement("bdi");
  text.textContent = letter === "" ? "end" : letter === " " ? "space" : letter;
  if (letter === "" || letter === " ") text.className = "word";
  const percent = document.createElement("small");
  percent.textContent = probability < 0.005 ? "<1 %" : `${Math.round(100 * probability)} %`;
  cell.append(text, " ", percent);
  if (isChosen) {
    cell.className = "chosen";
    const mark = document.createElement("span");
    mark.className = "unseen";
    mark.textContent = ", chosen";
    cell.append(mark);
  }
  return cell;
}

function cellOf(tag, text, properties = {}) {
  const cell = Object.assign(document.createElement(tag), properties);
  if (text) {
    const inner = document.createElement("bdi");
    inner.textContent = text;
    cell.append(inner);
  }
  return cell;
}
