/** Why a TaskSet is not what was asked for. Pure: its conditions, and those of its Tasks that are not Ready. */
import { NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyFacts } from '../../../machinery/why.ts';
import { type Findings, unique, withDeletion } from './findings.ts';
import { called, conditionOf, numberOf, said, specOf, statusOf, textOf } from './readings.ts';
import { taskFindings, taskWords } from './task.ts';

const TOLD_TASKS = 5;

export function taskSetFindings(set: DynamicObject, facts: WhyFacts): Findings {
  const status = statusOf(set);
  const desired = numberOf(status['desiredReplicas']);
  const ready = numberOf(status['readyReplicas']) ?? 0;
  const available = numberOf(status['availableReplicas']) ?? 0;
  const progress = conditionOf(set, 'Progressing');
  const refused = conditionOf(set, 'ReplicaFailure');
  const troubled = facts.related.flatMap(({ role, object }) =>
    role === 'owned' && object.kind === 'Task' && conditionOf(object, 'Ready')?.status !== 'True'
      ? [object]
      : [],
  );
  const shown = troubled.slice(0, TOLD_TASKS);
  const isWhole =
    desired !== undefined && available >= desired && progress?.reason === 'NewRevisionAvailable';
  const figures =
    desired === undefined
      ? 'its controller has not looked at it yet'
      : `${ready} of ${desired} tasks are Ready, ${available} available`;
  const words = progress === undefined ? '' : `; ${said(progress.reason, progress.message)}`;
  const failure =
    refused?.status === 'True' ? [`tasks could not be made: ${said(refused.reason, refused.message)}`] : [];
  const more =
    troubled.length > shown.length ? [`and ${troubled.length - shown.length} more tasks are not Ready`] : [];
  return withDeletion(set, {
    state: isWhole ? 'Complete' : (progress?.reason ?? 'New'),
    ...(progress === undefined ? {} : { reason: progress.reason }),
    summary: isWhole
      ? `${figures}, all of ${textOf(status['currentRevision']) ?? 'one revision'}`
      : `${figures}${words}`,
    causes: [...failure, ...shown.map(taskWords), ...more],
    next: isWhole ? [] : nextOf(set),
    needs: unique([
      ...needsOf(set),
      ...(refused?.status === 'True' ? [`what refused its tasks put right: ${refused.message}`] : []),
      ...shown.flatMap((task) => {
        const { needs } = taskFindings(task, { ...facts, object: task, related: [] }, []);
        return needs.map((need) => `for ${called(task)}: ${need}`);
      }),
    ]),
    placement: [],
  });
}

function nextOf(set: DynamicObject): Findings['next'] {
  switch (conditionOf(set, 'Progressing')?.reason) {
    case 'Paused':
      return [{ message: 'a change of the template waits until it is resumed' }];
    case 'CanaryWaiting':
      return [{ message: 'the rest waits until somebody promotes the canaries, or takes them back' }];
    case 'ProgressDeadlineExceeded':
      return [{ message: 'it goes on trying with the same revision' }];
    case undefined:
      return [{ message: 'its controller looks at it' }];
    default:
      return [{ message: 'the next task is replaced when one that was made is available' }];
  }
}

function needsOf(set: DynamicObject): readonly string[] {
  const { name, namespace } = set.metadata;
  const called =
    namespace === undefined || namespace === NAMESPACE_DEFAULT
      ? `taskset/${name}`
      : `taskset/${name} -n ${namespace}`;
  // Of a first revision there is nothing to go back to.
  const hasStable = textOf(statusOf(set)['lastStableRevision']) !== undefined;
  const undo = hasStable ? `, or gantry rollout undo ${called}` : '';
  const needs: string[] = [];
  if (specOf(set)['paused'] === true) needs.push(`spec.paused false (gantry rollout resume ${called})`);
  switch (conditionOf(set, 'Progressing')?.reason) {
    case 'CanaryWaiting':
      needs.push(`gantry rollout promote ${called}${undo}`);
      break;
    case 'ProgressDeadlineExceeded':
      needs.push(`a template whose tasks become available${undo}`);
      break;
    case 'RolledBack':
      needs.push('another spec.template: the one that is there was given up');
      break;
    case 'RevisionUnknown':
      needs.push('what the template is made from readable again');
      break;
    case undefined:
    default:
      break;
  }
  return needs;
}
