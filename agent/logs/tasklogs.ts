/**
 * A Task's log: of the container that is asked for, whether the engine still has it or the archive; followed into the
 * Task's next containers until the Task is over, deleted or elsewhere.
 */
import { type Clock, sleep } from '../../machinery/clock.ts';
import { ApiError, RuntimeError } from '../../machinery/errors.ts';
import { LABEL_RUN } from '../../machinery/labels.ts';
import type { ContainerSummary, LogChunk, LogOptions } from '../../machinery/runtime.ts';
import type {
  KeptLog,
  LogEntry,
  LogEntryOptions,
  TaskLogOptions,
  TaskRef,
} from '../../machinery/workerlink.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { attemptOf, type ContainerSource, containersOf, engineError } from '../containers.ts';
import type { ArchivedLog, DiskArchive } from './archive.ts';
import { entriesOf } from './entries.ts';
import { LineSplitter, type StampedLine } from './records.ts';

/** A follower between two containers looks at the Task this often. */
const LOOK_MS = 250;
/** A Task that somebody follows and that is not known here is waited for: its binding may be on its way. */
const UNKNOWN_MS = 2_000;
/** Looks at the engine within this time are one, however many follow. */
const SAME_LOOK_MS = 200;
const NEWLINE = 0x0a;

export interface TaskLogsDeps extends ContainerSource {
  readonly clock: Clock;
  /** Aborts when the agent stops. */
  readonly stopped: AbortSignal;
  /** Absent: only what the engine has. */
  readonly archive: Pick<DiskArchive, 'of' | 'read' | 'story'> | undefined;
  /** The Task as far as is known here; undefined when it is deleted or another one has its name. */
  readonly taskOf: (task: TaskRef) => Task | undefined;
}

/** One attempt's log, wherever it is. */
type Source =
  | { readonly attempt: number; readonly kind: 'container'; readonly container: ContainerSummary }
  | { readonly attempt: number; readonly kind: 'archived'; readonly log: ArchivedLog };

export class TaskLogs {
  readonly #deps: TaskLogsDeps;
  readonly #looks = new Map<
    string,
    { readonly atMs: number; readonly sources: Promise<readonly Source[]> }
  >();

