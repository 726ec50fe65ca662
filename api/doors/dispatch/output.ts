/**
 * What a task has written: the end of its log, read from the worker that has it, within bounds of size and time. Where it
 * cannot be had, the reason is told in its place.
 */
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError, isApiError, messageOf } from '../../../machinery/errors.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { isYetToBegin } from './translate.ts';

/** Of standard output and error together. */
export const MAX_OUTPUT_BYTES = 64 * 1024;
/** Whoever asks how a task is does not wait longer for what it wrote. */
const PATIENCE_MS = 2_000;
/** Most logs end with fewer lines than that fill the bound; where they do not, the second look has more. */
const LINES = [1_000, 32_768] as const;
/** Where lines are so long that these are more than is read, so few fill the bound. */
const FEW_LINES = 16;
/** Of a log whose last few lines are beyond this, nobody is told a part. */
const MAX_READ_BYTES = 16 * 1024 * 1024;
/** Of a run of many steps, the last ones have written. */
const MAX_STEPS = 10;

export interface Output {
  readonly text: string | null;
  /** Why there is none; null where there is, be it empty. */
  readonly unavailable: string | null;
  /** The worker that has, or had, the newest try. */
  readonly agent: string | null;
}

export interface OutputDeps {
  readonly client: Client;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
  /** Throws `Forbidden` where who asks may not read the log of this Task. */
  readonly authorize: (task: { readonly namespace: string; readonly name: string }) => void;
}

/** The newest try of each step, in their order, as far as they are there. */
export async function triesOf(run: Run, client: Client): Promise<readonly (Task | string)[]> {
  const { namespace = '' } = run.metadata;
  const begun = (run.status?.tasks ?? []).filter(({ taskName }) => taskName !== undefined);
  return Promise.all(
    begun.slice(-MAX_STEPS).map(async ({ taskName: name = '', taskUID }) => {
      try {
        const task = await client.get(tasks, { namespace, name });
        return taskUID === undefined || task.metadata.uid === taskUID ? task : gone(name);
      } catch (error) {
        if (isApiError(error, 'NotFound')) return gone(name);
        if (isApiError(error, 'Forbidden')) return error.message;
        throw error;
      }
    }),
  );
}

function gone(name: string): string {
  return `task "${name}" was deleted, and its log is told with it`;
}

export function agentOf(tries: readonly (Task | string)[]): string | null {
  const newest = tries.findLast((found) => typeof found !== 'string');
  return newest?.spec.workerName ?? newest?.status?.workerName ?? null;
}

export async function outputOf(tries: readonly (Task | string)[], deps: OutputDeps): Promise<Output> {
  const agent = agentOf(tries);
  const stop = new AbortController();
  const timer = deps.clock.after(PATIENCE_MS, () => stop.abort());
  try {
    let tail: Uint8Array = new Uint8Array();
    for (const found of tries.toReversed()) {
      if (typeof found === 'string') return { text: null, unavailable: found, agent };
      const ofTask = await tailOf(found, MAX_OUTPUT_BYTES - tail.length, deps, stop.signal);
      tail = Buffer.concat([ofTask, tail]);
      if (tail.length >= MAX_OUTPUT_BYTES) break;
    }
    return { text: textOf(tail), unavailable: null, agent };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { text: null, unavailable: error.message, agent };
  } finally {
    timer.cancel();
    stop.abort();
  }
}

async function tailOf(
  task: Task,
  most: number,
  { workerLink, authorize }: OutputDeps,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { namespace = '', name, uid = '' } = task.metadata;
  authorize({ namespace, name });
  const worker = task.spec.workerName ?? task.status?.workerName;
  if (worker === undefined) return new Uint8Array();
  const readLast = (tailLines: number): Promise<Tail> => {
    const options = { follow: false, previous: false, timestamps: false, tailLines };
    return within(signal, worker, async () =>
      read(await workerLink.logs(worker, { namespace, name, uid }, options, signal), most),
    );
  };
  let found: Tail | undefined;
  try {
    for (const tailLines of LINES) {
      found = await readLast(tailLines);
      if (found.tail.length >= most || found.lines < tailLines) break;
    }
  } catch (error) {
    // Its container is yet to come: that nothing has been written is no failure.
    if (isApiError(error, 'BadRequest') && isYetToBegin(task)) return new Uint8Array();
    // What the first look has found is an end already.
    if (!isApiError(error, 'RequestEntityTooLarge')) throw error;
    found ??= await readLast(FEW_LINES);
  }
  return found?.tail ?? new Uint8Array();
}

/** The end of a log, and how many lines were read for it. */
interface Tail {
  readonly tail: Uint8Array<ArrayBuffer>;
  readonly lines: number;
}

async function read(chunks: AsyncIterable<Uint8Array>, most: number): Promise<Tail> {
  const kept: Uint8Array[] = [];
  let [bytes, seen, lines] = [0, 0, 0];
  for await (const chunk of chunks) {
    seen += chunk.length;
    if (seen > MAX_READ_BYTES) {
      const why = `the last lines of the log are more than ${MAX_READ_BYTES} bytes: read the log itself`;
      throw new ApiError('RequestEntityTooLarge', why);
    }
    for (const byte of chunk) if (byte === 0x0a) lines++;
    kept.push(chunk);
    bytes += chunk.length;
    while (bytes - (kept[0]?.length ?? 0) >= most) bytes -= kept.shift()?.length ?? 0;
  }
  return { tail: new Uint8Array(Buffer.concat(kept).subarray(-most)), lines };
}

/** A worker may not answer at all; nobody waits for it longer than the signal says. */
async function within<T>(signal: AbortSignal, worker: string, work: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const abort = (): void =>
    late.reject(
      new ApiError('Timeout', `worker "${worker}" did not give the log within ${PATIENCE_MS / 1000} s`),
    );
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(), late.promise]);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('ServiceUnavailable', `the log cannot be read: ${messageOf(error)}`, undefined, {
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** From the first whole character on: a bound in bytes may cut one. */
function textOf(bytes: Uint8Array): string {
  const isCut = bytes.length >= MAX_OUTPUT_BYTES;
  const start = isCut ? bytes.findIndex((byte) => (byte & 0xc0) !== 0x80) : 0;
  return Buffer.from(bytes.subarray(Math.max(0, start))).toString('utf8');
}
