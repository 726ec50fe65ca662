/**
 * Reads what a Task says as it ends: its output file and the end of standard output, for the status that tells of the end.
 *
 * Promises that the end is told whatever the container left and however the reading goes. Only an engine that does not
 * answer is waited for, and only so long: then its silence is told in place of the words.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { messageOf, RuntimeError } from '../../../machinery/errors.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import type { Runtime } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { resultOf, type TaskResult, type Words } from '../planning/result.ts';
import type { TaskOutputs } from '../services.ts';
import type { HistoryEntry, TaskStatus } from '../types.ts';

export interface ResultsOptions {
  readonly runtime: Runtime;
  readonly outputs: TaskOutputs;
  readonly clock: Clock;
}

const READ_LIMIT_MS = 5_000;
/** An engine that is away this long since it was first asked is not waited for any more. */
const PATIENCE_MS = 60_000;
const READS_AT_ONCE = 4;
/** The first look takes lines to be about so long; where they are shorter, the next one reads more of them. */
const LINE_BYTES = 64;
const MORE_LINES = 8;
const NEWLINE = 0x0a;

export class Results {
  readonly #options: ResultsOptions;
  readonly #limiter = new Limiter(READS_AT_ONCE);
  /** By container: since when its words could not be had, monotonic. */
  readonly #silentSinceMs = new Map<string, number>();

  constructor(options: ResultsOptions) {
    this.#options = options;
  }

  /**
   * By container id: what it said with whose end this status ends the Task; nothing where the stored one tells it already.
   * Rejects with `RuntimeError('Unavailable')` while the engine is waited for, and on abort.
   */
  async of(
    task: Task,
    status: TaskStatus | undefined,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TaskResult>> {
    const end = newsOf(task, status);
    if (end === undefined) return new Map();
    const stdoutBytes = task.spec.outputs?.stdoutBytes ?? 0;
    const wanted = { id: end.id, attempt: end.attempt };
    const words = await this.#limiter.run(signal, async (): Promise<Words> => {
      const file = await this.#patiently(end.id, signal, (inner) =>
        this.#options.outputs.read(task, wanted, inner),
      );
      const stdout =
        stdoutBytes === 0
          ? undefined
          : await this.#patiently(end.id, signal, (inner) => this.#tail(end.id, stdoutBytes, inner));
      return { file, stdout, stdoutBytes };
    });
    this.#silentSinceMs.delete(end.id);
    return new Map([[end.id, resultOf(words)]]);
  }

  /** Drops what belongs to containers that are not there any more. */
  retain(present: ReadonlySet<string>): void {
    for (const id of this.#silentSinceMs.keys()) if (!present.has(id)) this.#silentSinceMs.delete(id);
  }

  async #patiently<T>(
    id: string,
    signal: AbortSignal,
    read: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | { readonly problem: string }> {
    const { clock } = this.#options;
    try {
      const bounds = { what: `the words of container ${id}`, signal, limitMs: READ_LIMIT_MS };
      return await withinBounds(clock, bounds, read);
    } catch (error) {
      signal.throwIfAborted();
      const nowMs = clock.monotonicMs();
      const sinceMs = this.#silentSinceMs.get(id) ?? nowMs;
      const isAway = error instanceof RuntimeError && error.reason === 'Unavailable';
      if (isAway && nowMs - sinceMs < PATIENCE_MS) {
        this.#silentSinceMs.set(id, sinceMs);
        throw error;
      }
      return { problem: messageOf(error) };
    }
  }

  /** The last bytes of standard output, one more than wanted where there are more. */
  async #tail(id: string, bytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const most = bytes + 1;
    for (let lines = Math.ceil(most / LINE_BYTES); ; lines = Math.min(most, lines * MORE_LINES)) {
      const found = await this.#lastLines(id, lines, most, signal);
      // The last one may have no newline, and is one all the same.
      const isAll = found.lines + 1 < lines || lines >= most;
      if (found.tail.length >= most || isAll) return found.tail;
    }
  }

  async #lastLines(
    id: string,
    tailLines: number,
    bytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly tail: Buffer; readonly lines: number }> {
    const kept: Buffer[] = [];
    let keptBytes = 0;
    let lines = 0;
    for await (const { data, isMark } of this.#options.runtime.logs(
      id,
      { tailLines, stream: 'stdout' },
      signal,
    )) {
      if (isMark === true) continue;
      const chunk = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
      kept.push(chunk);
      keptBytes += chunk.length;
      while (keptBytes - (kept[0]?.length ?? 0) >= bytes) keptBytes -= kept.shift()?.length ?? 0;
    }
    // A log that was given up ends quietly, and has no end.
    signal.throwIfAborted();
    return { tail: Buffer.concat(kept).subarray(-bytes), lines };
  }
}

/** The end that this status tells and the stored one does not, of a Task whose words are wanted. */
function newsOf(
  task: Task,
  status: TaskStatus | undefined,
): (HistoryEntry & { readonly id: string }) | undefined {
  const [end] = status?.history ?? [];
  if (task.spec.outputs === undefined || status === task.status || end?.id === undefined) return undefined;
  if (!isOver(status) || (isOver(task.status) && task.status?.history?.[0]?.id === end.id)) return undefined;
  return { ...end, id: end.id };
}

function isOver(status: TaskStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
