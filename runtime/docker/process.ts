/**
 * Processes in containers of a Docker Engine: started (exec) or joined (attach), their bytes both ways, their end.
 *
 * What the engine does and does not do, seen on 20.10:
 * - A command that does not exist is no refused exec: the process ends with 126, and why is its standard output.
 * - The end of the output is not the end of the process, which may have closed it: the exit code comes by inspection.
 * - Letting go of a connection ends no process; one that reads its input sees the end of it.
 * - Input goes to a container's own process only when the container was made with an open standard input, and a
 *   terminal is there when the container was made with one: what attach is asked for cannot change that.
 */
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { ProcessOptions, ProcessSession, TerminalSize } from '../../machinery/runtime.ts';
import type { DockerCalls, Work } from './calls.ts';
import { statusOf, textOf } from './errors.ts';
import { killTree } from './processtree.ts';
import { type Ending, type EngineProcess, EngineSession } from './session.ts';

/**
 * The engine leaves a terminal's process alone, though keeps running it, when these keys are pressed. Its default (^P ^Q)
 * swallows every ^P until the next key; this one nobody presses.
 */
const DETACH_KEYS = Array.from({ length: 8 }, () => 'ctrl-^').join(',');

/** How long an engine may take from its answer to the process. */
const BEGIN_LIMIT_MS = 10_000;
/** The engine's own code for a process it could not start, or could not attach to. */
const EXIT_NOT_RUN = 126;

export type ContainerOf = (id: string) => Docker.Container;

export async function execInDocker(
  calls: DockerCalls,
  containerOf: ContainerOf,
  target: {
    readonly id: string;
    readonly command: readonly string[];
    readonly options: ProcessOptions;
    /** The engine's processes are this machine's. */
    readonly isLocal: boolean;
  },
  signal: AbortSignal,
): Promise<ProcessSession> {
  const { id, command, options, isLocal } = target;
  const what = `exec in container "${id}"`;
  if (command.length === 0) throw new RuntimeError('InvalidSpec', `${what}: wanted a command, found none`);
  const exec = await calls.call(what, signal, (abortSignal) => {
    const body = {
      Cmd: [...command],
      AttachStdin: options.stdin,
      AttachStdout: options.stdout,
      AttachStderr: options.stderr,
      Tty: options.tty,
      DetachKeys: DETACH_KEYS,
    };
    const create: object = { _body: body, abortSignal };
    return refusingStopped(what, () => containerOf(id).exec(create));
  });
  const ending = async (inner: AbortSignal): Promise<Ending> => {
    const { Running, ExitCode, Pid } = await exec.inspect({ abortSignal: inner });
    if (Running) return { isOver: false };
    return { isOver: true, exitCode: ExitCode ?? undefined, isRefused: Pid === 0 };
  };
  const kill = (inner: AbortSignal): Promise<boolean> => killExec(calls, exec, isLocal, inner);
  const endInBackground = (): void => {
    calls.call(`kill of ${what}`, new AbortController().signal, kill).catch(() => undefined);
  };
  const open: Work<EngineSession> = async (abortSignal) => {
    // Not `stdin: true`: it leaves the request open, and with it the connection of every refused start.
    const start: object = { hijack: true, _body: { Detach: false, Tty: options.tty }, abortSignal };
    const stream = await refusingStopped(what, () => exec.start(start)).catch((error: unknown) => {
      // Without an answer it may have been started all the same, and nobody will ask for it again.
      if (statusOf(error) === undefined) endInBackground();
      throw error;
    });
    const resizeTo: EngineProcess['resize'] = ({ columns, rows }, inner) =>
      resize(exec, columns, rows, inner);
    return new EngineSession(
      stream,
      {
        what,
        calls,
        options,
        isRaw: options.tty,
        takesInput: options.stdin,
        ending,
        resize: resizeTo,
        kill,
      },
      { opening: abortSignal, whole: signal },
    );
  };
  // An engine starts what it was asked to start, also for a caller that has left: so the answer is waited for without
  // the caller, and what has begun is then ended by the session, which sees that the signal is aborted.
  return calls.carried(what, signal, open);
}

