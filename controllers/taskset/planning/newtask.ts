/** A task of a set, as it is made from one of the set's revisions. Pure. */
import { LABEL_REVISION, LABEL_TASKSET, LABEL_WORKER } from '../../../machinery/labels.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import { taskSets, tasks } from '../../../schemas/kinds.ts';
import type { Task, TaskSet } from '../../../schemas/types.gen.ts';
import { controllerReference } from '../../revisions/revision.ts';
import { snapshotTemplate, type TaskSetRevisionData } from '../../revisions/snapshots.ts';
import type { TaskSetAction } from '../types.ts';

/** @param hash the revision's label. */
export function taskOfSet(
  set: TaskSet,
  { name, worker }: Extract<TaskSetAction, { kind: 'create' }>,
  data: TaskSetRevisionData,
  hash: string,
): Task {
  const { namespace } = set.metadata;
  const { metadata, spec } = snapshotTemplate(data);
  const { labels, annotations } = metadata ?? {};
  return {
    apiVersion: apiVersionOf(tasks),
    kind: tasks.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, [LABEL_TASKSET]: set.metadata.name, [LABEL_REVISION]: hash },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ownerReferences: [controllerReference(taskSets, set)],
    },
    spec:
      worker === undefined
        ? { ...spec }
        : { ...spec, workerSelector: { ...spec.workerSelector, [LABEL_WORKER]: worker } },
  };
}
