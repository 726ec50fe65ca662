/** metav1.Condition, and the one way to set one: the transition time moves only when the status does. */
import { timestamp } from './clock.ts';

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

export type ConditionInput = Omit<Condition, 'lastTransitionTime'>;

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** The list with one condition set; the very same list when nothing changed. */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  next: ConditionInput,
  nowMs: number,
): readonly Condition[] {
  const old = findCondition(conditions, next.type);
  if (
    old !== undefined &&
    old.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    old.observedGeneration === next.observedGeneration
  ) {
    return conditions ?? [];
  }
  const isSameStatus = old?.status === next.status;
  const set: Condition = {
    ...next,
    lastTransitionTime: isSameStatus ? old.lastTransitionTime : timestamp(nowMs),
  };
  const others = (conditions ?? []).filter((condition) => condition.type !== next.type);
  return [...others, set].sort((a, b) => (a.type < b.type ? -1 : 1));
}
