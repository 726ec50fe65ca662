/** Reading one container's log from a Docker Engine, to its very end. */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { LogChunk, LogOptions } from '../../machinery/runtime.ts';
import { asReadable, type DockerCalls, type Work } from './calls.ts';
import { statusOf, textOf } from './errors.ts';
import { readFrames, readRaw, StampedLog } from './stamped-log.ts';

/** The engine closes a log a moment before it says that the container has ended. */
const END_LIMIT_MS = 5_000;

type Logs = AsyncGenerator<LogChunk, void, undefined>;

/** @param container made anew for each request; throws for an id that cannot be one. */
export async function* readDockerLog(
  calls: DockerCalls,
  container: () => Docker.Container,
  what: string,
  options: LogOptions,
  signal: AbortSignal,
): Logs {
  const keepsStamps = options.timestamps === true;
  const query = {
    stdout: true,
    stderr: true,
    timestamps: keepsStamps,
    ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
    ...(options.sinceSeconds === undefined ? {} : { since: Math.max(0, options.sinceSeconds).toFixed(6) }),
  };
  let isTerminal = false;
  const log = new StampedLog(keepsStamps);
  const open: Work<unknown> = (abortSignal) =>
    refusingRemoved(what, async () => {
      isTerminal = (await container().inspect({ abortSignal })).Config.Tty;
      if (options.follow !== true) return container().logs({ ...query, follow: false, abortSignal });
      if (options.tailLines === 0 && !isTerminal) {
        // Where "from now on" begins: without a line of it seen, the rest could not be told from all that was before.
        const last: object = { ...query, tail: 1, timestamps: true, follow: false, abortSignal };
        await log.remember(asReadable(await container().logs(last)));
      }
      return container().logs({
        ...query,
        timestamps: keepsStamps || !isTerminal,
        follow: true,
        abortSignal,
      });
    });
  if (options.follow !== true) {
    yield* calls.stream(what, signal, open, (stream) => {
      if (isTerminal) return readRaw(stream);
      return keepsStamps ? log.readWhole(stream) : readFrames(stream);
    });
    return;
  }
  yield* calls.stream(what, signal, open, (stream) =>
    isTerminal ? readRaw(stream) : log.readFollowed(stream),
  );
  if (signal.aborted) return;
  await assertEnded(calls, container, what, signal);
  if (isTerminal) return;
  const since = log.restSince();
  const { tail: _tail, ...whole } = query;
  const from = since !== undefined ? { ...whole, since } : options.tailLines === 0 ? whole : query;
  const openRest: Work<unknown> = async (abortSignal) => {
    try {
      return await container().logs({ ...from, timestamps: true, follow: false, abortSignal });
    } catch (error) {
      // Removed in between, or being removed (409): what was followed is all there will ever be.
      if (statusOf(error) === 404 || statusOf(error) === 409) return Readable.from([]);
      throw error;
    }
  };
  yield* calls.stream(what, signal, openRest, (stream) => log.readRest(stream));
}

/** The engine answers 409 for the log of a container that is being removed. */
async function refusingRemoved<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    throw new RuntimeError('NotFound', `${what}: ${textOf(error)}`, { cause: error });
  }
}

/** A daemon that stops ends its log streams as if the containers had ended. */
async function assertEnded(
  calls: DockerCalls,
  container: () => Docker.Container,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const hasEnded: Work<boolean> = async (abortSignal) => {
    try {
      return !(await container().inspect({ abortSignal })).State.Running;
    } catch (error) {
      if (statusOf(error) === 404 || statusOf(error) === 409) return true;
      throw error;
    }
  };
  const isEnded = await calls.call(what, signal, (abortSignal) =>
    calls.until(abortSignal, () => hasEnded(abortSignal), END_LIMIT_MS),
  );
  if (!isEnded) {
    throw new RuntimeError('Unavailable', `${what}: the engine ended the stream while the container runs`);
  }
}
