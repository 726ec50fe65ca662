/**
 * `GET /api/runs/{run_id}/logs`: what the Tasks of a Run wrote, plain text. Of one step (`task`) the bytes as they are; of
 * all of them one after the other, each line with its step in front. With `follow` it goes on, all that run side by side,
 * until the Run has ended. Needs the permission to get `tasks/log`.
 */
import type { Client } from '../../../machinery/client.ts';
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { LABEL_RUN, LABEL_STEP } from '../../../machinery/labels.ts';
import { keyOf } from '../../../machinery/meta.ts';
import type { LogEntry, WorkerLink } from '../../../machinery/workerlink.ts';
import { runs, tasks } from '../../../schemas/kinds.ts';
import { hasEnded } from '../../../schemas/runlives.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import type { Registry } from '../../registry/types.ts';
import { type AppContext, requestContext } from '../../server/context.ts';
import { becomeLongRunning } from '../../server/middleware/metrics.ts';
import { flag } from '../../server/objects/query.ts';
import { ResponseStream } from '../../server/streams/stream.ts';
import { wholeIn } from './body.ts';
import { LineWriter, SharedStream } from './loglines.ts';

export interface RunLogDeps {
  readonly registry: Pick<Registry, 'authorize'>;
  readonly client: Client;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
}

const MOST_LINES = 1_000_000;
/** Followed at once; others wait until one of these has ended. */
const MOST_TAILS = 50;
/**
 * Once the Run has ended, logs end by themselves. Nobody waits longer than that for one of which nothing comes: the worker
 * of a Run that was interrupted may be gone.
 */
const QUIET_MS = 15_000;

/** One try of a step. */
interface Source {
  readonly task: Task;
  readonly worker: string;
  /** In front of each line. */
  readonly prefix: string;
}

/** What of the Run is wanted. */
interface Wanted {
  readonly run: Run;
  /** Absent: every one. */
  readonly step: string | undefined;
  readonly tailLines: number | undefined;
}

export async function streamRunLogs(ctx: AppContext, run: Run, deps: RunLogDeps): Promise<void> {
  const [text = ''] = [ctx.query['task'] ?? ''].flat();
  const wanted: Wanted = {
    run,
    step: text === '' ? undefined : text,
    tailLines: wholeIn(ctx, 'tail', { least: 0, most: MOST_LINES }),
  };
  checkStep(wanted);
  const { namespace = '' } = run.metadata;
  const { group, plural: resource } = tasks;
  deps.registry.authorize(requestContext(ctx), {
    verb: 'get',
    group,
    resource,
    subresource: 'log',
    namespace,
  });
  const stream = new ResponseStream(ctx, { clock: deps.clock });
  try {
    if (flag(ctx.query, 'follow') && !hasEnded(run)) await follow(ctx, wanted, stream, deps);
    else await printAll(ctx, wanted, stream, deps);
    stream.end();
  } finally {
    stream.release();
  }
}

/** A Run that has begun says what its steps are. */
function checkStep({ run, step }: Wanted): void {
  const steps = run.status?.tasks;
  if (step === undefined || steps === undefined) return;
  const found = steps.find(({ name }) => name === step);
  if (found === undefined) {
    const names = steps.map(({ name }) => name).join(', ');
    throw new ApiError('NotFound', `run "${run.metadata.name}" has no task "${step}": it has ${names}`);
  }
  if (found.rerunOf === undefined) return;
  throw new ApiError(
    'NotFound',
    `task "${step}" was taken over from run "${found.rerunOf}": its log is there (/api/runs/${found.rerunOf}/logs?task=${step})`,
  );
}

