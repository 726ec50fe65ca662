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
