/**
 * What this worker and its Tasks use, measured only while somebody asks.
 *
 * CPU is a rate, so it takes two readings. Who asks after a pause gets them a second apart; while people keep asking, the
 * reading before serves as the first, and an answer is good for five seconds. Between questions nothing runs.
 *
 * Promises that a rate is over the time between its own two readings, that many who ask at once cost one measurement, and
 * at most `READS_AT_ONCE` readings under way at the engine. A container that ends, or does not answer for itself, is
 * left out; a machine that cannot be read (an engine elsewhere) is told as the sum of its Tasks.
 */
import { type Clock, sleep } from '../machinery/clock.ts';
import { RuntimeError } from '../machinery/errors.ts';
import { LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../machinery/labels.ts';
import type { ContainerStats, ContainerSummary } from '../machinery/runtime.ts';
import type { TaskRef, TaskUsage, WorkerUsage } from '../machinery/workerlink.ts';
import { attemptOf, type ContainerSource, engineError } from './containers.ts';
import type { MachineReading, ReadMachine } from './machine.ts';

/** An answer is given again for this long. */
const FRESH_MS = 5_000;
/** Between the two readings for who asks first: shorter makes rates jump. */
const FIRST_WINDOW_MS = 1_000;
/** An average over more would not be what is used now. */
const MAX_WINDOW_MS = 30_000;
const READS_AT_ONCE = 8;

/** Labels of a Task as it is now; undefined when it is not known. */
export type LabelsOf = (task: TaskRef) => Readonly<Record<string, string>> | undefined;

export interface UsageDeps extends ContainerSource {
  readonly clock: Clock;
  readonly readMachine: ReadMachine;
  readonly labelsOf: LabelsOf;
}

interface Reading extends ContainerStats {
  readonly container: ContainerSummary;
}

interface Sample {
  readonly atMs: number;
  readonly monotonicMs: number;
  /** By container id. */
  readonly readings: ReadonlyMap<string, Reading>;
  readonly machine: MachineReading | undefined;
}

interface Answer {
  readonly usage: WorkerUsage;
  readonly monotonicMs: number;
}

export class UsageSampler {
  readonly #deps: UsageDeps;
  readonly #stopped: AbortSignal;
  #latest: Sample | undefined;
  #answer: Answer | undefined;
  #measuring: Promise<WorkerUsage> | undefined;
  #engineMemoryBytes: number | undefined;

  /** @param stopped ends a measurement that is under way. */
  constructor(deps: UsageDeps, stopped: AbortSignal) {
    this.#deps = deps;
    this.#stopped = stopped;
  }

  /** Rejects with `ApiError` ServiceUnavailable while the engine does not answer, and when the signal aborts. */
  async usage(signal: AbortSignal): Promise<WorkerUsage> {
    const { clock, worker } = this.#deps;
    const known = this.#answer;
    if (known !== undefined && clock.monotonicMs() - known.monotonicMs < FRESH_MS) return known.usage;
    // One measurement for everybody who asks meanwhile: it goes on when one of them leaves.
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    try {
      return await orAborted(this.#measuring, signal);
    } catch (error) {
      throw engineError(error, worker);
    }
  }

  async #measure(): Promise<WorkerUsage> {
    const { clock } = this.#deps;
    const kept = this.#latest;
    const isUseful = kept !== undefined && clock.monotonicMs() - kept.monotonicMs <= MAX_WINDOW_MS;
    let earlier = isUseful ? kept : await this.#sampleAndWait();
    let latest = await this.#sample();
    if (isUseful && [...latest.readings.keys()].some((id) => !earlier.readings.has(id))) {
      // What began since then has one reading only: one more round, not one for each that begins meanwhile.
      earlier = latest;
      await sleep(clock, FIRST_WINDOW_MS, this.#stopped);
      latest = await this.#sample();
    }
    this.#latest = latest;
    const usage = usageBetween(this.#deps, earlier, latest);
    this.#answer = { usage, monotonicMs: latest.monotonicMs };
    return usage;
  }

  async #sampleAndWait(): Promise<Sample> {
    const sample = await this.#sample();
    await sleep(this.#deps.clock, FIRST_WINDOW_MS, this.#stopped);
    return sample;
  }

  async #sample(): Promise<Sample> {
    const { runtime, clock, clusterId, worker } = this.#deps;
    if (this.#stopped.aborted) throw new RuntimeError('Unavailable', `worker "${worker}" is stopping`);
    const labels = { [LABEL_CLUSTER]: clusterId, [LABEL_WORKER]: worker };
    const containers = newestRunning(await runtime.list(labels, this.#stopped));
    const readings = new Map<string, Reading>();
    const waiting = containers.values();
    const readInTurn = async (): Promise<void> => {
      for (const container of waiting) {
        const stats = await this.#read(container.id);
        if (stats !== undefined) readings.set(container.id, { ...stats, container });
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readInTurn));
    const machine = await this.#readMachine();
    return { atMs: clock.now(), monotonicMs: clock.monotonicMs(), readings, machine };
  }

  async #read(containerId: string): Promise<ContainerStats | undefined> {
    try {
      return await this.#deps.runtime.stats(containerId, this.#stopped);
    } catch (error) {
      // One container's trouble is not the worker's; an engine that is away is.
      if (error instanceof RuntimeError && error.reason !== 'Unavailable') return undefined;
      throw error;
    }
  }

  /** Only the engine's machine counts: it has exactly the memory that the engine tells of. */
  async #readMachine(): Promise<MachineReading | undefined> {
    const { runtime, readMachine } = this.#deps;
    const machine = await readMachine();
    if (machine === undefined) return undefined;
    this.#engineMemoryBytes ??= (await runtime.info(this.#stopped)).memoryBytes;
    return machine.totalMemoryBytes === this.#engineMemoryBytes ? machine : undefined;
  }
}

/** One container for each Task: while one is replaced there may be two. */
function newestRunning(containers: readonly ContainerSummary[]): ContainerSummary[] {
  const byUid = new Map<string, ContainerSummary>();
  for (const container of containers) {
    const uid = container.labels[LABEL_UID];
    if (uid === undefined || (container.state !== 'running' && container.state !== 'paused')) continue;
    const other = byUid.get(uid);
    if (other === undefined || attemptOf(container) > attemptOf(other)) byUid.set(uid, container);
  }
  return [...byUid.values()];
}

function usageBetween({ worker, labelsOf }: UsageDeps, earlier: Sample, latest: Sample): WorkerUsage {
  const tasks: TaskUsage[] = [];
  for (const [id, reading] of latest.readings) {
    const before = earlier.readings.get(id);
    const [namespace = '', name = ''] = reading.container.labels[LABEL_TASK]?.split('/') ?? [];
    const uid = reading.container.labels[LABEL_UID] ?? '';
    const cpuNanocores = before === undefined ? undefined : rate(before, reading);
    if (cpuNanocores === undefined) continue;
    const labels = labelsOf({ namespace, name, uid }) ?? {};
    tasks.push({ namespace, name, uid, labels, cpuNanocores, memoryBytes: reading.memoryBytes });
  }
  const windowMs = latest.monotonicMs - earlier.monotonicMs;
  const machine = machineBetween(earlier, latest, windowMs);
  const sum = (of: (task: TaskUsage) => number): number => tasks.reduce((total, task) => total + of(task), 0);
  return {
    worker,
    atMs: latest.atMs,
    windowMs: Math.round(windowMs),
    cpuNanocores: machine?.cpuNanocores ?? sum(({ cpuNanocores }) => cpuNanocores),
    memoryBytes: machine?.memoryBytes ?? sum(({ memoryBytes }) => memoryBytes),
    tasks,
  };
}

function machineBetween(
  { machine: before }: Sample,
  { machine: after }: Sample,
  windowMs: number,
): Pick<WorkerUsage, 'cpuNanocores' | 'memoryBytes'> | undefined {
  if (before === undefined || after === undefined) return undefined;
  const used = after.cpuNanoseconds - before.cpuNanoseconds;
  return { cpuNanocores: nanocores(used, windowMs), memoryBytes: after.memoryBytes };
}

/** Undefined when the two readings are no pair: the clock was set back, or the counter began again. */
function rate(before: ContainerStats, after: ContainerStats): number | undefined {
  const used = after.cpuNanoseconds - before.cpuNanoseconds;
  const elapsedMs = after.atMs - before.atMs;
  return used < 0n || elapsedMs <= 0 ? undefined : nanocores(used, elapsedMs);
}

/** A billionth of a core is a nanosecond a second. */
function nanocores(usedNanoseconds: bigint, elapsedMs: number): number {
  return Math.max(0, Math.round((Number(usedNanoseconds) * 1_000) / Math.max(1, elapsedMs)));
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new RuntimeError('Unavailable', 'who asked has left'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