/**
 * The process with all it started, on this machine. False when it cannot be ended from here. Two things the engine says are
 * not so: it answers before it has started the process, which is there a moment later; and of a process whose connection
 * broke while it was started it says that it ended with 126, while it runs.
 */
async function killExec(
  calls: DockerCalls,
  exec: Docker.Exec,
  isLocal: boolean,
  abortSignal: AbortSignal,
): Promise<boolean> {
  if (!isLocal) return false;
  let isKilled = false;
  const look = async (): Promise<boolean> => {
    const { Running, ExitCode, Pid, ContainerID } = await exec.inspect({ abortSignal });
    const hasEnded = !Running && ExitCode !== null;
    if (Pid === 0) {
      isKilled = hasEnded;
      return hasEnded;
    }
    isKilled = hasEnded && ExitCode !== EXIT_NOT_RUN;
    if (isKilled) return true;
    const result = await killTree({ containerId: ContainerID, pid: Pid });
    isKilled = result === 'killed' || (hasEnded && result === 'gone');
    // Gone while it runs: it has just ended, and the engine will say so, or its number is another machine's.
    return isKilled || result === 'refused';
  };
  await calls.until(abortSignal, look, BEGIN_LIMIT_MS);
  return isKilled;
}

export async function attachToDocker(
  calls: DockerCalls,
  containerOf: ContainerOf,
  target: { readonly id: string; readonly options: ProcessOptions },
  signal: AbortSignal,
): Promise<ProcessSession> {
  const { id, options } = target;
  const what = `attach to container "${id}"`;
  return calls.call(what, signal, async (abortSignal) => {
    const before = await containerOf(id).inspect({ abortSignal });
    if (!before.State.Running || before.State.Paused) {
      throw new RuntimeError('Conflict', `${what}: it is ${before.State.Status}, wanted running`);
    }
    const takesInput = options.stdin && before.Config.OpenStdin;
    const query = {
      stream: true,
      stdin: takesInput,
      stdout: options.stdout,
      stderr: options.stderr,
      detachKeys: DETACH_KEYS,
    };
    const attach: object = { hijack: true, _query: query, _body: {}, abortSignal };
    const stream = await refusingStopped(what, () => containerOf(id).attach(attach));
    const ending = async (inner: AbortSignal): Promise<Ending> => {
      const { State: now } = await containerOf(id).inspect({ abortSignal: inner });
      // Started again in between: the run that was joined is over, and nobody wrote down how.
      if (now.StartedAt !== before.State.StartedAt) return { isOver: true, exitCode: undefined };
      return now.Running ? { isOver: false } : { isOver: true, exitCode: now.ExitCode };
    };
    const session = new EngineSession(
      stream,
      {
        what,
        calls,
        options,
        isRaw: before.Config.Tty,
        takesInput,
        ending,
        resize: ({ columns, rows }, inner) => resize(containerOf(id), columns, rows, inner),
      },
      { opening: abortSignal, whole: signal },
    );
    // The engine lets one join a container that has just ended, and tells nothing until it is started again.
    session.endIfOver();
    return session;
  });
}

/** Where input may go in and a terminal can be set. */
type Resizable = Pick<Docker.Exec, 'resize'> | Pick<Docker.Container, 'resize'>;

async function resize(
  target: Resizable,
  columns: TerminalSize['columns'],
  rows: TerminalSize['rows'],
  abortSignal: AbortSignal,
): Promise<void> {
  const act: (options: object) => Promise<unknown> = target.resize.bind(target);
  await act({ _query: { w: columns, h: rows }, _body: {}, abortSignal });
}

/** The engine answers 409 for a container that is stopped, paused or restarting. */
async function refusingStopped<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    throw new RuntimeError('Conflict', `${what}: ${textOf(error)}`, { cause: error });
  }
}
