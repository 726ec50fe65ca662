/** What is known of ConfigMaps and Secrets, and what of them a Task cannot do without. */
import type { KubeObject } from '../../../machinery/meta.ts';
import { configMaps, secrets } from '../../../schemas/kinds.ts';
import { type InputKind, taskReferences } from '../../../schemas/taskreferences.ts';
import type { ConfigMap, Secret, Task } from '../../../schemas/types.gen.ts';
import { resolveInputs } from '../../task/inputs/resolve.ts';
import type { PlanFacts } from './types.ts';

export type Content = ConfigMap | Secret;

/** Reason of a Task that waits for what its container is made with. */
export const MISSING_INPUT = 'CreateContainerConfigError';

/** `configmaps:default/settings` */
export function contentKey(kind: InputKind, namespace: string, name: string): string {
  return `${kind}:${namespace}/${name}`;
}

/** What is in the way of its container, in a sentence; what could not be read is taken to be there. */
export function missingInput(task: Task, { contents }: PlanFacts): string | undefined {
  const { namespace = '' } = task.metadata;
  const context = { worker: task.spec.workerName ?? '', publishAddress: '', allocatable: undefined };
  const { inputs } = resolveInputs(task, context, (kind, name) => {
    const key = contentKey(kind, namespace, name);
    const object = contents.get(key);
    if (object !== undefined) return { kind: 'object', object };
    return contents.has(key) ? { kind: 'absent' } : { kind: 'unread' };
  });
  return inputs.kind === 'missing' ? inputs.message : undefined;
}

/** The contents that a Task reads while it runs. */
export function contentsOf({ metadata, spec }: Pick<Task, 'metadata' | 'spec'>): readonly string[] {
  const { imagePullSecrets: _, ...rest } = spec;
  return taskReferences(rest).map(({ kind, name }) => contentKey(kind, metadata.namespace ?? '', name));
}

export function inputKindOf({ apiVersion, kind }: KubeObject): InputKind | undefined {
  if (apiVersion !== 'v1') return undefined;
  return kind === configMaps.kind ? 'configmaps' : kind === secrets.kind ? 'secrets' : undefined;
}
