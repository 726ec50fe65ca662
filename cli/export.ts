/**
 * `--export`: an object without what the server and the controllers own, so that it can be applied again, also where it
 * was deleted since or lives in another cluster.
 */
import { isRecord } from '../machinery/json.ts';
import { ANNOTATION_TRACE } from '../machinery/labels.ts';
import type { DynamicObject, ObjectMeta } from '../machinery/meta.ts';
import { LAST_APPLIED } from './lastapplied.ts';

/**
 * An owner is left out because it is named by a uid: of an owner that is gone, what is made anew would be collected as
 * garbage.
 */
const KEPT_METADATA: ReadonlySet<string> = new Set(['name', 'namespace', 'labels']);
const SERVER_ANNOTATIONS: ReadonlySet<string> = new Set([LAST_APPLIED, ANNOTATION_TRACE]);
/** What has its own subresource for being written: the binding of a Task, who finishes a Namespace. */
const SPEC_OF_OTHERS: Readonly<Record<string, readonly string[]>> = {
  Task: ['workerName', 'bindingEpoch'],
  Namespace: ['finalizers'],
};

export function exported({ status: _seen, metadata, ...rest }: DynamicObject): DynamicObject {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([name]) => !SERVER_ANNOTATIONS.has(name),
  );
  const kept: ObjectMeta = {
    name: metadata.name,
    ...Object.fromEntries(Object.entries(metadata).filter(([field]) => KEPT_METADATA.has(field))),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
  };
  const others = SPEC_OF_OTHERS[rest.kind] ?? [];
  if (!isRecord(rest['spec']) || others.length === 0) return { ...rest, metadata: kept };
  const spec = Object.fromEntries(Object.entries(rest['spec']).filter(([field]) => !others.includes(field)));
  return { ...rest, metadata: kept, ...(Object.keys(spec).length === 0 ? {} : { spec }) };
}
