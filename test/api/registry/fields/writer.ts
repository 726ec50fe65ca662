/** Writes of tasks under several managers' names, for tests of who owns what. */
import type { Patch, WriteOptions } from '../../../../machinery/client.ts';
import { isRecord } from '../../../../machinery/json.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../../../machinery/meta.ts';
import { tasks } from '../../../../schemas/kinds.ts';
import type { Task } from '../../../../schemas/types.gen.ts';
import type { World } from '../../../world.ts';

export const hello = { namespace: 'default', name: 'hello' };

export function wishOf(spec: object, metadata: object = {}): Record<string, unknown> {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name: 'hello', ...metadata },
    spec,
  };
}

export function applyAs(
  { admin }: World,
  fieldManager: string,
  body: unknown,
  options: WriteOptions & { readonly isForced?: boolean } = {},
): Promise<Task> {
  const { isForced = false, ...rest } = options;
  return admin.patch(tasks, hello, { type: 'apply', body, isForced }, { fieldManager, ...rest });
}

export function patchAs(
  { admin }: World,
  fieldManager: string,
  patch: Patch | { readonly type: 'merge'; readonly body: object },
  options: WriteOptions = {},
): Promise<Task> {
  return admin.patch(tasks, hello, patch, { fieldManager, ...options });
}

/** `Apply me`, `Update status agent`: who there is, in order. */
export function managersOf(object: KubeObject): string[] {
  return (object.metadata.managedFields ?? []).map(({ operation, subresource, manager }) =>
    [operation, subresource, manager].filter((part) => part !== undefined).join(' '),
  );
}

export function entryOf(object: KubeObject, manager: string): ManagedFieldsEntry {
  const found = object.metadata.managedFields?.find((entry) => entry.manager === manager);
  if (found === undefined) throw new Error(`no ${manager} among ${managersOf(object).join(', ')}`);
  return found;
}

/** A manager's fields as short paths: `spec.image`, `metadata.labels.app`; undefined when it owns none. */
export function fieldsOf(object: KubeObject, manager: string): string[] | undefined {
  const found = object.metadata.managedFields?.find((entry) => entry.manager === manager);
  return found === undefined ? undefined : pathsIn(found.fieldsV1);
}

function pathsIn(node: unknown, prefix = ''): string[] {
  if (!isRecord(node)) return [];
  const elements = Object.keys(node).filter((element) => element !== '.');
  const own = prefix !== '' && (elements.length === 0 || '.' in node) ? [prefix] : [];
  return [
    ...own,
    ...elements.flatMap((element) => {
      const text = element.startsWith('f:') ? element.slice(2) : `[${element.slice(2)}]`;
      const path = prefix === '' || text.startsWith('[') ? prefix + text : `${prefix}.${text}`;
      return pathsIn(node[element], path);
    }),
  ];
}
