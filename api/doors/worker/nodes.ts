/**
 * `GET /nodes` of a manager: the workers that have joined, and what is asked of them, from the control plane's own state.
 *
 * Keys are spelled as in the documents this API comes from. Who asks must be allowed to list Workers, Tasks and the
 * workers' Leases. Errors are those of `/tasks`.
 */
import type { Client } from '../../../machinery/client.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import { milliUnits, wholeUnits } from '../../../machinery/quantity.ts';
import { leases, tasks, workers } from '../../../schemas/kinds.ts';
import type { Lease, Task, Worker } from '../../../schemas/types.gen.ts';
import { demandOf } from '../../registry/binding/allocation.ts';
import type { AppContext } from '../../server/context.ts';
import { methodNotAllowed } from '../../server/errors.ts';
import { pathRoute } from '../../server/middleware/metrics.ts';
import type { Door } from '../door.ts';
import { describeTasksError } from '../tasks/tasks.ts';

export interface NodesDoorDeps {
  /** Acts as whoever asks. */
  readonly clientOf: (ctx: AppContext) => Client;
  /** Where the worker's own API is; undefined where it has none. */
  readonly apiOf: (worker: string) => string | undefined;
}

export interface NodeItem {
  readonly Name: string;
  /** Where its published ports are. */
  readonly Ip: string;
  /** Of its own API; empty where it has none. */
  readonly Api: string;
  readonly Cores: number;
  /** Bytes, each of these. Allocated is what the tasks that have not ended ask for. */
  readonly Memory: number;
  readonly MemoryAllocated: number;
  readonly Disk: number;
  readonly DiskAllocated: number;
  readonly CoresAllocated: number;
  readonly Role: 'worker';
  /** Tasks bound to it that have not ended. */
  readonly TaskCount: number;
  readonly Status: 'NotReady' | 'Ready' | 'Unknown';
  /** One word that says why. */
  readonly Reason: string;
  /** No new tasks are placed there. */
  readonly Cordoned: boolean;
  /** RFC 3339; Go's zero time where nobody has heard of it. */
  readonly LastHeartbeatAt: string;
}

const NODES = '/nodes';
/** Go's zero time, which this API's clients know as "never". */
const NEVER = '0001-01-01T00:00:00Z';

export function nodesDoor(deps: NodesDoorDeps): Door {
  return {
    name: 'nodes',
    owns: (path) => path === NODES,
    describeError: describeTasksError,
    async middleware(ctx) {
      ctx.state.labels = pathRoute(ctx.method, NODES);
      if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
      const client = deps.clientOf(ctx);
      const [found, allTasks, allLeases] = await Promise.all([
        client.list(workers),
        client.list(tasks),
        client.list(leases, { namespace: NAMESPACE_SYSTEM }),
      ]);
      const held = tasksByWorker(allTasks.items);
      const beats = new Map(allLeases.items.map((lease) => [lease.metadata.name, lease]));
      const items = found.items.map((worker) => {
        const { name } = worker.metadata;
        return nodeItem(worker, held.get(name) ?? [], beats.get(name), deps.apiOf(name));
      });
      ctx.set('Content-Type', 'application/json');
      ctx.set('X-Resource-Version', found.metadata.resourceVersion ?? '');
      ctx.body = Buffer.from(JSON.stringify(items));
    },
  };
}

/** Of each worker the tasks that hold a share of it. */
function tasksByWorker(all: readonly Task[]): Map<string, Task[]> {
  const held = new Map<string, Task[]>();
  for (const task of all) {
    const { workerName } = task.spec;
    if (workerName === undefined || hasEnded(task)) continue;
    const others = held.get(workerName);
    if (others === undefined) held.set(workerName, [task]);
    else others.push(task);
  }
  return held;
}

/** As the registry's own record has it: a bound task holds its share until its end is told of the spec as it is. */
function hasEnded({ metadata, status = {} }: Task): boolean {
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed' || status.phase === 'Stopped';
  return isOver && status.observedGeneration === metadata.generation;
}

function nodeItem(
  worker: Worker,
  held: readonly Task[],
  lease: Lease | undefined,
  api: string | undefined,
): NodeItem {
  const { metadata, spec, status = {} } = worker;
  const { capacity = {}, addresses = [] } = status;
  const ready = findCondition(status.conditions, 'Ready');
  const demands = held.map((task) => demandOf(task, worker));
  const sum = (figure: 'diskBytes' | 'memoryBytes' | 'milliCpu'): number =>
    demands.reduce((total, demand) => total + (demand[figure] ?? 0), 0);
  return {
    Name: metadata.name,
    Ip: addresses.find(({ type }) => type === 'InternalIP')?.address ?? '',
    Api: api ?? '',
    Cores: milliUnits(capacity.cpu ?? 0) / 1000,
    CoresAllocated: sum('milliCpu') / 1000,
    Memory: wholeUnits(capacity.memory ?? 0),
    MemoryAllocated: sum('memoryBytes'),
    Disk: wholeUnits(capacity['ephemeral-storage'] ?? 0),
    DiskAllocated: sum('diskBytes'),
    Role: 'worker',
    TaskCount: held.length,
    Status: ready?.status === 'True' ? 'Ready' : ready?.status === 'False' ? 'NotReady' : 'Unknown',
    Reason: ready?.reason ?? 'NeverReported',
    Cordoned: spec?.unschedulable === true,
    LastHeartbeatAt: lease?.spec?.renewTime ?? NEVER,
  };
}
