/** Workers as the agents of the dispatch API: of which type, whether they are there, what they have and what is used. Pure. */
import { findCondition } from '../../../machinery/conditions.ts';
import { LABEL_AGENT_TYPE, LABEL_JOB, LABEL_RUN } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { formatBytes, formatMilli, milliUnits, wholeUnits } from '../../../machinery/quantity.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Lease, Task, Worker } from '../../../schemas/types.gen.ts';
import type { StoredObject } from '../../registry/types.ts';

export const AGENT_STATES = ['online', 'offline', 'busy'] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export const DEFAULT_TYPE = 'worker';

export interface Amounts {
  readonly cpu: string;
  readonly memory: string;
}

export interface Agent {
  readonly agent_id: string;
  readonly agent_type: string;
  readonly status: AgentState;
  readonly resources: {
    readonly capacity: Readonly<Record<string, string>>;
    readonly allocatable: Readonly<Record<string, string>>;
    /** What its tasks have asked for; null where who asks may not see them. */
    readonly used: (Amounts & { readonly tasks: number }) | null;
  };
  readonly last_heartbeat_at: string | null;
}

/** What the tasks of one worker hold of it. */
interface Held {
  milliCpu: number;
  memoryBytes: number;
  tasks: number;
  /** Tasks of Runs of a TaskTemplate. */
  dispatched: number;
}

export type Holding = Readonly<Held>;

const held = new WeakMap<readonly StoredObject[], ReadonlyMap<string, Holding>>();

/** Of each worker. Counted once for a list: it is the same one as long as nothing in it has changed. */
export function heldIn(items: readonly StoredObject[]): ReadonlyMap<string, Holding> {
  const known = held.get(items);
  if (known !== undefined) return known;
  const counts = new Map<string, Held>();
  for (const { object } of items) {
    if (!isTask(object) || hasEnded(object)) continue;
    const worker = object.spec.workerName;
    if (worker === undefined) continue;
    let count = counts.get(worker);
    if (count === undefined) {
      counts.set(worker, (count = { milliCpu: 0, memoryBytes: 0, tasks: 0, dispatched: 0 }));
    }
    const { requests, limits } = object.spec.resources ?? {};
    count.milliCpu += milliUnits(requests?.cpu ?? limits?.cpu ?? 0);
    count.memoryBytes += wholeUnits(requests?.memory ?? limits?.memory ?? 0);
    count.tasks += 1;
    const { labels = {} } = object.metadata;
    if (labels[LABEL_RUN] !== undefined && labels[LABEL_JOB] === undefined) count.dispatched += 1;
  }
  held.set(items, counts);
  return counts;
}

function isTask(object: DynamicObject): object is DynamicObject & Task {
  return object.kind === tasks.kind;
}

function hasEnded({ status }: Task): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Stopped';
}

export function agentTypeOf({ metadata }: Worker): string {
  return metadata.labels?.[LABEL_AGENT_TYPE] ?? DEFAULT_TYPE;
}

export interface Seen {
  readonly lease: Lease | undefined;
  /** Undefined: unknown. */
  readonly held: Holding | undefined;
  readonly isHeldKnown: boolean;
}

export function agentOfWorker(
  worker: Worker,
  { lease, held: holds, isHeldKnown }: Seen,
  nowMs: number,
): Agent {
  const { capacity = {}, allocatable = {} } = worker.status ?? {};
  return {
    agent_id: worker.metadata.name,
    agent_type: agentTypeOf(worker),
    status: stateOf(worker, lease, holds, nowMs),
    resources: { capacity, allocatable, used: isHeldKnown ? usedOf(holds) : null },
    last_heartbeat_at: lease?.spec?.renewTime ?? null,
  };
}

function usedOf(holds: Holding | undefined): Amounts & { readonly tasks: number } {
  const { milliCpu = 0, memoryBytes = 0, tasks: count = 0 } = holds ?? {};
  return { cpu: formatMilli(milliCpu), memory: formatBytes(memoryBytes), tasks: count };
}

/** The Ready condition is told from the lease by whoever watches it; the lease itself, where nobody does. */
function stateOf(
  worker: Worker,
  lease: Lease | undefined,
  holds: Holding | undefined,
  nowMs: number,
): AgentState {
  const isReady = findCondition(worker.status?.conditions, 'Ready')?.status === 'True';
  if (!isReady || isOverdue(lease, nowMs)) return 'offline';
  return (holds?.dispatched ?? 0) > 0 ? 'busy' : 'online';
}

function isOverdue(lease: Lease | undefined, nowMs: number): boolean {
  const { renewTime, leaseDurationSeconds } = lease?.spec ?? {};
  if (renewTime === undefined || leaseDurationSeconds === undefined) return false;
  return nowMs - Date.parse(renewTime) > leaseDurationSeconds * 1000;
}
