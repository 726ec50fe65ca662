/**
 * How a Run goes: what is told of it while somebody waits, and how its end is said. Step by step where it is a Job's;
 * one of a template has a single step, which is the Run itself.
 */
import { runs } from '../schemas/kinds.ts';
import type { Run } from '../schemas/types.gen.ts';
import { CommandError, type Io, type Output } from './io.ts';
import { RunTails } from './runtails.ts';
import type { Session } from './session.ts';
import { timeoutMsFrom } from './timeout.ts';
import { waitUntil } from './waiting.ts';

export interface WaitForRunFlags {
  readonly wait?: boolean;
  readonly timeout?: string;
  /** Print what its steps write, and nothing else, on standard output. */
  readonly tail?: boolean;
}

type Step = NonNullable<NonNullable<Run['status']>['tasks']>[number];

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
  const tails = new RunTails({}, undefined, session, io);
  const watch = new RunWatch(run, tellingOutput(flags, io));
  const look = async (found: Run | undefined): Promise<boolean> => {
    const isEnded = await watch.see(found);
    if (flags.tail === true && found !== undefined) tails.follow(found);
    return isEnded;
  };
  try {
    // Beside what its steps write there is no room for a line that moves.
    const showing = flags.tail === true ? undefined : { goal: `run ${name}`, isTold: true };
    if (!(await waitUntil({ kind: runs, key }, look, timeoutMs, session, io, showing))) {
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
    const isOver = isEnded(run);
    if (!isOver) await this.#tell('', stateText(run));
    for (const step of this.#hasSteps ? (run.status?.tasks ?? []) : []) {
      if (step.state !== 'pending' || step.retryAt !== undefined) await this.#tell(step.name, stepText(step));
    }
    // What became of its steps comes before its end.
    if (isOver) await this.#tell('', stateText(run));
    return isOver;
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
  if (step.rerunOf !== undefined) return `${step.state} (taken over from run ${step.rerunOf})`;
  const attempt = (step.attempts ?? 1) > 1 ? ` (attempt ${step.attempts})` : '';
  if (step.retryAt !== undefined && step.state !== 'running') {
    return `${step.state}${attempt}${because(step)}; tried again at ${step.retryAt}`;
  }
  return `${step.state}${attempt}${['failed', 'interrupted', 'skipped', 'running'].includes(step.state) ? because(step) : ''}`;
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
