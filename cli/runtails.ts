/** The logs of a Run's Tasks while it goes: each from when its container has started until it ends. */
import { sleep } from '../machinery/clock.ts';
import { isApiError } from '../machinery/errors.ts';
import type { Run } from '../schemas/types.gen.ts';
import type { Io } from './io.ts';
import { fromServer } from './report.ts';
import type { Session } from './session.ts';
import { followTask, type LogQuery, type LogSource } from './tasklogs.ts';

/** What is still on its way when a Run has ended may take so long. */
const GRACE_MS = 10_000;
/** At once; a Run with more steps side by side has more lines than a person reads. */
const MOST_TAILS = 50;

export class RunTails {
  readonly #query: LogQuery;
  readonly #step: string | undefined;
  readonly #session: Session;
  readonly #io: Io;
  readonly #stop = new AbortController();
  readonly #tails = new Map<string, Promise<void>>();
  #open = 0;

  /** @param step only of this one */
  constructor(query: LogQuery, step: string | undefined, session: Session, io: Io) {
    this.#query = query;
    this.#step = step;
    this.#session = session;
    this.#io = io;
  }

  /** Those of its Tasks that are not followed yet. */
  follow(run: Run): void {
    for (const { name, taskName, rerunOf, attempts } of run.status?.tasks ?? []) {
      // What was taken over from another Run wrote its lines then.
      if (taskName === undefined || rerunOf !== undefined) continue;
      if (this.#step === undefined || name === this.#step) {
        this.add({ task: taskName, prefix: stepPrefix(run, name, attempts) });
      }
    }
  }

  add(source: LogSource): void {
    if (this.#tails.has(source.task) || this.#open >= MOST_TAILS) return;
    this.#open += 1;
    const tail = this.#follow(source).finally(() => {
      this.#open -= 1;
    });
    // Whoever waits for it is told; nobody may be waiting yet.
    tail.catch(() => undefined);
    this.#tails.set(source.task, tail);
  }

  async #follow(source: LogSource): Promise<void> {
    const signal = AbortSignal.any([this.#io.signal, this.#stop.signal]);
    try {
      await followTask(source, this.#query, this.#session, this.#io, signal);
    } catch (error) {
      // The Run is what is waited for: a log that breaks off is told, and changes nothing of its result.
      if (!isApiError(error)) throw error;
      if (signal.aborted) return;
      await this.#io.stderr.write(`Warning: the log of task "${source.task}": ${fromServer(error)}\n`);
    }
  }

  /** Resolves when all is printed, or has had its time. */
  async ended(): Promise<void> {
    const isOver = new AbortController();
    const all = Promise.all(this.#tails.values()).finally(() => isOver.abort());
    await Promise.race([all, sleep(this.#io.clock, GRACE_MS, isOver.signal)]);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#tails.values());
  }
}

/** One of a template has a single step: its lines need no mark. */
export function stepPrefix(run: Run, step: string, attempt = 1): string {
  if (run.spec.jobRef === undefined) return '';
  return attempt > 1 ? `[${step} ${attempt}] ` : `[${step}] `;
}
