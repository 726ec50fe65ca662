/**
 * Reading one container's log, to its very end: from the engine's files where that can be done, else through the engine.
 *
 * Following survives the engine: what it may have lost when it went away is marked, and reading goes on when it is back.
 */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { LogChunk, LogOptions } from '../../machinery/runtime.ts';
import { asReadable, type DockerCalls, type Work } from './calls.ts';
import { statusOf, textOf, translateDockerError } from './errors.ts';
import { ENGINE_LOST, markOf } from './logfiles/marks.ts';
import { directoryOf, LogFiles, type LogFilesTarget } from './logfiles/reader.ts';
import type { EndWatch } from './logfiles/tail.ts';
import { readFrames, readRaw, StampedLog } from './stamped-log.ts';

/** The engine closes a log a moment before it says that the container has ended. */
const END_LIMIT_MS = 5_000;
/** Between two looks whether an engine is back. */
const RETRY_MS = 500;
const NEWLINE = 0x0a;

type Logs = AsyncGenerator<LogChunk, void, undefined>;

export interface DockerLogsDeps {
  readonly docker: Docker;
  readonly calls: DockerCalls;
  readonly clock: Clock;
  /** Made anew for each request; throws for an id that cannot be one. */
  readonly container: (id: string) => Docker.Container;
  /** The engine's files are this machine's, and may be looked at. */
  readonly readsFiles: boolean;
}

export class DockerLogs {
  readonly #deps: DockerLogsDeps;
  readonly #files: LogFiles;
  /** Where the engine keeps its containers. */
  #dataRoot: string | undefined;

  constructor(deps: DockerLogsDeps) {
    this.#deps = deps;
    this.#files = new LogFiles(deps.clock);
  }

  async *read(id: string, options: LogOptions, signal: AbortSignal): Logs {
    const what = `log of container "${id}"`;
    if (signal.aborted) return;
    try {
      const files = this.#deps.readsFiles ? await this.#fromFiles(id, what, options, signal) : undefined;
      yield* files ?? this.#throughEngine(id, what, options, signal);
    } catch (error) {
      if (!signal.aborted) throw translateDockerError(error, what);
    }
  }

  /** Undefined when they cannot be read, or do not say what is understood. */
  async #fromFiles(
    id: string,
    what: string,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<Logs | undefined> {
    const target = await this.#target(id, what, signal);
    const files = target === undefined ? undefined : await this.#files.read(target, options, signal);
    // Perhaps it was another engine's place.
    if (target !== undefined && files === undefined) this.#dataRoot = undefined;
    return files;
  }

