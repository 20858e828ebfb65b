/** What names are shown, in words. */

import { isFull, labelOf } from "./catalogue.js";

/**
 * Describe the names of some settings.
 *
 * @param {import("./settings.js").Settings} settings
 * @param {number} [count] of names
 * @returns {{title: string, origin: string | null}} a line, and where all of the names are from; `null` if it differs from
 *   name to name
 */
export function describe({ source, cultures, kind, list, mix }, count = 0) {
  if (source === "list") {
    const own = list.label === "names" ? "your list" : list.label;
    return { title: `${count} names like ${own}${mix ? `, mixed with ${mix}` : ""}`, origin: mix ? `${own} + ${mix}` : own };
  }
  const mixed = cultures.map(([name]) => name).join(" + ");
  const label = labelOf(kind).toLowerCase();
  const title = `${count} ${count === 1 ? "name" : "names"}: ${mixed || "any culture"}, ${label}`;
  const differs = !cultures.length || (isFull(kind) && cultures.length > 1);
  return { title, origin: differs ? null : mixed };
}