async function printAll(
  ctx: AppContext,
  wanted: Wanted,
  stream: ResponseStream,
  deps: RunLogDeps,
): Promise<void> {
  const sources = sourcesOf(await tasksOf(wanted, deps), wanted);
  const [only] = sources;
  // Nothing else would be in the answer: that it cannot be had is the answer.
  const first =
    sources.length === 1 && only !== undefined
      ? await openLog(only, wanted, false, stream.signal, deps)
      : undefined;
  stream.begin('text/plain; charset=utf-8');
  // From here on the reader says how long it takes.
  becomeLongRunning(ctx);
  const to = new SharedStream(stream);
  for (const source of sources) {
    const writer = new LineWriter(to, source.prefix);
    const isOpen = await copy(
      writer,
      stream.signal,
      () => first ?? openLog(source, wanted, false, stream.signal, deps),
    );
    if (!isOpen) return;
  }
}

/** Whatever the log of one Task comes to, that of the others goes on; false when the answer is over. */
async function copy(
  writer: LineWriter,
  signal: AbortSignal,
  open: () => AsyncIterable<LogEntry> | Promise<AsyncIterable<LogEntry>>,
): Promise<boolean> {
  try {
    for await (const entry of await open()) {
      const isMark = entry.stream === 'gap' && entry.data.at(-1) !== 0x0a;
      const data = isMark ? Buffer.concat([entry.data, Buffer.from('\n')]) : entry.data;
      if (!(await writer.write({ ...entry, data }))) return false;
    }
  } catch (error) {
    if (!(error instanceof ApiError) && !signal.aborted) throw error;
    if (error instanceof ApiError) {
      const data = Buffer.from(`the log cannot be read: ${error.message}\n`);
      if (!(await writer.write({ stream: 'gap', data }))) return false;
    }
  }
  await writer.end();
  return true;
}

/** A Task whose container has not been there has no log: nothing is what it has written. */
async function openLog(
  { task, worker }: Source,
  { tailLines }: Wanted,
  isFollowed: boolean,
  signal: AbortSignal,
  { workerLink }: RunLogDeps,
): Promise<AsyncIterable<LogEntry>> {
  const ref = { ...keyOf(task), uid: task.metadata.uid ?? '' };
  const options = { follow: isFollowed, ...(tailLines === undefined ? {} : { tailLines }) };
  try {
    return await workerLink.logEntries(worker, ref, options, signal);
  } catch (error) {
    if (!isApiError(error, 'BadRequest')) throw error;
    return nothing();
  }
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}

async function follow(
  ctx: AppContext,
  wanted: Wanted,
  stream: ResponseStream,
  deps: RunLogDeps,
): Promise<void> {
  const { namespace = '', name } = wanted.run.metadata;
  stream.begin('text/plain; charset=utf-8');
  becomeLongRunning(ctx);
  const ended = new AbortController();
  const signal = AbortSignal.any([stream.signal, ended.signal]);
  const tails = new Tails(wanted, stream, deps);
  const watchTasks = async (): Promise<void> => {
    const options = { namespace, labelSelector: `${LABEL_RUN}=${name}`, signal };
    for await (const event of deps.client.watch(tasks, options)) {
      if (event.type === 'ADDED' || event.type === 'MODIFIED') tails.follow(event.object);
    }
  };
  const watchRun = async (): Promise<void> => {
    const options = { namespace, fieldSelector: `metadata.name=${name}`, signal };
    for await (const event of deps.client.watch(runs, options)) {
      if (event.type === 'BOOKMARK') continue;
      if (event.object.metadata.uid !== wanted.run.metadata.uid) continue;
      if (event.type === 'DELETED' || hasEnded(event.object)) break;
    }
    // What the other watch has yet to tell of.
    if (!stream.signal.aborted) for (const task of await tasksOf(wanted, deps)) tails.follow(task);
    ended.abort();
  };
  // A watch that breaks off takes the other one with it: the reader is cut off, and asks again.
  const both = [watchTasks(), watchRun()].map((watching) =>
    watching.catch((error: unknown) => {
      ended.abort();
      throw error;
    }),
  );
  const results = await Promise.allSettled(both);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  await tails.ended();
}

