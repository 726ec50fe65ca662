/**
 * The way from kubectl's client-side apply to server-side apply: what the last-applied annotation says and still holds is
 * kubectl's own, whatever manager's name it was written under; and the annotation follows what kubectl applies, so that
 * going back works too. Both only for the manager `kubectl`: another name opts out.
 * Source: apimachinery `managedfields` (lastappliedmanager, lastappliedupdater).
 */
import { isRecord } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { appliedSet, compareValues } from './compare.ts';
import { differenceOf, type FieldSet, isEmptySet, setOf, unionOf } from './fieldset.ts';
import type { Conflict } from './ownership.ts';
import type { Shape } from './shape.ts';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
export const KUBECTL = 'kubectl';
/** All annotations together; a configuration too large for that is not kept. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** The conflicts that the annotation does not explain. */
export function unexplained(
  shape: Shape,
  live: DynamicObject,
  conflicts: readonly Conflict[],
): readonly Conflict[] {
  const explained = explainedBy(shape, live);
  return explained === undefined
    ? conflicts
    : conflicts.filter(({ path }) => !isEmptySet(differenceOf(setOf([path]), explained)));
}

/** Fields that were applied last and are still as they were applied. */
function explainedBy(shape: Shape, live: DynamicObject): FieldSet | undefined {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  let last: unknown;
  try {
    last = JSON.parse(text);
  } catch {
    // Not written by kubectl: it explains nothing.
    return undefined;
  }
  if (!isRecord(last)) return undefined;
  const { added, modified, removed } = compareValues(shape, last, live);
  return differenceOf(appliedSet(shape, last), unionOf(unionOf(added, modified), removed));
}

/** The object with the annotation saying what was applied now, if it has the annotation at all. */
export function withLastApplied(
  object: Readonly<Record<string, unknown>>,
  wish: unknown,
): Record<string, unknown> {
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  if (annotations[LAST_APPLIED] === undefined) return object;
  const { [LAST_APPLIED]: _old, ...others } = annotations;
  const next: Record<string, unknown> = {
    ...others,
    [LAST_APPLIED]: `${JSON.stringify(withoutItself(wish))}\n`,
  };
  const bytes = Object.entries(next).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
  return {
    ...object,
    metadata: { ...metadata, annotations: bytes > MAX_ANNOTATION_BYTES ? others : next },
  };
}

function withoutItself(wish: unknown): unknown {
  if (!isRecord(wish) || !isRecord(wish['metadata'])) return wish;
  const { annotations, ...metadata } = wish['metadata'];
  if (!isRecord(annotations)) return wish;
  const { [LAST_APPLIED]: _self, ...others } = annotations;
  return { ...wish, metadata: { ...metadata, annotations: others } };
}
