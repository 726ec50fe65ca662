/**
 * Files of the kernel, read at once: they are in no disk's hands, and waiting for each costs ten times what reading it does.
 * Whoever reads many lets others run in between.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** The text of a file; undefined where there is none, or where it belongs to something that has ended. */
export type ReadNow = (path: string) => string | undefined;

/** More than all that is read here; a longer file is cut. */
const LONGEST = 256 * 1024;
const GONE: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ESRCH',
  'ENODEV',
  'EACCES',
  'EPERM',
  'EOPNOTSUPP',
]);

/** Throws what is no absence. */
export function openKernelFiles(): ReadNow {
  let buffer = Buffer.allocUnsafe(16 * 1024);
  return (path) => {
    try {
      const file = openSync(path, 'r');
      try {
        let length = 0;
        for (;;) {
          const read = readSync(file, buffer, length, buffer.length - length, null);
          length += read;
          if (read === 0 || length >= LONGEST) return buffer.toString('latin1', 0, length);
          if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)]);
        }
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (error instanceof Error && GONE.has(Reflect.get(error, 'code'))) return undefined;
      throw error;
    }
  };
}

/** The figure of a line `name 123`; undefined where there is none. */
export function figureOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const line = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  if (line === 0 && !text.startsWith(`${name} `)) return undefined;
  return wholeOf(text.slice(line + name.length + 1, endOfLine(text, line)));
}

/** A whole text that is one figure; undefined for any other (`max`). */
export function wholeOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

export function scaled(figure: number | undefined, by: number): number | undefined {
  return figure === undefined ? undefined : figure / by;
}

export function countLines(text: string | undefined): number | undefined {
  return text === undefined ? undefined : text.split('\n').filter((line) => line !== '').length;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
