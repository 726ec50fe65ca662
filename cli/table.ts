/**
 * Columns of text: three spaces between them, as wide as their widest cell, the last one not padded. What stands in a cell
 * may be anybody's words: what would move a cursor is shown and not obeyed.
 */
import { printable } from './printable.ts';

export type Alignment = readonly number[];

export function columnWidths(rows: readonly (readonly string[])[], least: Alignment = []): number[] {
  const widths: number[] = [...least];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return widths;
}

/** Lines end in a line feed; no rows give no text. */
export function formatRows(
  rows: readonly (readonly string[])[],
  widths: Alignment = columnWidths(rows),
): string {
  return rows
    .map((row) => {
      const cells = row.map((cell, at) =>
        at === row.length - 1 ? printable(cell) : printable(cell).padEnd(widths[at] ?? 0),
      );
      return `${cells.join('   ').trimEnd()}\n`;
    })
    .join('');
}
