/** How far the loading of files is, or the learning of a list. */

const bar = document.getElementById("progress");
const figures = document.getElementById("figures");
const state = document.getElementById("state");

export class Progress {
  #files = new Map(); // bytes loaded and in total

  /** Begin with other files. */
  begin() {
    this.#files.clear();
    this.hide();
  }

  /** @param {{file: string, loaded: number, total: number | null} | {done: number, total: number}} progress of the engine */
  show({ file, loaded, done, total }) {
    if (file === undefined) {
      this.#set("Learning the style of the list …", done, total);
      return;
    }
    this.#files.set(file, { loaded, total });
    const files = [...this.#files.values()];
    const all = files.every((each) => each.total !== null) ? sumOf(files, "total") : null;
    const sum = sumOf(files, "loaded");
    if (sum === all) {
      this.hide();
      return;
    }
    const what = file.startsWith("people") ? "Loading the names of all cultures" : "Loading";
    this.#set(`${what} …`, sum, all, `${what}: ${megabytes(sum)}${all === null ? "" : ` of ${megabytes(all)}`} MB`);
  }

  hide() {
    bar.hidden = true;
    figures.textContent = "";
  }

  /** The live region gets one line; the figures are in the label of the bar and next to it. */
  #set(line, value, max, label = line) {
    bar.hidden = false;
    if (max === null) bar.removeAttribute("value");
    else Object.assign(bar, { max, value });
    bar.setAttribute("aria-label", label);
    if (state.textContent !== line) state.textContent = line;
    figures.textContent = label === line ? "" : label.replace(/^.*: /, "");
  }
}

function sumOf(files, key) {
  return files.reduce((sum, file) => sum + file[key], 0);
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
