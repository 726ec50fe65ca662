/** Which fields differ between two JSON values, as people name them: `spec.env[GREETING].value`. */
import { isRecord, isSameJson } from './json.ts';

export interface FieldChange {
  /** `spec.template.spec.image`, `metadata.labels["app.kubernetes.io/name"]`, `spec.env[GREETING].value`, `spec.args[2]`. */
  readonly path: string;
  readonly operation: 'added' | 'removed' | 'changed';
  /** Undefined where it was added. */
  readonly before: unknown;
  /** Undefined where it was removed. */
  readonly after: unknown;
}

/** What names an item of a list of objects, the first that all items have and none has twice. */
const LIST_KEYS = ['name', 'mountPath', 'containerPort', 'key', 'type'] as const;

/**
 * In the order of the newer value's fields, then those that are gone. A value that is absent on one side is one change,
 * whatever it holds. Items of lists that have names are matched by them, others by position.
 */
export function fieldChanges(before: unknown, after: unknown, path = ''): readonly FieldChange[] {
  if (isSameJson(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    return keysOf(before, after).flatMap((key) =>
      fieldChanges(before[key], after[key], fieldPath(path, key)),
    );
  }
  if (Array.isArray(before) && Array.isArray(after)) return itemChanges(before, after, path);
  const operation = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ path, operation, before, after }];
}

function itemChanges(before: readonly unknown[], after: readonly unknown[], path: string): FieldChange[] {
  const key = LIST_KEYS.find((candidate) => isNamedBy(before, candidate) && isNamedBy(after, candidate));
  if (key === undefined) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, at) => fieldChanges(before[at], after[at], `${path}[${at}]`)).flat();
  }
  const left = byName(before, key);
  const right = byName(after, key);
  const names = [...right.keys(), ...[...left.keys()].filter((name) => !right.has(name))];
  const changes = names.flatMap((name) => fieldChanges(left.get(name), right.get(name), `${path}[${name}]`));
  // The same items in another order: a change all the same, and none of one item.
  return changes.length > 0 ? changes : [{ path, operation: 'changed', before, after }];
}

function isNamedBy(items: readonly unknown[], key: string): boolean {
  const names = items.map((item) => (isRecord(item) ? item[key] : undefined));
  return (
    names.every((name) => typeof name === 'string' || typeof name === 'number') &&
    new Set(names).size === names.length
  );
}

function byName(items: readonly unknown[], key: string): Map<string, unknown> {
  return new Map(items.map((item) => [isRecord(item) ? String(item[key]) : '', item]));
}

function keysOf(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(after), ...Object.keys(before)])];
}

function fieldPath(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
