/**
 * A process of a container joined to a client: input, output, size of the terminal, end.
 *
 * Promises: neither side is read faster than the other takes; the client hears how it ended after the last output;
 * whoever leaves first, nothing is left behind: a process that was started by exec is ended when its client goes, as
 * containerd does for Kubernetes.
 * Source of the Status forms: kubelet `remotecommand/exec.go` and `attach.go`.
 */
import type { Readable } from 'node:stream';
import { ApiError, messageOf, type Status } from '../../../machinery/errors.ts';
import type { ProcessSession } from '../../../machinery/runtime.ts';
import { TerminalSizeReader } from '../../../net/terminalsizes.ts';
import { type ProcessWire, writeTo } from './processwire.ts';

export interface ProcessJob {
  /** `error executing command in container` or `error attaching to container`: what a failure begins with. */
  readonly failing: string;
  /** Rejects with `ApiError`. */
  start(signal: AbortSignal): Promise<ProcessSession>;
  /** How the end of the session is told. */
  ending(exitCode: number | undefined): Status;
}

/** Runs until the process has ended, the client has gone, or the server stops. Never rejects for what either side does. */
export async function joinProcess(wire: ProcessWire, job: ProcessJob, stopping: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([wire.gone, stopping]);
  let status: Status;
  try {
    const session = await job.start(signal);
    void wire.begin();
    // What is typed and how large the window is matter only as long as the process runs: nobody waits for their end.
    void sendInput(wire.stdin, session);
    void sendSizes(wire.resize, session);
    let isOver = false;
    try {
      status = await race(signal, () => receiveOutput(wire, session, job));
      isOver = true;
    } finally {
      if (!isOver) void session.kill();
      session.close();
    }
  } catch (error) {
    status = stopping.aborted ? serverStops() : internalError(`${job.failing}: ${messageOf(error)}`);
  }
  await wire.finish(status);
}

export const success: Status = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  code: 200,
};

/** The form that clients read an exit code from. */
export function exitStatus(exitCode: number): Status {
  if (exitCode === 0) return success;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
    code: 500,
  };
}

export function internalError(message: string): Status {
  return new ApiError('InternalError', `Internal error occurred: ${message}`, {
    causes: [{ reason: '', message }],
  }).toStatus();
}

function serverStops(): Status {
  return new ApiError('ServiceUnavailable', 'the server is shutting down: run the command again').toStatus();
}

async function receiveOutput(wire: ProcessWire, session: ProcessSession, job: ProcessJob): Promise<Status> {
  // Looked at from the beginning, so that an early rejection is not an unhandled one.
  const ended = session.ended.then(
    ({ exitCode }) => job.ending(exitCode),
    (error: unknown) => internalError(`${job.failing}: ${messageOf(error)}`),
  );
  for await (const { stream, data } of session.output) {
    const to = stream === 'stderr' ? wire.stderr : wire.stdout;
    if (to !== undefined && !(await writeTo(to, data)) && wire.gone.aborted) break;
  }
  return ended;
}

/** The work's result, or a rejection as soon as the signal aborts. */
async function race<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(new Error('the session was cut off'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const running = work();
  // Cut off, the work ends by itself once the session is closed; how is nothing to anybody then.
  running.catch(() => undefined);
  try {
    return await Promise.race([running, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function sendInput(stdin: Readable | undefined, session: ProcessSession): Promise<void> {
  if (stdin === undefined) return;
  try {
    for await (const data of stdin) await session.write(data);
  } catch {
    // The client is gone, or the process: whoever is left hears of it on the other streams.
  }
  session.endInput();
}

async function sendSizes(resize: Readable | undefined, session: ProcessSession): Promise<void> {
  if (resize === undefined) return;
  const reader = new TerminalSizeReader();
  try {
    for await (const chunk of resize) {
      for (const size of reader.read(chunk)) await session.resize(size);
    }
  } catch {
    // A size that could not be set is no reason to end anything: the process may have ended meanwhile.
  }
}