  constructor(deps: TaskLogsDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when the log is found. Throws `BadRequest` when there is none (in Kubernetes' words: tools look for them),
   * `ServiceUnavailable` while the engine does not answer.
   */
  async open(
    task: TaskRef,
    options: TaskLogOptions,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array, void, undefined>> {
    const first = this.#choose(await this.#sources(task, signal), task, options);
    return this.#read(task, first, options, signal);
  }

  /** See `WorkerLink.logEntries`. */
  async openEntries(
    task: TaskRef,
    { follow, attempt, stream, tailLines }: LogEntryOptions,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogEntry, void, undefined>> {
    const newestFirst = await this.#sources(task, signal);
    const options: TaskLogOptions = {
      follow,
      previous: false,
      timestamps: true,
      ...(attempt === undefined ? {} : { attempt }),
      ...(stream === undefined ? {} : { stream }),
      ...(tailLines === undefined ? {} : { tailLines }),
    };
    const isAll = attempt === undefined && tailLines === undefined;
    const isAwaited = newestFirst.length === 0 && follow && attempt === undefined && !this.#isOver(task);
    const chosen = isAwaited ? undefined : this.#choose(newestFirst, task, options);
    const from = chosen !== undefined && isAll ? newestFirst.toReversed() : [];
    const first = from[0] ?? chosen;
    const { clock } = this.#deps;
    const read = async function* (this: TaskLogs): AsyncGenerator<LogEntry, void, undefined> {
      const begin = first ?? (await this.#awaitFirst(task, signal));
      if (begin === undefined) return;
      for await (const { source, chunks } of this.#containers(task, begin, options, from, signal)) {
        yield* entriesOf(chunks, source.attempt, () => clock.now());
      }
    };
    return read.call(this);
  }

  /** What is kept of the Task's containers, newest first. */
  async list(task: TaskRef, signal: AbortSignal): Promise<readonly KeptLog[]> {
    const { archive, runtime, worker } = this.#deps;
    const sources = await this.#sources(task, signal);
    const told = sources.map(async (source): Promise<KeptLog> => {
      const { attempt } = source;
      if (source.kind === 'container') {
        const detail = await runtime.inspect(source.container.id, signal).catch((error: unknown) => {
          throw engineError(error, worker);
        });
        return {
          attempt,
          state: source.container.state,
          ...(detail?.startedAt === undefined ? {} : { startedAt: detail.startedAt }),
          ...(detail?.finishedAt === undefined ? {} : { finishedAt: detail.finishedAt }),
          ...(detail?.exitCode === undefined ? {} : { exitCode: detail.exitCode }),
        };
      }
      const keptAt = new Date(source.log.keptAtMs).toISOString();
      try {
        const story = await archive?.story(source.log);
        const { startedAt, finishedAt, exitCode, signal: endSignal, reason, message } = story?.end ?? {};
        return {
          attempt,
          state: 'archived',
          keptAt,
          ...(story === undefined ? {} : { bytes: story.bytes }),
          ...(startedAt === undefined ? {} : { startedAt }),
          ...(finishedAt === undefined ? {} : { finishedAt }),
          ...(exitCode === undefined ? {} : { exitCode }),
          ...(endSignal === undefined ? {} : { signal: endSignal }),
          ...(reason === undefined ? {} : { reason }),
          ...(message === undefined ? {} : { message }),
        };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return { attempt, state: 'damaged', keptAt, message: error.message };
      }
    });
    return Promise.all(told);
  }

  /** Newest first, one for each attempt. */
  async #sources(task: TaskRef, signal: AbortSignal): Promise<readonly Source[]> {
    const archived = (await this.#deps.archive?.of(task.uid)) ?? [];
    const byAttempt = new Map<number, Source>();
    for (const log of archived) byAttempt.set(log.attempt, { attempt: log.attempt, kind: 'archived', log });
    const containers = await containersOf(this.#deps, task, signal).catch((error: unknown) => {
      // Of a Task that is gone the engine has nothing any more: its being away is no reason.
      if (archived.length > 0 && this.#deps.taskOf(task) === undefined) return [];
      throw error;
    });
    for (const container of containers) {
      const attempt = attemptOf(container);
      if (container.state !== 'created') byAttempt.set(attempt, { attempt, kind: 'container', container });
    }
    return [...byAttempt.values()].sort((a, b) => b.attempt - a.attempt);
  }

  #choose(newestFirst: readonly Source[], task: TaskRef, { attempt, previous }: TaskLogOptions): Source {
    const where = `container "${task.name}" in pod "${task.name}"`;
    const isOver = this.#isOver(task);
    if (attempt !== undefined) {
      const found = newestFirst.find((source) => source.attempt === attempt);
      if (found !== undefined) return found;
      const kept = newestFirst.map((source) => source.attempt).join(', ');
      throw new ApiError(
        'BadRequest',
        `${where}: the log of attempt ${attempt} is not kept; ${kept === '' ? 'none is' : `those of ${kept} are`}`,
      );
    }
    if (previous) {
      // The Task is over: its newest container is the present one, not the one before a next.
      const ended = newestFirst.slice(isOver ? 1 : 0).find(hasEnded);
      if (ended !== undefined) return ended;
      throw new ApiError('BadRequest', `previous terminated ${where} not found`);
    }
    const [newest] = newestFirst;
    if (newest !== undefined) return newest;
    // Its container is gone, with its log: the kubelet's words for that.
    if (isOver) throw new ApiError('BadRequest', `${where} is terminated`);
    throw new ApiError('BadRequest', `${where} is waiting to start: ContainerCreating`);
  }

  async *#read(
    task: TaskRef,
    first: Source,
    options: TaskLogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    let isLineEnd = true;
    for await (const { source, chunks } of this.#containers(task, first, options, [], signal)) {
      // The first words of the next are not those of the one before.
      if (source !== first && !isLineEnd) yield Buffer.from('\n');
      isLineEnd = true;
      for await (const { data } of chunks) {
        if (data.length === 0) continue;
        const piece = data.length > left ? data.subarray(0, left) : data;
        left -= piece.length;
        isLineEnd = piece.at(-1) === NEWLINE;
        yield piece;
        if (left <= 0) return;
      }
    }
  }

  /**
   * One container's log after the other.
   * @param known those that are read in any case, oldest first; where it is followed, others come after them.
   */
  async *#containers(
    task: TaskRef,
    first: Source,
    options: TaskLogOptions,
    known: readonly Source[],
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly source: Source; readonly chunks: AsyncIterable<LogChunk> }, void, undefined> {
    const goesOn = options.follow && options.attempt === undefined && !options.previous;
    let { tailLines } = options;
    for (let source: Source | undefined = first; source !== undefined; ) {
      const { attempt }: Source = source;
      yield { source, chunks: this.#chunks(task, source, { ...options, tailLines }, signal) };
      if (signal.aborted) return;
      tailLines = undefined;
      source = known.find((other) => other.attempt > attempt);
      if (source === undefined && goesOn) source = await this.#next(task, attempt, signal);
    }
  }

  /** The Task's first container, however long it takes to come; undefined when the Task ends without one. */
  async #awaitFirst(task: TaskRef, signal: AbortSignal): Promise<Source | undefined> {
    const { clock, taskOf, worker } = this.#deps;
    const unknownUntilMs = clock.monotonicMs() + UNKNOWN_MS;
    while (taskOf(task) === undefined && !signal.aborted) {
      if (clock.monotonicMs() >= unknownUntilMs) {
        throw new ApiError(
          'NotFound',
          `tasks "${task.name}" (uid ${task.uid}) is not known on worker "${worker}", and no log of it is kept`,
        );
      }
      await sleep(clock, LOOK_MS, signal);
    }
    return this.#next(task, 0, signal);
  }

  async *#chunks(
    task: TaskRef,
    source: Source,
    options: Omit<TaskLogOptions, 'tailLines'> & { readonly tailLines: number | undefined },
    signal: AbortSignal,
  ): AsyncGenerator<LogChunk, void, undefined> {
    const { archive, runtime, worker } = this.#deps;
    const wanted = engineOptions(options);
    let begun = false;
    try {
      if (source.kind === 'archived') {
        if (archive !== undefined) yield* presented(() => archive.read(source.log, signal), wanted);
        return;
      }
      for await (const chunk of runtime.logs(source.container.id, wanted, signal)) {
        begun = true;
        yield chunk;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RuntimeError) || error.reason !== 'NotFound') throw engineError(error, worker);
      // Removed since it was found: then it was archived before.
      const log = (await archive?.of(task.uid))?.find(({ attempt }) => attempt === source.attempt);
      if (log === undefined || begun || archive === undefined) {
        throw new ApiError('NotFound', `the container is gone from worker "${worker}": ${error.message}`);
      }
      yield* presented(() => archive.read(log, signal), wanted);
    }
  }

