/**
 * The first words of a process, which may be the engine's own: it says on the standard output of a process that it could
 * not start it (Docker 20.10 and 28; exit code 126 whatever the reason). Such words are kept back until it is known
 * whose they are, so that what reads the output of a command never takes them for it.
 */
import type { LogChunk } from '../../machinery/runtime.ts';

const BEGINNING = 'OCI runtime exec failed: ';
/** The engine writes them in one piece; a longer one is a process's. */
const MAX_BYTES = 16 * 1024;

/** A shell's codes for a command that is not there and for one that cannot be run. */
const EXIT_NOT_FOUND = 127;

export class FirstWords {
  #isFirst = true;
  #held: LogChunk | undefined;

  /** What of it, and of what was kept back, can be handed on now. */
  take(chunk: LogChunk): readonly LogChunk[] {
    if (!this.#isFirst) return [...this.release(), chunk];
    this.#isFirst = false;
    if (!isSuspect(chunk)) return [chunk];
    this.#held = chunk;
    return [];
  }

  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  release(): readonly LogChunk[] {
    const held = this.#held;
    this.#held = undefined;
    return held === undefined ? [] : [held];
  }
}

function isSuspect({ data }: LogChunk): boolean {
  return (
    data.length <= MAX_BYTES &&
    Buffer.from(data.subarray(0, BEGINNING.length)).toString('latin1') === BEGINNING
  );
}

/** The exit code of a process that the engine could not start, from its words. */
export function refusalCode(words: Uint8Array, exitCode: number | undefined): number | undefined {
  const isNotFound = /executable file not found|no such file or directory/.test(
    Buffer.from(words).toString(),
  );
  return isNotFound ? EXIT_NOT_FOUND : exitCode;
}
