/**
 * How a Run goes: what is told of it while somebody waits, and how its end is said. Step by step where it is a Job's;
 * one of a template has a single step, which is the Run itself.
 */
import { sleep } from '../machinery/clock.ts';
import { isApiError } from '../machinery/errors.ts';
import { runs } from '../schemas/kinds.ts';
import type { Run } from '../schemas/types.gen.ts';
import { CommandError, type Io, type Output } from './io.ts';
import { fromServer } from './report.ts';
import type { Session } from './session.ts';
import { followTask } from './tasklogs.ts';
import { timeoutMsFrom } from './timeout.ts';
import { waitUntil } from './waiting.ts';

export interface WaitForRunFlags {
  readonly wait?: boolean;
  readonly timeout?: string;
  /** Print what its steps write, and nothing else, on standard output. */
  readonly tail?: boolean;
}

type Step = NonNullable<NonNullable<Run['status']>['tasks']>[number];

/** What is still on its way when a Run has ended may take so long. */
const TAIL_GRACE_MS = 10_000;
/** A Job of that many parallel steps has more logs than a person reads: the others are told to be in `gantry logs`. */
const MOST_TAILS = 50;

/** Throws `CommandError` for flags that do not go together; before anything is created. */
export function checkWaitFlags(flags: WaitForRunFlags): void {
  timeoutMsFrom(flags.timeout);
  if (flags.timeout !== undefined && flags.wait !== true && flags.tail !== true) {
    throw new CommandError('--timeout is how long to wait: give --wait (or --tail) too');
  }
}

/** Where what is told of a Run goes: beside its output, never into it. */
export function tellingOutput(flags: WaitForRunFlags, io: Io): Output {
  return flags.tail === true ? io.stderr : io.stdout;
}

/**
 * Waits if the flags say so. Rejects with `CommandError` when the Run ended in any other way than completed, was deleted,
 * or the time is up.
 */
export async function waitForRun(run: Run, flags: WaitForRunFlags, session: Session, io: Io): Promise<void> {
  if (flags.wait !== true && flags.tail !== true) return;
  const timeoutMs = timeoutMsFrom(flags.timeout);
  const { name } = run.metadata;
  const key = { namespace: session.namespace, name };
  const tails = new Tails(session, io);
  const watch = new RunWatch(run, tellingOutput(flags, io));
  const look = async (found: Run | undefined): Promise<boolean> => {
    const isEnded = await watch.see(found);
    if (flags.tail === true && found !== undefined) tails.follow(found);
    return isEnded;
  };
  try {
    if (!(await waitUntil({ kind: runs, key }, look, timeoutMs, session, io))) {
      if (io.signal.aborted) throw new CommandError('interrupted');
      throw new CommandError(
        `timed out after ${timeoutMs / 1000} s: run "${name}" is ${watch.state}; it goes on: gantry describe run/${name}`,
      );
    }
    await tails.ended();
  } finally {
    await tails.close();
  }
  watch.judge();
}

class RunWatch {
  readonly #name: string;
  readonly #uid: string | undefined;
  readonly #hasSteps: boolean;
  readonly #output: Output;
  readonly #told = new Map<string, string>();
  #last: Run;

  constructor(run: Run, output: Output) {
    this.#name = run.metadata.name;
    this.#uid = run.metadata.uid;
    this.#hasSteps = run.spec.jobRef !== undefined;
    this.#output = output;
    this.#last = run;
  }

  get state(): string {
    return this.#last.status?.state ?? 'pending';
  }

  async see(run: Run | undefined): Promise<boolean> {
    if (run === undefined || run.metadata.uid !== this.#uid) {
      throw new CommandError(`run "${this.#name}" was deleted while it was ${this.state}`);
    }
    this.#last = run;
    const { status } = run;
    for (const step of this.#hasSteps ? (status?.tasks ?? []) : []) {
      if (step.state !== 'pending' || step.retryAt !== undefined) await this.#tell(step.name, stepText(step));
    }
    await this.#tell('', stateText(run));
    return isEnded(run);
  }

