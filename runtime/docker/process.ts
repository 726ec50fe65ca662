/**
 * Processes in containers of a Docker Engine: started (exec) or joined (attach), their bytes both ways, their end.
 *
 * What the engine does and does not do, seen on 20.10:
 * - A command that does not exist is no refused exec: the process ends with 126 or 127, and why is its output.
 * - The end of the output is not the end of the process, which may have closed it: the exit code comes by inspection.
 * - Letting go of a connection ends no process; one that reads its input sees the end of it.
 * - Input goes to a container's own process only when the container was made with an open standard input, and a
 *   terminal is there when the container was made with one: what attach is asked for cannot change that.
 */
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { ProcessOptions, ProcessSession, TerminalSize } from '../../machinery/runtime.ts';
import type { DockerCalls } from './calls.ts';
import { statusOf, textOf } from './errors.ts';
import { killTree } from './processtree.ts';
import { type Ending, EngineSession } from './session.ts';

/**
 * The engine leaves a terminal's process alone, though keeps running it, when these keys are pressed. Its default (^P ^Q)
 * swallows every ^P until the next key; this one nobody presses.
 */
const DETACH_KEYS = Array.from({ length: 8 }, () => 'ctrl-^').join(',');

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
  return calls.call(what, signal, async (abortSignal) => {
    const body = {
      Cmd: [...command],
      AttachStdin: options.stdin,
      AttachStdout: options.stdout,
      AttachStderr: options.stderr,
      Tty: options.tty,
      DetachKeys: DETACH_KEYS,
    };
    const create: object = { _body: body, abortSignal };
    const exec = await refusingStopped(what, () => containerOf(id).exec(create));
    // Not `stdin: true`: it leaves the request open, and with it the connection of every refused start.
    const start: object = { hijack: true, _body: { Detach: false, Tty: options.tty }, abortSignal };
    const stream = await refusingStopped(what, () => exec.start(start));
    const kill = async (inner: AbortSignal): Promise<boolean> => {
      const { Running, Pid, ContainerID } = await exec.inspect({ abortSignal: inner });
      if (!Running) return true;
      return isLocal && (await killTree({ containerId: ContainerID, pid: Pid }));
    };
    const ending = async (inner: AbortSignal): Promise<Ending> => {
      const state = await exec.inspect({ abortSignal: inner });
      return state.Running ? { isOver: false } : { isOver: true, exitCode: state.ExitCode ?? undefined };
    };
    return new EngineSession(
      stream,
      {
        what,
        calls,
        options,
        isRaw: options.tty,
        takesInput: options.stdin,
        ending,
        resize: ({ columns, rows }, inner) => resize(exec, columns, rows, inner),
        kill,
      },
      { opening: abortSignal, whole: signal },
    );
  });
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
