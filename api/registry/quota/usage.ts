/**
 * What one object counts for against a ResourceQuota: one of its kind and, for a Task that has not ended, what its
 * container may use. Figures are whole numbers: objects, thousandths of a core, bytes.
 * Source: Kubernetes documentation, "Resource Quotas"; a Task here is what a Pod is there.
 */
import { isRecord, readPath } from '../../../machinery/json.ts';
import { type DynamicObject, qualifiedName } from '../../../machinery/meta.ts';
import {
  formatBytes,
  formatMilli,
  milliUnits,
  parseQuantity,
  wholeUnits,
} from '../../../machinery/quantity.ts';

/** Amounts by the name a quota has for them. */
export type Amounts = ReadonlyMap<string, number>;

type Kind = Parameters<typeof qualifiedName>[0];

/** The resource whose objects' needs are summed up. */
export const TASKS = 'tasks.gantry.dev';
const COUNT = 'count/';
/** Kinds of the core group that a quota may name without `count/`. */
const SHORT =
  /^(?:configmaps|secrets|resourcequotas|services|replicationcontrollers|persistentvolumeclaims)$/;
/** Phases in which a container neither runs nor will. */
const ENDED: ReadonlySet<unknown> = new Set(['Succeeded', 'Failed']);
const SUMMED = ['cpu', 'memory', 'ephemeral-storage'] as const;

/** The resource whose objects an amount counts, such as `tasks.gantry.dev`; undefined for a sum over Tasks. */
export function countedResource(name: string): string | undefined {
  if (name.startsWith(COUNT)) return name.slice(COUNT.length);
  return SHORT.test(name) ? name : undefined;
}

/** Whether objects of a kind count for an amount at all. */
export function isCounted(name: string, kind: Kind): boolean {
  const resource = countedResource(name);
  return resource === undefined ? isTask(kind) : resource === qualifiedName(kind);
}

/** The sums a Task counts for; nothing for one that has ended, and for any other kind. */
export function taskAmounts(kind: Kind, object: DynamicObject | undefined): Amounts {
  const amounts = new Map<string, number>();
  if (object === undefined || !isTask(kind) || hasEnded(object)) return amounts;
  amounts.set('pods', 1);
  for (const resource of SUMMED) {
    const limit = readPath(object, ['spec', 'resources', 'limits', resource]);
    // A limit without a request is a request too.
    const request = readPath(object, ['spec', 'resources', 'requests', resource]) ?? limit;
    if (isAmount(request)) {
      amounts.set(resource, parseAmount(resource, request));
      amounts.set(`requests.${resource}`, parseAmount(resource, request));
    }
    if (isAmount(limit)) amounts.set(`limits.${resource}`, parseAmount(resource, limit));
  }
  return amounts;
}

/** Changed since its end was told, and still to run, it will be placed anew: that is the moment to ask for room. */
function hasEnded(task: DynamicObject): boolean {
  if (!ENDED.has(readPath(task, ['status', 'phase']))) return false;
  const { generation, deletionTimestamp } = task.metadata;
  const seen = readPath(task, ['status', 'observedGeneration']);
  const isStill = seen === undefined || seen === generation || deletionTimestamp !== undefined;
  return isStill || readPath(task, ['spec', 'desiredState']) === 'Stopped';
}

/** Every sum that a quota may limit must be said, or it could not be counted. */
export function isSum(name: string): boolean {
  return SUMMED.some(
    (resource) => name === resource || name === `requests.${resource}` || name === `limits.${resource}`,
  );
}

/** The amount a quantity says. For values that passed validation; negative ones count as zero. */
export function parseAmount(name: string, quantity: string | number): number {
  if ((parseQuantity(quantity) ?? 0n) < 0n) return 0;
  return isCpu(name) ? milliUnits(quantity) : wholeUnits(quantity);
}

export function formatAmount(name: string, amount: number): string {
  if (isCpu(name)) return formatMilli(amount);
  return /(?:memory|storage)$/.test(name) ? formatBytes(amount) : String(amount);
}

/** A quota's limits that say an amount. */
export function limitsIn(hard: unknown): Amounts {
  const limits = new Map<string, number>();
  for (const [name, quantity] of isRecord(hard) ? Object.entries(hard) : []) {
    if (isAmount(quantity)) limits.set(name, parseAmount(name, quantity));
  }
  return limits;
}

function isAmount(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function isCpu(name: string): boolean {
  return /(?:^|\.)cpu$/.test(name);
}

function isTask(kind: Kind): boolean {
  return qualifiedName(kind) === TASKS;
}