  async #tell(subject: string, text: string): Promise<void> {
    if (this.#told.get(subject) === text) return;
    this.#told.set(subject, text);
    await this.#output.write(
      `run.gantry.dev/${this.#name} ${subject === '' ? '' : `step ${subject} `}${text}\n`,
    );
  }

  /** Throws `CommandError` unless it completed. */
  judge(): void {
    if (this.state === 'completed') return;
    throw new CommandError(failureOf(this.#last));
  }
}

export function isEnded({ status }: Run): boolean {
  return status?.finishedAt !== undefined;
}

function stateText({ status }: Run): string {
  const state = status?.state ?? 'pending';
  // Why it waits is worth a line; why it ended is said at the end.
  return state === 'pending' ? `${state}${because(status)}` : state;
}

function stepText(step: Step): string {
  const attempt = (step.attempts ?? 1) > 1 ? ` (attempt ${step.attempts})` : '';
  if (step.retryAt !== undefined && step.state !== 'running') {
    return `${step.state}${attempt}${because(step)}; tried again at ${step.retryAt}`;
  }
  return `${step.state}${attempt}${['failed', 'interrupted', 'skipped'].includes(step.state) ? because(step) : ''}`;
}

function because(part: { readonly reason?: string; readonly message?: string } | undefined): string {
  const { reason = '', message = '' } = part ?? {};
  if (reason === '') return message === '' ? '' : `: ${message}`;
  return message === '' ? `: ${reason}` : `: ${reason}: ${message}`;
}

/** What ended it, and where to look. */
function failureOf(run: Run): string[] {
  const { name } = run.metadata;
  const { status } = run;
  const lines = [`run "${name}" ${status?.state ?? 'pending'}${because(status)}`];
  const failed = (status?.tasks ?? []).filter(({ state }) => ['failed', 'interrupted'].includes(state));
  for (const step of failed) {
    const code = step.exitCode === undefined ? '' : ` with exit code ${step.exitCode}`;
    lines.push(`step "${step.name}" ${step.state}${code}${because(step)}`);
  }
  if (failed.some(({ taskName }) => taskName !== undefined)) {
    lines.push(`what was written: gantry logs run/${name}`);
  }
  return lines;
}

/** The logs of a Run's Tasks, each from when it is there until it ends. */
class Tails {
  readonly #session: Session;
  readonly #io: Io;
  readonly #stop = new AbortController();
  readonly #tails = new Map<string, Promise<void>>();

  constructor(session: Session, io: Io) {
    this.#session = session;
    this.#io = io;
  }

  follow(run: Run): void {
    const hasSteps = run.spec.jobRef !== undefined;
    for (const step of run.status?.tasks ?? []) {
      // What was taken over from another Run wrote its lines then.
      if (step.taskName === undefined || step.rerunOf !== undefined || this.#tails.has(step.taskName))
        continue;
      if (this.#tails.size >= MOST_TAILS) continue;
      const prefix = hasSteps ? `[${step.name}] ` : '';
      this.#tails.set(step.taskName, this.#follow(step.taskName, prefix));
    }
  }

  async #follow(task: string, prefix: string): Promise<void> {
    const signal = AbortSignal.any([this.#io.signal, this.#stop.signal]);
    try {
      await followTask({ task, prefix }, this.#session, this.#io, signal);
    } catch (error) {
      // The Run is what is waited for: a log that breaks off is told, and changes nothing of its result.
      if (!isApiError(error)) throw error;
      if (!signal.aborted)
        await this.#io.stderr.write(`Warning: the log of task "${task}": ${fromServer(error)}\n`);
    }
  }

  /** Resolves when all is printed, or has had its time. */
  async ended(): Promise<void> {
    const isOver = new AbortController();
    const all = Promise.all(this.#tails.values()).then(() => isOver.abort());
    await Promise.race([all, sleep(this.#io.clock, TAIL_GRACE_MS, isOver.signal)]);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#tails.values());
  }
}
