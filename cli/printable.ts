/**
 * Text that somebody else wrote, as it may stand on a terminal: it moves no cursor, changes no colour and turns no line
 * round. Each letter that could is one that shows that something was there, so that columns stay as wide as they are.
 */

const SHOWN = '\uFFFD';

/** @param text of one line or of several; the ends of lines stay */
export function printable(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, SHOWN);
}