  /** The container after that attempt; undefined when there will be none here. */
  async #next(task: TaskRef, attempt: number, signal: AbortSignal): Promise<Source | undefined> {
    while (!signal.aborted) {
      // Looked at before the containers: what is over by then gets no other.
      const known = this.#deps.taskOf(task);
      const isEnding = known === undefined || known.metadata.deletionTimestamp !== undefined;
      const isHere = (known?.spec.workerName ?? this.#deps.worker) === this.#deps.worker;
      const isOver = this.#isOver(task);
      const sources = await this.#looked(task, signal);
      const later = sources.filter((source) => source.attempt > attempt);
      const next = later.at(-1);
      if (next !== undefined) return next;
      if (isEnding || isOver || !isHere) return undefined;
      await sleep(this.#deps.clock, LOOK_MS, signal);
    }
    return undefined;
  }

  /** Several hundred who wait for the same container look at the engine once. An engine that is away has no next yet. */
  async #looked(task: TaskRef, signal: AbortSignal): Promise<readonly Source[]> {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [uid, { atMs }] of this.#looks) {
      if (atMs < nowMs - SAME_LOOK_MS) this.#looks.delete(uid);
    }
    const known = this.#looks.get(task.uid);
    if (known !== undefined) return known.sources;
    const sources = this.#sources(task, this.#deps.stopped).catch((error: unknown) => {
      if (error instanceof ApiError && error.reason === 'ServiceUnavailable') return [];
      throw error;
    });
    this.#looks.set(task.uid, { atMs: nowMs, sources });
    signal.throwIfAborted();
    return sources;
  }

  #isOver(task: TaskRef): boolean {
    const { metadata, status } = this.#deps.taskOf(task) ?? {};
    if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
    // Whoever has stopped a Task may let it run again; what a Run has stopped it makes anew, if at all.
    return status?.phase === 'Stopped' && metadata?.labels?.[LABEL_RUN] !== undefined;
  }
}

function hasEnded(source: Source): boolean {
  return source.kind === 'archived' || ['exited', 'dead'].includes(source.container.state);
}

function engineOptions({
  follow,
  timestamps,
  tailLines,
  sinceSeconds,
  stream,
}: Omit<TaskLogOptions, 'tailLines'> & { readonly tailLines: number | undefined }): LogOptions {
  return {
    follow,
    timestamps,
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(stream === undefined ? {} : { stream }),
  };
}

/** An archived log as the engine would have given it. */
async function* presented(
  open: () => Promise<AsyncIterable<LogChunk>>,
  { timestamps, tailLines, sinceSeconds, stream }: LogOptions,
): AsyncGenerator<LogChunk, void, undefined> {
  const since =
    sinceSeconds === undefined
      ? ''
      : new Date(Math.max(0, Math.floor(sinceSeconds * 1000))).toISOString().slice(0, 23);
  const times = { stdout: '', stderr: '' };
  async function* lines(): AsyncGenerator<StampedLine, void, undefined> {
    const splitter = new LineSplitter();
    const isWanted = (line: StampedLine): boolean =>
      line.isMark === true ||
      ((stream === undefined || line.stream === stream) && times[line.stream] >= since);
    for await (const chunk of await open()) {
      for (const line of splitter.split(chunk)) {
        if (line.stamp !== '') times[line.stream] = line.stamp;
        if (isWanted(line)) yield line;
      }
    }
    for (const line of splitter.rest()) if (isWanted(line)) yield line;
  }
  let skipped = 0;
  if (tailLines !== undefined) {
    let count = 0;
    let isUnfinished = false;
    for await (const { isEnd } of lines()) {
      if (isEnd) count += 1;
      isUnfinished = !isEnd;
    }
    skipped = Math.max(0, count + (isUnfinished ? 1 : 0) - tailLines);
  }
  for await (const { stream: from, stamp, data, isEnd, isMark } of lines()) {
    if (skipped > 0) {
      if (isEnd) skipped -= 1;
      continue;
    }
    if (timestamps === true && stamp !== '')
      yield { stream: from, data: Buffer.concat([Buffer.from(stamp), data]) };
    else yield { stream: from, data, ...(isMark === undefined ? {} : { isMark }) };
  }
}
