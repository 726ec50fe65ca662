/** What is known of ConfigMaps and Secrets, and what of them a Task cannot do without. */
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { resolveInputs } from '../../task/inputs/resolve.ts';
import type { PlanFacts } from './types.ts';

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
