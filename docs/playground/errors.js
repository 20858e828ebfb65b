/** Control characters, lone surrogates and direction marks, which no text on the page may contain. */
export const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const MAX_LENGTH = 400; // characters

/**
 * An error for the user: one line that says what is wrong and what to do. Any other error is a bug. The message is short
 * and printable even if it quotes a damaged file.
 */
export class NamegenError extends Error {
  constructor(message) {
    const shown = message.replaceAll(UNSHOWABLE, "\ufffd");
    super(shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown);
  }
}
