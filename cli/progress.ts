/**
 * How long work goes, on standard error: on a terminal one line that is rewritten, and wiped when it is over; elsewhere
 * now and then a plain line, and only when there is something new to say. Never a control byte where no terminal is.
 */
import type { Clock, Timer } from '../machinery/clock.ts';
import type { Io, Output } from './io.ts';

/** On a terminal: often enough to look alive. */
const REDRAW_MS = 250;
/** Elsewhere: each is a line that somebody scrolls past. */
const PLAIN_MS = 10_000;
/** Of a terminal that does not say how wide it is, and says 0. */
const USUAL_COLUMNS = 80;
/** Back to the first column, and everything from there wiped. */
const WIPE = '\r\u001b[K';

export interface ProgressOptions {
  /** Only on a terminal: elsewhere the command says it in its own words. */
  readonly isTerminalOnly?: boolean;
}

export class Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #render: () => string | undefined;
  readonly #hasPlainLines: boolean;
  #timer: Timer | undefined;
  #isDrawn = false;
  #isHeld = false;
  #told: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @param render how it stands now; undefined while there is nothing to say */
  constructor(
    io: Pick<Io, 'stderr' | 'clock'>,
    render: () => string | undefined,
    { isTerminalOnly = false }: ProgressOptions = {},
  ) {
    this.#output = io.stderr;
    this.#clock = io.clock;
    this.#render = render;
    this.#hasPlainLines = !isTerminalOnly;
    this.#arm();
  }

  /** Makes room for what `work` writes; the line comes again by itself afterwards. */
  async apart<T>(work: () => T | Promise<T>): Promise<T> {
    this.#isHeld = true;
    try {
      await this.#clear();
      return await work();
    } finally {
      this.#isHeld = false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#clear();
  }

  async #clear(): Promise<void> {
    await this.#writing;
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    await this.#output.write(WIPE);
  }

  #arm(): void {
    if (this.#isClosed) return;
    const columns = this.#output.columns?.();
    this.#timer = this.#clock.after(columns === undefined ? PLAIN_MS : REDRAW_MS, () => {
      // A slow reader is not written to twice at once.
      this.#writing = this.#draw(columns).finally(() => this.#arm());
    });
  }

  async #draw(columns: number | undefined): Promise<void> {
    if (this.#isHeld) return;
    const text = this.#render()?.replaceAll(/\p{Cc}+/gu, ' ');
    if (text === undefined || this.#isClosed) return;
    if (columns !== undefined) {
      this.#isDrawn = true;
      // One less than there are: the last column of some terminals begins a new line.
      await this.#output.write(`${WIPE}${shortened(text, (columns === 0 ? USUAL_COLUMNS : columns) - 1)}`);
    } else if (this.#hasPlainLines && text !== this.#told) {
      this.#told = text;
      await this.#output.write(`${text}\n`);
    }
  }
}

/** Shows how it stands while `work` goes on. */
export async function withProgress<T>(
  io: Pick<Io, 'stderr' | 'clock'>,
  render: () => string | undefined,
  work: (progress: Progress) => Promise<T>,
  options?: ProgressOptions,
): Promise<T> {
  const progress = new Progress(io, render, options);
  try {
    return await work(progress);
  } finally {
    await progress.close();
  }
}

function shortened(text: string, most: number): string {
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, Math.max(0, most - 1)).join('')}…`;
}

const KIB = 1024;

/** `12.3 MiB` */
export function bytesWords(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(KIB)));
  return `${(bytes / KIB ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
