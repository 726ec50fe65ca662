/** What the revision of a set holds that its template, and what is in its ConfigMaps and Secrets now, make. Pure. */
import { isSameJson } from '../../../machinery/json.ts';
import type { TaskReference } from '../../../schemas/taskreferences.ts';
import type { ControllerRevision, TaskSet } from '../../../schemas/types.gen.ts';
import {
  revisionData,
  type SnapshotInput,
  snapshotName,
  type TaskSetRevisionData,
  type TemplateInputs,
} from '../../revisions/snapshots.ts';

/** `configmaps/settings` */
export function referenceKey({ kind, name }: TaskReference): string {
  return `${kind}/${name}`;
}

/** @param hashOf what is in a source now; undefined where there is none, or none that may be read. */
export function updateData(
  set: TaskSet,
  { template, references }: TemplateInputs,
  revisions: readonly ControllerRevision[],
  hashOf: (reference: TaskReference) => string | undefined,
): TaskSetRevisionData {
  const inputs: SnapshotInput[] = [];
  for (const reference of references) {
    const hash = reference.pinned?.hash ?? hashOf(reference) ?? lastHash(set, reference, template, revisions);
    if (hash === undefined) continue;
    const { kind, name } = reference;
    inputs.push({ kind, name, hash, snapshot: snapshotName(set.metadata.name, reference, hash) });
  }
  return { template, inputs };
}

/** What the same template had of it last. */
function lastHash(
  set: TaskSet,
  { kind, name }: TaskReference,
  template: TaskSetRevisionData['template'],
  revisions: readonly ControllerRevision[],
): string | undefined {
  const last = revisions.find(({ metadata }) => metadata.name === set.status?.updateRevision);
  const held = last === undefined ? undefined : revisionData(last);
  if (held === undefined || !isSameJson(held.template, template)) return undefined;
  return held.inputs.find((input) => input.kind === kind && input.name === name)?.hash;
}
