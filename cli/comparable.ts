/**
 * Objects as they are put side by side: without what every write changes, and what is in Secrets only as whether it
 * is the same.
 */
import { isRecord, isSameJson } from '../machinery/json.ts';
import { ANNOTATION_TRACE } from '../machinery/labels.ts';
import type { DynamicObject } from '../machinery/meta.ts';
import { LAST_APPLIED } from './lastapplied.ts';

export interface Comparison {
  readonly before: DynamicObject | undefined;
  readonly after: DynamicObject | undefined;
}

/** Differ whenever anything does, and say nothing that is declared. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['managedFields', 'resourceVersion', 'generation']);
const SECRET_FIELDS = ['data', 'stringData'] as const;

export function comparable({ before, after }: Comparison, hasStatus: boolean): Comparison {
  const masked = maskSecret(before, after);
  return { before: stripped(masked.before, hasStatus), after: stripped(masked.after, hasStatus) };
}

function stripped(object: DynamicObject | undefined, hasStatus: boolean): DynamicObject | undefined {
  if (object === undefined) return undefined;
  const { status, metadata, ...rest } = object;
  const { annotations = {}, ...meta } = metadata;
  const { [LAST_APPLIED]: _told, [ANNOTATION_TRACE]: _trace, ...told } = annotations;
  return {
    ...rest,
    metadata: {
      name: meta.name,
      ...Object.fromEntries(Object.entries(meta).filter(([field]) => !BOOKKEEPING.has(field))),
      ...(Object.keys(told).length === 0 ? {} : { annotations: told }),
    },
    ...(hasStatus && status !== undefined ? { status } : {}),
  };
}

/** As kubectl diff masks them. */
function maskSecret(before: DynamicObject | undefined, after: DynamicObject | undefined): Comparison {
  const { kind, apiVersion } = after ?? before ?? {};
  if (kind !== 'Secret' || apiVersion !== 'v1') return { before, after };
  let [left, right] = [before, after];
  for (const field of SECRET_FIELDS) {
    const [old, young] = [left?.[field], right?.[field]];
    if (left !== undefined && isRecord(old)) left = { ...left, [field]: masked(old, young, ' (before)') };
    if (right !== undefined && isRecord(young)) right = { ...right, [field]: masked(young, old, ' (after)') };
  }
  return { before: left, after: right };
}

function masked(values: Record<string, unknown>, others: unknown, mark: string): Record<string, string> {
  const isElsewhere = (key: string): boolean => isRecord(others) && Object.hasOwn(others, key);
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      isElsewhere(key) && isRecord(others) && !isSameJson(others[key], value) ? `***${mark}` : '***',
    ]),
  );
}