  async #target(id: string, what: string, signal: AbortSignal): Promise<LogFilesTarget | undefined> {
    const { calls, container, docker } = this.#deps;
    const found = await calls.call(what, signal, (abortSignal) =>
      refusingRemoved(what, () => container(id).inspect({ abortSignal })),
    );
    const { Type: driver, Config: settings } = found.HostConfig.LogConfig ?? {};
    const options: unknown = settings;
    if (driver !== 'local' || !isRecord(options) || options['compress'] !== 'false') return undefined;
    if (this.#dataRoot === undefined) {
      // The published types forget that it takes options.
      const info: (options: object) => Promise<unknown> = docker.info.bind(docker);
      const told = await calls.call('info', signal, (abortSignal) => info({ abortSignal }));
      const root = isRecord(told) ? told['DockerRootDir'] : undefined;
      if (typeof root !== 'string' || root === '') return undefined;
      this.#dataRoot = root;
    }
    return {
      id: found.Id,
      directory: directoryOf(this.#dataRoot, found.Id),
      isSingle: options['max-file'] === '1',
      end: { until: (stopped, onLost) => this.#untilEnded(found.Id, stopped, onLost) },
    };
  }

  /** See `EndWatch`. The engine writes a log to its end before it says that the container has ended. */
  async #untilEnded(id: string, signal: AbortSignal, onLost: () => void): ReturnType<EndWatch['until']> {
    const { calls, clock, docker } = this.#deps;
    const what = `end of container "${id}"`;
    while (!signal.aborted) {
      if (await this.#hasEnded(id, signal).catch(() => undefined)) return;
      const path = `/containers/${id}/wait?condition=not-running`;
      const open: Work<unknown> = (abortSignal) =>
        new Promise((resolve, reject) => {
          docker.modem.dial(
            {
              path,
              method: 'POST',
              isStream: true,
              statusCodes: { 200: true, 404: 'no such container' },
              abortSignal,
            },
            (error: unknown, stream: unknown) => (error === null ? resolve(stream) : reject(error)),
          );
        });
      let wasOpen = false;
      try {
        // Its answer begins at once and comes to its end with the container.
        let answer = '';
        for await (const part of calls.stream(what, signal, open, (stream) => {
          wasOpen = true;
          return stream;
        })) {
          answer += String(part);
        }
        if (!answer.includes('StatusCode') && !signal.aborted) onLost();
      } catch {
        // Why does not matter: it is looked at again. What the engine had taken and not written is gone with it.
        if (wasOpen) onLost();
      }
      await sleep(clock, RETRY_MS, signal);
    }
  }

  async #hasEnded(id: string, signal: AbortSignal): Promise<boolean> {
    return this.#deps.calls.call(`inspection of container "${id}"`, signal, async (abortSignal) => {
      try {
        return !(await this.#deps.container(id).inspect({ abortSignal })).State.Running;
      } catch (error) {
        if (statusOf(error) === 404 || statusOf(error) === 409) return true;
        throw error;
      }
    });
  }

  async *#throughEngine(id: string, what: string, options: LogOptions, signal: AbortSignal): Logs {
    const { stream } = options;
    for await (const chunk of this.#bothStreams(id, what, options, signal)) {
      if (stream === undefined || chunk.stream === stream || chunk.isMark === true) yield chunk;
    }
  }

  /** Streams are told apart here: an engine that is asked for one of them counts the last lines of both. */
  async *#bothStreams(id: string, what: string, options: LogOptions, signal: AbortSignal): Logs {
    const { calls } = this.#deps;
    const container = (): Docker.Container => this.#deps.container(id);
    const keepsStamps = options.timestamps === true;
    const query = {
      stdout: true,
      stderr: true,
      timestamps: keepsStamps,
      ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
      ...(options.sinceSeconds === undefined ? {} : { since: Math.max(0, options.sinceSeconds).toFixed(6) }),
    };
    let isTerminal = false;
    let isStamped = keepsStamps;
    let isOpen = false;
    const log = new StampedLog(keepsStamps);
    const open: Work<unknown> = (abortSignal) =>
      refusingRemoved(what, async () => {
        const { Config: config, HostConfig: host } = await container().inspect({ abortSignal });
        isTerminal = config.Tty;
        if (host.LogConfig?.Type === 'local') log.repairNewlines();
        isStamped = !isTerminal && (keepsStamps || host.LogConfig?.Type === 'local');
        if (options.follow !== true) {
          return container().logs({
            ...query,
            timestamps: keepsStamps || isStamped,
            follow: false,
            abortSignal,
          });
        }
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
        return isStamped ? log.readWhole(stream) : readFrames(stream);
      });
      return;
    }
    const { tail: _tail, ...whole } = query;
    let isLineEnd = true;
    /** False when the engine went away while the container runs. */
    const followed = async function* (this: DockerLogs, isFirst: boolean): AsyncGenerator<LogChunk, boolean> {
      const again: Work<unknown> = async (abortSignal) =>
        container().logs({ ...whole, ...log.restQuery(), timestamps: true, follow: true, abortSignal });
      const chunks = calls.stream(what, signal, isFirst ? open : again, (stream) => {
        isOpen = true;
        if (isTerminal) return readRaw(stream);
        return isFirst ? log.readFollowed(stream) : log.readOn(stream);
      });
      try {
        for await (const chunk of chunks) {
          isLineEnd = chunk.data.at(-1) === NEWLINE;
          yield chunk;
        }
        return signal.aborted || (await this.#endsSoon(id, signal));
      } catch (error) {
        // A terminal's log has no times: where to go on cannot be told.
        if (!isOpen || isTerminal || !(error instanceof RuntimeError) || error.reason !== 'Unavailable')
          throw error;
        return false;
      }
    }.bind(this);
    for (let isFirst = true; ; isFirst = false) {
      if (yield* followed(isFirst)) break;
      if (isTerminal)
        throw new RuntimeError(
          'Unavailable',
          `${what}: the engine ended the stream while the container runs`,
        );
      if (!isLineEnd) yield { stream: 'stdout', data: Buffer.from('\n'), isMark: true };
      isLineEnd = true;
      yield markOf(ENGINE_LOST);
      while (!signal.aborted && (await this.#hasEnded(id, signal).catch(() => undefined)) === undefined) {
        await sleep(this.#deps.clock, RETRY_MS, signal);
      }
    }
    if (signal.aborted || isTerminal) return;
    const since = log.restQuery();
    const from = since !== undefined ? { ...whole, ...since } : options.tailLines === 0 ? whole : query;
    const openRest: Work<unknown> = async (abortSignal) => {
      try {
        return await container().logs({ ...from, timestamps: true, follow: false, abortSignal });
      } catch (error) {
        // Removed in between, or being removed (409): what was followed is all there will ever be.
        if (statusOf(error) === 404 || statusOf(error) === 409) return Readable.from([]);
        throw error;
      }
    };
    yield* calls.stream(what, signal, openRest, (stream) => log.readOn(stream));
  }

  /** A daemon that stops ends its log streams as if the containers had ended. */
  async #endsSoon(id: string, signal: AbortSignal): Promise<boolean> {
    return this.#deps.calls.until(signal, () => this.#hasEnded(id, signal), END_LIMIT_MS);
  }
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
