/**
 * Watches how much of the worker's disk containers take whose Task sets a limit (limits.ephemeral-storage, the sizeLimit of an
 * emptyDir on the disk): the container's own layer, its log, the Task's emptyDirs.
 *
 * One container is measured at a time, each every ten seconds (kubelet's housekeeping of evictions) as long as that costs no
 * more than a twentieth of the time; where walks through files take longer, they come less often. So a burst is seen
 * after about ten seconds, not at once. What cannot be measured is measured again, and harms nobody meanwhile.
 */
import type { OveruseSource } from '../../controllers/task/services.ts';
import type { Clock, Timer } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import { keyString } from '../../machinery/meta.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { withinBounds } from '../../runtime/bounded.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { DiskDirectory } from '../volumes/diskvolumes.ts';
import { type DiskLimits, diskLimitsOf, overuseOf } from './overuse.ts';
import type { DiskTape } from './usage.ts';

export interface DiskWatchOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly volumes: {
    diskDirectories(task: Task, signal: AbortSignal): Promise<readonly DiskDirectory[]>;
    emptyBeforeNext(taskUid: string): void;
  };
  readonly tape: DiskTape;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

interface Target {
  readonly containerId: string;
  task: Task;
  limits: DiskLimits;
  /** Monotonic. */
  dueMs: number;
  /** Why it must go; stays said until nobody asks about the container any more. */
  overuse?: string;
}

const PERIOD_MS = 10_000;
/** Of the time, at most one part in so many is spent measuring. */
const DUTY = 20;
const MIN_PAUSE_MS = 100;
const LIMIT_MS = 120_000;

export class DiskWatch implements OveruseSource {
  readonly #options: DiskWatchOptions;
  /** By container id, and their ids by the Task's key. */
  readonly #targets = new Map<string, Target>();
  readonly #byTask = new Map<string, ReadonlySet<string>>();
  #listener: (taskKey: string) => void = () => {};
  #timer: Timer | undefined;
  #isMeasuring = false;
  /** Monotonic; nothing is measured before. */
  #restUntilMs = 0;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#timer?.cancel(), { once: true });
  }

  overuseOf(task: Task, containerIds: readonly string[]): ReadonlyMap<string, string> {
    const key = keyString(task.metadata);
    const limits = diskLimitsOf(task);
    const wanted: ReadonlySet<string> = new Set(limits === undefined ? [] : containerIds);
    for (const id of this.#byTask.get(key) ?? []) if (!wanted.has(id)) this.#targets.delete(id);
    if (limits === undefined || wanted.size === 0) {
      this.#byTask.delete(key);
      this.#schedule();
      return new Map();
    }
    this.#byTask.set(key, wanted);
    const found = new Map<string, string>();
    for (const containerId of wanted) {
      const target = this.#targets.get(containerId);
      if (target === undefined) {
        const dueMs = this.#options.clock.monotonicMs() + PERIOD_MS;
        this.#targets.set(containerId, { containerId, task, limits, dueMs });
      } else {
        Object.assign(target, { task, limits });
        if (target.overuse !== undefined) found.set(containerId, target.overuse);
      }
    }
    this.#schedule();
    return found;
  }

  onChange(listener: (taskKey: string) => void): void {
    this.#listener = listener;
  }

  /** It has ended. Its Task may be gone too, and nobody asks any more. */
  #forget({ containerId, task }: Target): void {
    this.#targets.delete(containerId);
    const key = keyString(task.metadata);
    const left = [...(this.#byTask.get(key) ?? [])].filter((id) => id !== containerId);
    if (left.length === 0) this.#byTask.delete(key);
    else this.#byTask.set(key, new Set(left));
  }

  #schedule(): void {
    const { clock, signal } = this.#options;
    this.#timer?.cancel();
    if (this.#isMeasuring || signal.aborted || this.#targets.size === 0) return;
    let next: Target | undefined;
    for (const target of this.#targets.values()) {
      if (target.overuse === undefined && (next === undefined || target.dueMs < next.dueMs)) next = target;
    }
    if (next === undefined) return;
    const atMs = Math.max(next.dueMs, this.#restUntilMs);
    const due = next;
    this.#timer = clock.after(atMs - clock.monotonicMs(), () => void this.#turn(due));
  }

  async #turn(target: Target): Promise<void> {
    const { clock, log, signal } = this.#options;
    this.#isMeasuring = true;
    const beganMs = clock.monotonicMs();
    try {
      const bounds = { what: `measuring of container ${target.containerId}`, signal, limitMs: LIMIT_MS };
      const { isGone, overuse } = await withinBounds(clock, bounds, (inner) => this.#measure(target, inner));
      if (isGone) this.#forget(target);
      else if (overuse !== undefined && this.#targets.get(target.containerId) === target) {
        target.overuse = overuse;
        this.#options.volumes.emptyBeforeNext(target.task.metadata.uid ?? '');
        this.#listener(keyString(target.task.metadata));
      }
    } catch (error) {
      const task = keyString(target.task.metadata);
      if (!signal.aborted)
        log.debug({ task, err: error }, `cannot measure its disk use: ${messageOf(error)}`);
    }
    const nowMs = clock.monotonicMs();
    target.dueMs = nowMs + PERIOD_MS;
    this.#restUntilMs = nowMs + Math.max(MIN_PAUSE_MS, (nowMs - beganMs) * (DUTY - 1));
    this.#isMeasuring = false;
    this.#schedule();
  }

  async #measure(
    { task, limits, containerId }: Target,
    signal: AbortSignal,
  ): Promise<{ readonly isGone: boolean; readonly overuse?: string }> {
    const { runtime, volumes, tape } = this.#options;
    const container = await runtime.inspect(containerId, signal);
    if (container?.state !== 'running') return { isGone: true };
    const { dataRoot, isLocal } = await runtime.info(signal);
    // Its layer counts for the total alone, and costs a walk of its own.
    const isTotal = limits.total !== undefined;
    const writableBytes = isTotal ? await runtime.writableBytes(containerId, signal) : 0;
    if (writableBytes === undefined) return { isGone: true };
    const directories = await volumes.diskDirectories(task, signal);
    const bytes = await tape.directoryBytes(
      directories.map(({ path }) => path),
      signal,
    );
    const overuse = overuseOf(limits, {
      writableBytes,
      logBytes: isTotal && isLocal ? await tape.logBytes(dataRoot, containerId) : 0,
      directories: directories.map((directory) => ({ ...directory, bytes: bytes.get(directory.path) ?? 0 })),
    });
    return { isGone: false, ...(overuse === undefined ? {} : { overuse }) };
  }
}
