/**
 * Which ConfigMaps and Secrets a Task refers to, all in its own namespace. Pure, and the one place that knows: what a
 * worker watches and what it may read are both made from this, so that neither can be more than the other.
 */
import { isRecord } from '../machinery/json.ts';

export type InputKind = 'configmaps' | 'secrets';

export interface TaskReference {
  readonly kind: InputKind;
  readonly name: string;
}

/** Each once, in the order of the spec. Reads what it knows and passes over everything else, whatever is stored. */
export function taskReferences(spec: unknown): readonly TaskReference[] {
  if (!isRecord(spec)) return [];
  const found = new Map<string, TaskReference>();
  const add = (kind: InputKind, holder: unknown, field = 'name'): void => {
    const name = isRecord(holder) ? holder[field] : undefined;
    if (typeof name === 'string' && name !== '') found.set(`${kind}/${name}`, { kind, name });
  };
  for (const { configMapRef, secretRef } of recordsIn(spec['envFrom'])) {
    add('configmaps', configMapRef);
    add('secrets', secretRef);
  }
  for (const { valueFrom } of recordsIn(spec['env'])) {
    if (!isRecord(valueFrom)) continue;
    add('configmaps', valueFrom['configMapKeyRef']);
    add('secrets', valueFrom['secretKeyRef']);
  }
  for (const { configMap, secret } of recordsIn(spec['volumes'])) {
    add('configmaps', configMap);
    add('secrets', secret, 'secretName');
  }
  for (const pullSecret of recordsIn(spec['imagePullSecrets'])) add('secrets', pullSecret);
  return [...found.values()];
}

function recordsIn(list: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/**
 * The spec with other names in the same places; references for which `rename` gives nothing, and pull secrets, stay as
 * they are, and so does the spec itself where none changes.
 */
export function withRenamedReferences<T>(
  spec: T,
  rename: (reference: TaskReference) => string | undefined,
): T {
  if (!isRecord(spec)) return spec;
  const holder = (kind: InputKind, value: unknown, field = 'name'): unknown => {
    const name = isRecord(value) ? value[field] : undefined;
    if (!isRecord(value) || typeof name !== 'string') return value;
    const next = rename({ kind, name });
    return next === undefined || next === name ? value : { ...value, [field]: next };
  };
  const parts = (value: unknown, names: { readonly configMap: string; readonly secret: string }): unknown => {
    if (!isRecord(value)) return value;
    const { configMap, secret } = names;
    let changed = changedIn(value, configMap, holder('configmaps', value[configMap]));
    const secretField = secret === 'secret' ? 'secretName' : 'name';
    changed = changedIn(changed, secret, holder('secrets', value[secret], secretField));
    return changed;
  };
  const inList = (list: unknown, change: (item: unknown) => unknown): unknown => {
    if (!Array.isArray(list)) return list;
    const next = list.map(change);
    return next.some((item, index) => item !== list[index]) ? next : list;
  };
  let next: Record<string, unknown> = spec;
  next = changedIn(
    next,
    'envFrom',
    inList(spec['envFrom'], (item) => parts(item, { configMap: 'configMapRef', secret: 'secretRef' })),
  );
  next = changedIn(
    next,
    'env',
    inList(spec['env'], (item) => {
      if (!isRecord(item)) return item;
      const names = { configMap: 'configMapKeyRef', secret: 'secretKeyRef' };
      return changedIn(item, 'valueFrom', parts(item['valueFrom'], names));
    }),
  );
  next = changedIn(
    next,
    'volumes',
    inList(spec['volumes'], (item) => parts(item, { configMap: 'configMap', secret: 'secret' })),
  );
  // Only names were changed, and they are text as before.
  return next as T;
}

function changedIn(record: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  return record[key] === value ? record : { ...record, [key]: value };
}
