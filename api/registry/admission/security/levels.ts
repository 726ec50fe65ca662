/**
 * The security level of a namespace: how much of its worker a Task in it may ask for. Pure.
 * Source of the levels: Kubernetes documentation, "Pod Security Standards"; of what an unreadable label means: its
 * "Pod Security Admission".
 */
import { LABEL_SECURITY } from '../../../../machinery/labels.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { type FieldProblem, unsupported } from '../fielderrors.ts';

/** From the most that may be asked for to the least. */
export const SECURITY_LEVELS = ['privileged', 'baseline', 'restricted'] as const;

export type SecurityLevel = (typeof SECURITY_LEVELS)[number];

export const DEFAULT_LEVEL: SecurityLevel = 'baseline';

/** The label's; without one baseline. What is no level, from before labels were checked, counts as the strictest. */
export function securityLevelOf(namespace: DynamicObject | undefined): SecurityLevel {
  const value = namespace?.metadata.labels?.[LABEL_SECURITY];
  if (value === undefined) return DEFAULT_LEVEL;
  return SECURITY_LEVELS.find((level) => level === value) ?? 'restricted';
}

/** Whether `next` lets less through than `level`. */
export function isTighter(next: SecurityLevel, level: SecurityLevel): boolean {
  return SECURITY_LEVELS.indexOf(next) > SECURITY_LEVELS.indexOf(level);
}

/** What is wrong with a Namespace's label. One that was there before stays everybody's to take away. */
export function securityLabelProblems(
  after: DynamicObject,
  before: DynamicObject | undefined,
): FieldProblem[] {
  const value = after.metadata.labels?.[LABEL_SECURITY];
  if (value === undefined || value === before?.metadata.labels?.[LABEL_SECURITY]) return [];
  if (SECURITY_LEVELS.some((level) => level === value)) return [];
  return [unsupported(`metadata.labels[${LABEL_SECURITY}]`, value, SECURITY_LEVELS)];
}
