/**
 * How far a Task says that it is: the last line `::progress N` of its standard output, or the last `progress=N` of its output
 * file. Pure: from bytes to a number; what is no such line, or no number from 0 to 100, says nothing.
 */
const LINE = /^::progress[ \t]+(\d{1,3})(?:\.\d{1,9})?[ \t]*%?[ \t]*\r?$/;
const FILE_LINE = /^progress=[ \t]*(\d{1,3})(?:\.\d{1,9})?[ \t]*%?[ \t]*\r?$/;
const MOST = 100;
/** Lines that begin so and say nothing sensible are gone through for so long. */
const MAX_TRIES = 1_000;

/** In whole percent; undefined: nothing was said. */
export function progressInOutput(stdout: Buffer): number | undefined {
  return lastIn(stdout, '::progress', LINE);
}

/** In whole percent; undefined: nothing was said. */
export function progressInFile(file: Buffer): number | undefined {
  return lastIn(file, 'progress=', FILE_LINE);
}

/** From the end: however much there is, what was said last is found first. */
function lastIn(bytes: Buffer, beginning: string, line: RegExp): number | undefined {
  let at = bytes.length;
  for (let tries = 0; at > 0 && tries < MAX_TRIES; tries++) {
    at = bytes.lastIndexOf(beginning, at - 1, 'latin1');
    if (at < 0) return undefined;
    if (at > 0 && bytes[at - 1] !== 0x0a) continue;
    const newline = bytes.indexOf(0x0a, at);
    const end = newline < 0 ? bytes.length : newline;
    const found = end - at > MAX_LINE ? null : line.exec(bytes.toString('latin1', at, end));
    const percent = Number(found?.[1] ?? Number.NaN);
    if (percent <= MOST) return percent;
  }
  return undefined;
}

const MAX_LINE = 64;
