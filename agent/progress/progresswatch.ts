/**
 * Looks how far Tasks of Runs say that they are, while they run: at the end of their standard output, and at their output file.
 *
 * Nothing follows a log for it: of each container the newest lines are read, once a second while they say something new, and
 * ever more seldom where they do not. So a Task that never says anything costs next to nothing, and one that says it a million
 * times a second no more than one that says it once; and where very many are listened to, each is looked at more seldom. What
 * was said last is found again by the next process.
 */
import { progressInFile, progressInOutput } from '../../controllers/task/planning/progress.ts';
import type { ProgressContainer, ProgressSource, TaskOutputs } from '../../controllers/task/services.ts';
import type { Clock, Timer } from '../../machinery/clock.ts';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import { LABEL_RUN } from '../../machinery/labels.ts';
import type { Log } from '../../machinery/log.ts';
import { keyString } from '../../machinery/meta.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { withinBounds } from '../../runtime/bounded.ts';
import type { Task } from '../../schemas/types.gen.ts';

export interface ProgressWatchOptions {
  readonly runtime: Runtime;
  readonly outputs: Pick<TaskOutputs, 'read'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

interface Target {
  readonly container: ProgressContainer;
  task: Task;
  /** Monotonic; infinite: not any more. */
  dueMs: number;
  pauseMs: number;
  hasEnded: boolean;
  percent?: number;
}

/** The shortest time between two looks at one container, and so between two writes of what was seen. */
const PERIOD_MS = 1_000;
/** What says nothing new is looked at half as often each time, down to this. */
const LONGEST_PAUSE_MS = 8_000;
/** Of the time, at most one part in so many is spent looking, however many are listened to: work comes first. */
const DUTY = 5;
const LIMIT_MS = 5_000;
const TAIL_LINES = 200;
/** Of these lines; what comes after so much of them is not read. */
const TAIL_BYTES = 1024 * 1024;

export class ProgressWatch implements ProgressSource {
  readonly #options: ProgressWatchOptions;
  /** By the Task's key and the container's id. */
  readonly #targets = new Map<string, Map<string, Target>>();
  #listener: (taskKey: string) => void = () => {};
  #timer: Timer | undefined;
  #isLooking = false;
  /** Monotonic; nothing is looked at before. */
  #restUntilMs = 0;

  constructor(options: ProgressWatchOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#timer?.cancel(), { once: true });
  }

  progressOf(task: Task, containers: readonly ProgressContainer[]): ReadonlyMap<string, number> {
    const key = keyString(task.metadata);
    if (task.metadata.labels?.[LABEL_RUN] === undefined) return new Map();
    const known = this.#targets.get(key);
    const kept = new Map<string, Target>();
    const found = new Map<string, number>();
    const nowMs = this.#options.clock.monotonicMs();
    for (const container of containers) {
      const target = known?.get(container.id) ?? this.#newTarget(task, container, nowMs);
      if (target === undefined) continue;
      kept.set(container.id, target);
      target.task = task;
      if (target.percent !== undefined) found.set(container.id, target.percent);
      if (container.isRunning || target.hasEnded) continue;
      // Its last word, where it ever said one.
      target.hasEnded = true;
      target.dueMs = target.percent === undefined ? Number.POSITIVE_INFINITY : nowMs;
    }
    if (kept.size === 0) this.#targets.delete(key);
    else this.#targets.set(key, kept);
    this.#schedule();
    return found;
  }

  forget(taskKey: string): void {
    this.#targets.delete(taskKey);
    this.#schedule();
  }

  onChange(listener: (taskKey: string) => void): void {
    this.#listener = listener;
  }

  #newTarget(task: Task, container: ProgressContainer, nowMs: number): Target | undefined {
    if (!container.isRunning) return undefined;
    const dueMs = nowMs + PERIOD_MS;
    return { container, task, dueMs, pauseMs: PERIOD_MS, hasEnded: false };
  }

  #schedule(): void {
    const { clock, signal } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (signal.aborted || this.#isLooking) return;
    let next: Target | undefined;
    for (const ofTask of this.#targets.values()) {
      for (const target of ofTask.values()) {
        if (target.dueMs < (next?.dueMs ?? Number.POSITIVE_INFINITY)) next = target;
      }
    }
    if (next === undefined) return;
    const due = next;
    const atMs = Math.max(due.dueMs, this.#restUntilMs);
    this.#timer = clock.after(Math.max(0, atMs - clock.monotonicMs()), () => void this.#turn(due));
  }

  async #turn(target: Target): Promise<void> {
    const { clock, log, signal } = this.#options;
    const key = keyString(target.task.metadata);
    const isLast = target.hasEnded;
    this.#isLooking = true;
    const beganMs = clock.monotonicMs();
    const before = target.percent;
    try {
      const bounds = { what: `progress of container ${target.container.id}`, signal, limitMs: LIMIT_MS };
      const percent = await withinBounds(clock, bounds, (inner) => this.#look(target, inner));
      if (percent !== undefined) target.percent = percent;
    } catch (error) {
      // What is gone says nothing more; an engine that is away is asked again later.
      if (error instanceof RuntimeError && error.reason === 'NotFound')
        target.dueMs = Number.POSITIVE_INFINITY;
      if (!signal.aborted)
        log.debug({ task: key, err: error }, `cannot see its progress: ${messageOf(error)}`);
    }
    const isNews = target.percent !== before;
    target.pauseMs = isNews ? PERIOD_MS : Math.min(target.pauseMs * 2, LONGEST_PAUSE_MS);
    const nowMs = clock.monotonicMs();
    const isDone = isLast || target.dueMs === Number.POSITIVE_INFINITY;
    // One that ended meanwhile is looked at once more.
    target.dueMs = isDone ? Number.POSITIVE_INFINITY : nowMs + (target.hasEnded ? 0 : target.pauseMs);
    this.#restUntilMs = nowMs + (nowMs - beganMs) * (DUTY - 1);
    this.#isLooking = false;
    this.#schedule();
    if (isNews && this.#targets.get(key)?.get(target.container.id) === target) this.#listener(key);
  }

  /** Where both say something, the larger counts. */
  async #look({ task, container }: Target, signal: AbortSignal): Promise<number | undefined> {
    const said: number[] = [];
    const inOutput = progressInOutput(await this.#newestLines(container.id, signal));
    if (inOutput !== undefined) said.push(inOutput);
    if (task.spec.outputs !== undefined) {
      const file = await this.#options.outputs.read(task, container, signal);
      const inFile = file.kind === 'file' ? progressInFile(Buffer.from(file.bytes)) : undefined;
      if (inFile !== undefined) said.push(inFile);
    }
    return said.length === 0 ? undefined : Math.max(...said);
  }

  async #newestLines(id: string, signal: AbortSignal): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    const options = { tailLines: TAIL_LINES, stream: 'stdout' } as const;
    for await (const { data, isMark } of this.#options.runtime.logs(id, options, signal)) {
      if (isMark === true) continue;
      parts.push(data);
      bytes += data.length;
      if (bytes >= TAIL_BYTES) break;
    }
    return Buffer.concat(parts);
  }
}
