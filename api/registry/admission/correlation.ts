/**
 * Which old value a new one stands in for: fields and map entries by their name, items of map lists by their keys,
 * items of any other list not at all. And from it ratcheting: what an update does not touch does not speak against it.
 * Source: Kubernetes documentation, "Validation ratcheting"; apiserver `pkg/cel/common` CorrelatedObject.
 */
import { isRecord, isSameJson } from '../../../machinery/json.ts';
import type { Schema } from '../../../schemas/crd.ts';

/** The item of the old list with the same keys; items of other lists have no past of their own. */
export function correlatedItem(schema: Schema, item: unknown, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old))
    return undefined;
  return old.find(
    (candidate: unknown) =>
      isRecord(candidate) && isRecord(item) && keys.every((key) => candidate[key] === item[key]),
  );
}

/** Whether the value at a JSON pointer, or anything around it, is what it was. */
export function isUntouched(schema: Schema, object: unknown, old: unknown, pointer: string): boolean {
  let part: Schema | undefined = schema;
  let value = object;
  let before = old;
  for (const step of pointer.split('/').slice(1)) {
    if (before === undefined || before === null) return false;
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) {
      if (isSameJson(value, before)) return true;
      const item: unknown = value[Number(key)];
      before = part === undefined ? undefined : correlatedItem(part, item, before);
      value = item;
      part = part?.items;
    } else {
      if (!isRecord(value) || !isRecord(before)) return false;
      const known: Schema | undefined = part?.properties?.[key];
      const rest: Schema | boolean | undefined = part?.additionalProperties;
      part = known ?? (typeof rest === 'object' ? rest : undefined);
      value = value[key];
      before = Object.hasOwn(before, key) ? before[key] : undefined;
    }
  }
  return before !== undefined && isSameJson(value, before);
}
