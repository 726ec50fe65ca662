/** Names of tasks: they follow from what a task is for, so that creating twice is creating once. Pure. */
import { childName } from '../../../machinery/names.ts';
import type { TaskSetAction } from '../types.ts';
import type { Coming } from './replicated.ts';
import type { SetView } from './view.ts';

/** A pass stays short; the next one goes on. */
export const MAX_CREATES = 50;
const SHORT_HASH = 5;

export interface Creates {
  readonly creates: readonly Extract<TaskSetAction, { kind: 'create' }>[];
  /** More are wanted than one pass makes. */
  readonly isCut: boolean;
}

/** A name is free once its task is gone, not when it is on its way out. */
export function createsOf(view: SetView, coming: readonly Coming[]): Creates {
  const { world, set, leaving } = view;
  const used = new Set([
    ...world.tasks.map(({ metadata }) => metadata.name),
    ...leaving.map(({ task }) => task),
    ...(world.taken ?? []),
  ]);
  const creates: Extract<TaskSetAction, { kind: 'create' }>[] = [];
  for (const { revision, worker, reason } of coming.slice(0, MAX_CREATES)) {
    const short = revision.slice(set.metadata.name.length + 1).slice(0, SHORT_HASH);
    if (worker !== undefined) {
      const name = childName([set.metadata.name, short, worker]);
      if (!used.has(name)) creates.push({ kind: 'create', name, revision, worker, reason });
      continue;
    }
    let ordinal = 0;
    while (used.has(childName([set.metadata.name, short, ordinal]))) ordinal++;
    const name = childName([set.metadata.name, short, ordinal]);
    used.add(name);
    creates.push({ kind: 'create', name, revision, reason });
  }
  return { creates, isCut: coming.length > MAX_CREATES };
}
