/** What the Task of a try is called: a name that follows from Run, step and attempt, so that making it twice is once. */
import { childName } from '../../../machinery/names.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';

const UID_PART = 8;

/** The second one is for when somebody else has the first. */
export function taskNames({ metadata }: Run, step: string, attempt: number): readonly [string, string] {
  const { name, uid = '' } = metadata;
  return [
    childName([name, step, attempt]),
    childName([name, step, attempt, uid.replaceAll('-', '').slice(0, UID_PART)]),
  ];
}

export function isControlledBy(task: Task, { metadata: { uid } }: Run): boolean {
  return (
    task.metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true
  );
}