/** What is followed: each Task once on each worker that has had it, so many at a time. */
class Tails {
  readonly #wanted: Wanted;
  readonly #stream: ResponseStream;
  readonly #deps: RunLogDeps;
  readonly #to: SharedStream;
  readonly #known = new Set<string>();
  readonly #waiting: Source[] = [];
  readonly #open = new Map<Promise<void>, AbortController>();
  #goesOn = true;

  constructor(wanted: Wanted, stream: ResponseStream, deps: RunLogDeps) {
    this.#wanted = wanted;
    this.#stream = stream;
    this.#deps = deps;
    this.#to = new SharedStream(stream);
  }

  follow(task: Task): void {
    const [source] = sourcesOf([task], this.#wanted);
    if (source === undefined) return;
    // Taken from one worker to another, it writes there, too.
    const place = `${task.metadata.uid ?? ''} ${source.worker}`;
    if (this.#known.has(place)) return;
    this.#known.add(place);
    this.#waiting.push(source);
    this.#next();
  }

  #next(): void {
    if (this.#open.size >= MOST_TAILS) return;
    const source = this.#waiting.shift();
    if (source === undefined) return;
    const stop = new AbortController();
    const tail = this.#copy(source, AbortSignal.any([this.#stream.signal, stop.signal])).finally(() => {
      this.#open.delete(tail);
      this.#next();
    });
    this.#open.set(tail, stop);
    // Whoever waits for the end is told; nobody may be waiting yet.
    tail.catch(() => undefined);
  }

  async #copy(source: Source, signal: AbortSignal): Promise<void> {
    const writer = new LineWriter(this.#to, source.prefix);
    await copy(writer, signal, () => openLog(source, this.#wanted, this.#goesOn, signal, this.#deps));
  }

  /**
   * Once the Run has ended: resolves when all is written, or when of what is left nothing has come for a while.
   */
  async ended(): Promise<void> {
    this.#goesOn = false;
    while (this.#open.size > 0) {
      const { count } = this.#to;
      const quiet = new AbortController();
      const all = Promise.all(this.#open.keys()).finally(() => quiet.abort());
      await Promise.race([all, sleep(this.#deps.clock, QUIET_MS, quiet.signal)]);
      if (this.#to.isBusy || this.#to.count > count) continue;
      for (const stop of this.#open.values()) stop.abort();
    }
  }
}

/** In the order of the steps, and of one step in that of its tries. */
async function tasksOf({ run }: Wanted, { client }: RunLogDeps): Promise<readonly Task[]> {
  const { namespace = '', name } = run.metadata;
  const found = await client.list(tasks, { namespace, labelSelector: `${LABEL_RUN}=${name}` });
  const places = new Map((run.status?.tasks ?? []).map((step, place) => [step.name, place]));
  const place = (task: Task): number => places.get(stepOf(task)) ?? places.size;
  return [...found.items].sort((a, b) => place(a) - place(b) || attemptOf(a) - attemptOf(b));
}

function sourcesOf(found: readonly Task[], { run, step }: Wanted): readonly Source[] {
  const { uid } = run.metadata;
  return found.flatMap((task): readonly Source[] => {
    const worker = task.spec.workerName ?? task.status?.workerName;
    const isOfRun = (task.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
    if (worker === undefined || !isOfRun) return [];
    const name = stepOf(task);
    if (step !== undefined) return name === step ? [{ task, worker, prefix: '' }] : [];
    const attempt = attemptOf(task);
    return [{ task, worker, prefix: attempt > 1 ? `[${name} ${attempt}] ` : `[${name}] ` }];
  });
}

function stepOf(task: Task): string {
  return task.metadata.labels?.[LABEL_STEP] ?? task.metadata.name;
}

/** Every try is told which one it is. */
function attemptOf(task: Task): number {
  const told = task.spec.env?.find(({ name }) => name === 'GANTRY_ATTEMPT')?.value;
  return Number(told ?? 1);
}
