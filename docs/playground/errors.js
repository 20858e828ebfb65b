/** Control characters, halves of characters, and marks that turn the direction: no text that is shown has any. */
export const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const MOST_SAID = 400; // characters

/**
 * Something that whoever uses the page can be told in a line: what is wrong, and what to do. All else is a bug. It is
 * short and can be shown, whatever a file made it say.
 */
export class NamegenError extends Error {
  constructor(message) {
    const shown = message.replaceAll(UNSHOWABLE, "\ufffd");
    super(shown.length > MOST_SAID ? `${shown.slice(0, MOST_SAID)}…` : shown);
  }
}
