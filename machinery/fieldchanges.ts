/** Which fields differ between two JSON values, as people name them: `spec.env[GREETING].value`. */
import { isRecord } from './json.ts';

export interface FieldChange {
  /** `spec.template.spec.image`, `metadata.labels["app.kubernetes.io/name"]`, `spec.env[GREETING].value`, `spec.args[2]`. */
  readonly path: string;
  readonly operation: 'added' | 'removed' | 'changed';
  /** Undefined where it was added. */
  readonly before: unknown;
  /** Undefined where it was removed. */
  readonly after: unknown;
}

/** Which field, and what became of it: without the values, which may be secret. */
export type NamedChange = Pick<FieldChange, 'path' | 'operation'>;

/** What names an item of a list of objects, the first that all items have and none has twice. */
const LIST_KEYS = ['name', 'mountPath', 'containerPort', 'key', 'type'] as const;
/** Users choose keys: a path that is told is no longer. */
const MAX_PATH_LENGTH = 1024;

/**
 * In the order of the newer value's fields, then those that are gone. A value that is absent on one side is one change,
 * whatever it holds. Items of lists that have names are matched by them, others by position. Each value is looked at
 * once, however deep it is.
 */
export function fieldChanges(before: unknown, after: unknown, path = ''): readonly FieldChange[] {
  if (before === after) return [];
  if (isRecord(before) && isRecord(after)) {
    return keysOf(before, after).flatMap((key) => {
      const [old, now] = [ownField(before, key), ownField(after, key)];
      return old === now ? [] : fieldChanges(old, now, fieldPath(path, key));
    });
  }
  if (Array.isArray(before) && Array.isArray(after)) return itemChanges(before, after, path);
  const operation = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ path, operation, before, after }];
}

/** The first so many of them, as they are told to others. */
export function namedChanges(changes: readonly FieldChange[], most: number): readonly NamedChange[] {
  return changes.slice(0, most).map(({ path, operation }) => ({
    path: path.length <= MAX_PATH_LENGTH ? path : `${path.slice(0, MAX_PATH_LENGTH)}…`,
    operation,
  }));
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
  if (changes.length > 0) return changes;
  const places = [...left.keys()];
  // The same items in another order: a change all the same, and none of one item.
  const hasMoved = names.some((name, at) => name !== places[at]);
  return hasMoved ? [{ path, operation: 'changed', before, after }] : [];
}

function isNamedBy(items: readonly unknown[], key: string): boolean {
  const names = items.map((item) => (isRecord(item) ? ownField(item, key) : undefined));
  return (
    names.every((name) => typeof name === 'string' || typeof name === 'number') &&
    new Set(names.map(String)).size === names.length
  );
}

function byName(items: readonly unknown[], key: string): Map<string, unknown> {
  return new Map(items.map((item) => [isRecord(item) ? String(item[key]) : '', item]));
}

function keysOf(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(after), ...Object.keys(before)])];
}

/** Keys such as `constructor` are fields only where somebody wrote them. */
function ownField(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function fieldPath(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
