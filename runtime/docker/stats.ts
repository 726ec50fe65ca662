/**
 * What one container uses now: from the control group files of this machine when its process is found there (a
 * fraction of a millisecond), from the engine otherwise (from 10 ms up to half a second when many are asked for).
 *
 * Both forms of control groups, v1 and v2, in both ways. Memory is what Kubernetes calls the working set: what is in use
 * without the file pages that are inactive (cAdvisor's rule).
 */
import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { Clock } from '../../machinery/clock.ts';
import { isRecord } from '../../machinery/json.ts';
import type { ContainerStats } from '../../machinery/runtime.ts';

/** Docker's way to say that the container does not run. */
const NEVER = '0001-01-01T00:00:00Z';

/** Process ids remembered, each judged again by its control groups whenever it is used. */
const MAX_PROCESSES = 1_024;

export class DockerStats {
  readonly #clock: Clock;
  readonly #isSameMachine: boolean;
  readonly #read: ReadText;
  /** By container id. */
  readonly #pids = new Map<string, number>();

  constructor(options: { readonly clock: Clock; readonly isSameMachine: boolean; readonly read?: ReadText }) {
    this.#clock = options.clock;
    this.#isSameMachine = options.isSameMachine;
    this.#read = options.read ?? readText;
  }

  /** Rejects as dockerode does. Undefined when the container does not run. */
  async read(container: Docker.Container, abortSignal: AbortSignal): Promise<ContainerStats | undefined> {
    const remembered = this.#pids.get(container.id);
    if (remembered !== undefined) {
      const stats = await this.#fromFiles(container.id, remembered);
      if (stats !== undefined) return stats;
      this.#pids.delete(container.id);
    }
    if (this.#isSameMachine) {
      const { Id: id, State: state } = await container.inspect({ abortSignal });
      if (!state.Running) return undefined;
      const stats = await this.#fromFiles(id, state.Pid);
      if (stats !== undefined) {
        // Only under the whole id: a name may be another container's tomorrow.
        if (container.id === id) this.#remember(id, state.Pid);
        return stats;
      }
    }
    // `stream` twice: dockerode reads the one, the engine the other.
    const options: object = { stream: false, _query: { stream: false, 'one-shot': true }, abortSignal };
    const oneShot: (options: object) => Promise<unknown> = container.stats.bind(container);
    return statsOf(await oneShot(options));
  }

  #fromFiles(id: string, pid: number): Promise<ContainerStats | undefined> {
    return statsFromFiles({ id, pid }, () => this.#clock.now(), this.#read);
  }

  #remember(id: string, pid: number): void {
    const [oldest] = this.#pids.keys();
    if (this.#pids.size >= MAX_PROCESSES && oldest !== undefined) this.#pids.delete(oldest);
    this.#pids.set(id, pid);
  }
}

/** A one-shot answer of the engine; undefined for a container that does not run. */
export function statsOf(answer: unknown): ContainerStats | undefined {
  const { read, cpu_stats: cpu, memory_stats: memory } = recordOf(answer);
  if (typeof read !== 'string' || read === NEVER) return undefined;
  const used = recordOf(recordOf(cpu)['cpu_usage'])['total_usage'];
  const { usage, stats } = recordOf(memory);
  if (typeof used !== 'number' || typeof usage !== 'number') return undefined;
  const { total_inactive_file: ofAll, inactive_file: own } = recordOf(stats);
  return {
    atMs: Date.parse(read),
    cpuNanoseconds: BigInt(Math.round(used)),
    memoryBytes: workingSet(usage, ofAll ?? own),
  };
}

/** How files are read, for tests. Rejects as `readFile` does. */
export type ReadText = (path: string) => Promise<string>;

const readText: ReadText = (path) => readFile(path, 'utf8');

/** Undefined when the process is not this container's, not on this machine, or its groups are not where they usually are. */
export async function statsFromFiles(
  process: { readonly id: string; readonly pid: number },
  nowMs: () => number,
  read: ReadText = readText,
): Promise<ContainerStats | undefined> {
  try {
    const groups = parseGroups(await read(`/proc/${process.pid}/cgroup`));
    const isOurs = [...groups.values()].some((path) => path.includes(process.id));
    if (!isOurs) return undefined;
    return groups.has('memory') ? await fromV1(groups, nowMs, read) : await fromV2(groups, nowMs, read);
  } catch (error) {
    // It ended while it was read, or this machine keeps the files elsewhere: the engine knows.
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV' || code === 'EACCES') return undefined;
    throw error;
  }
}

async function fromV1(
  groups: ReadonlyMap<string, string>,
  nowMs: () => number,
  read: ReadText,
): Promise<ContainerStats | undefined> {
  const cpu = groups.get('cpuacct');
  const memory = groups.get('memory');
  if (cpu === undefined || memory === undefined) return undefined;
  const [used, usage, stat] = await Promise.all([
    read(`/sys/fs/cgroup/cpuacct${cpu}/cpuacct.usage`),
    read(`/sys/fs/cgroup/memory${memory}/memory.usage_in_bytes`),
    read(`/sys/fs/cgroup/memory${memory}/memory.stat`),
  ]);
  return {
    atMs: nowMs(),
    cpuNanoseconds: BigInt(used.trim()),
    memoryBytes: workingSet(Number(usage), figureIn(stat, 'total_inactive_file')),
  };
}

async function fromV2(
  groups: ReadonlyMap<string, string>,
  nowMs: () => number,
  read: ReadText,
): Promise<ContainerStats | undefined> {
  const path = groups.get('');
  if (path === undefined) return undefined;
  const [cpu, usage, stat] = await Promise.all([
    read(`/sys/fs/cgroup${path}/cpu.stat`),
    read(`/sys/fs/cgroup${path}/memory.current`),
    read(`/sys/fs/cgroup${path}/memory.stat`),
  ]);
  const microseconds = figureIn(cpu, 'usage_usec');
  if (microseconds === undefined) return undefined;
  return {
    atMs: nowMs(),
    cpuNanoseconds: BigInt(microseconds) * 1_000n,
    memoryBytes: workingSet(Number(usage), figureIn(stat, 'inactive_file')),
  };
}

/** Each controller's path; the one of v2 has no name. Format: cgroups(7), "/proc/[pid]/cgroup". */
export function parseGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    for (const controller of (controllers ?? '').split(',')) groups.set(controller, path);
  }
  return groups;
}

function figureIn(text: string, name: string): number | undefined {
  const figure = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  return figure === undefined ? undefined : Number(figure);
}

function workingSet(usage: number, inactive: unknown): number {
  return Math.max(0, usage - (typeof inactive === 'number' ? inactive : 0));
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
