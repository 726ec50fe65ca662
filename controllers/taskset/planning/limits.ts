/** How many there should be, and how far a rollout may go from that. Pure. */
import type { TaskSet } from '../../../schemas/types.gen.ts';
import { demandOf } from '../../scheduler/demand.ts';

export interface Limits {
  readonly desired: number;
  readonly surge: number;
  readonly unavailable: number;
  /** What is promised: so many stay available while tasks are replaced. */
  readonly floor: number;
  /** A port of the worker can be held by one task only: the old one stops before the new one starts. */
  readonly isStopFirst: boolean;
}

export function limitsOf(set: TaskSet, desired: number): Limits {
  const { strategy = {}, template } = set.spec;
  if (strategy.type === 'Recreate') {
    return { desired, surge: 0, unavailable: desired, floor: 0, isStopFirst: false };
  }
  const isStopFirst = hasFixedPort(template);
  const surge = isStopFirst ? 0 : resolved(strategy.maxSurge ?? '25%', desired, Math.ceil);
  const asked = resolved(strategy.maxUnavailable ?? '25%', desired, Math.floor);
  const unavailable = Math.min(desired, surge === 0 ? Math.max(1, asked) : asked);
  return { desired, surge, unavailable, floor: desired - unavailable, isStopFirst };
}

export function hasFixedPort(template: TaskSet['spec']['template']): boolean {
  const spec = { ...template.spec, restartPolicy: 'Always' as const };
  const { hostPorts } = demandOf({ apiVersion: '', kind: '', metadata: { name: '' }, spec });
  return hostPorts.length > 0;
}

function resolved(value: number | string, desired: number, round: (figure: number) => number): number {
  if (typeof value === 'number') return value;
  // Percent times a whole number first: 0.07 * 100 is more than 7.
  return round((Number.parseInt(value, 10) * desired) / 100);
}
