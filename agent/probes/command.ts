/**
 * One command in a container, run to its end: its exit code, the beginning and the end of what it wrote.
 *
 * The time it may take counts from its start: an engine that is slow to start it says nothing about the container, and
 * neither does one that does not tell how it ended. What does not end in time, or is given up, is killed before the call
 * resolves, so that nothing of it goes on beside whatever comes next.
 */
import type { Clock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import type { ProcessSession, Runtime } from '../../machinery/runtime.ts';
import { MAX_ANSWER_BYTES } from './answer.ts';
import { Deadline, Overdue } from './deadline.ts';

export interface Command {
  readonly containerId: string;
  readonly command: readonly string[];
  /** Absent: only the signal ends it. */
  readonly timeoutMs?: number;
}

export type CommandEnd =
  | { readonly kind: 'ended'; readonly exitCode: number; readonly output: string; readonly tail: string }
  | { readonly kind: 'overdue'; readonly output: string }
  /** Given up, or nobody knows how it ended. */
  | { readonly kind: 'unknown'; readonly message: string };

const OPTIONS = { stdin: false, stdout: true, stderr: true, tty: false } as const;
const MAX_TAIL_BYTES = 2 * 1024;
/** A kill that takes longer is not waited for. */
const KILL_LIMIT_MS = 5_000;

/** Never rejects. @param signal gives it up; the command is killed then too. */
export async function runCommand(
  { runtime, clock }: { readonly runtime: Runtime; readonly clock: Clock },
  { containerId, command, timeoutMs }: Command,
  signal: AbortSignal,
): Promise<CommandEnd> {
  // Of its own: a session whose signal aborts lets go of its process, which then nobody can kill.
  const life = new AbortController();
  const giveUp = (): void => life.abort(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  let session: ProcessSession;
  try {
    session = await runtime.exec(containerId, command, OPTIONS, life.signal);
  } catch (error) {
    return { kind: 'unknown', message: messageOf(error) };
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  const deadline = timeoutMs === undefined ? undefined : new Deadline(clock, timeoutMs, signal);
  const ends = deadline?.signal ?? signal;
  try {
    return await finish(session, ends);
  } finally {
    deadline?.done();
    if (ends.aborted) await kill(clock, session);
    session.close();
  }
}

async function finish(session: ProcessSession, signal: AbortSignal): Promise<CommandEnd> {
  const output = new Output();
  const reading = output.read(session);
  const ending = (async (): Promise<CommandEnd> => {
    const { exitCode } = await session.ended;
    await reading;
    if (exitCode === undefined) return { kind: 'unknown', message: 'nobody knows how it ended' };
    return { kind: 'ended', exitCode, output: output.head(), tail: output.tail() };
  })();
  const over = Promise.withResolvers<CommandEnd>();
  const giveUp = (): void => {
    // One that has closed its output may have ended: it is the engine that did not say.
    const isItsOwn = signal.reason instanceof Overdue && !output.isOver;
    over.resolve(
      isItsOwn
        ? { kind: 'overdue', output: output.head() }
        : { kind: 'unknown', message: messageOf(signal.reason) },
    );
  };
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([ending, over.promise]);
  } catch (error) {
    return { kind: 'unknown', message: messageOf(error) };
  } finally {
    signal.removeEventListener('abort', giveUp);
    // Whoever lost the race has nobody who listens.
    ending.catch(() => undefined);
    reading.catch(() => undefined);
  }
}

/** Reads all, keeps the beginning and the end. */
class Output {
  readonly #head: Uint8Array[] = [];
  #headBytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  isOver = false;

  async read({ output }: ProcessSession): Promise<void> {
    for await (const { data } of output) {
      if (this.#headBytes < MAX_ANSWER_BYTES) {
        this.#head.push(data);
        this.#headBytes += data.length;
      }
      this.#tail = Buffer.concat([this.#tail, data.subarray(-MAX_TAIL_BYTES)]).subarray(-MAX_TAIL_BYTES);
    }
    this.isOver = true;
  }

  head(): string {
    return Buffer.concat(this.#head).subarray(0, MAX_ANSWER_BYTES).toString().trim();
  }

  tail(): string {
    return this.#tail.toString().trim();
  }
}

async function kill(clock: Clock, session: ProcessSession): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = clock.after(KILL_LIMIT_MS, () => limit.resolve());
  await Promise.race([session.kill(), limit.promise]);
  timer.cancel();
}
