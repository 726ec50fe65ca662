/**
 * How a rollout stands, judged from a TaskSet alone. Pure. An answer of the controller to an older spec is never taken
 * for one to the present spec.
 * Source of the order and the words: `kubectl rollout status` of a Deployment.
 */
import { type Condition, findCondition } from '../machinery/conditions.ts';
import type { TaskSet } from '../schemas/types.gen.ts';

export type RolloutState =
  | { readonly kind: 'done'; readonly text: string }
  /** It will not get there by itself. */
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'moving'; readonly text: string };

export function rolloutState(set: TaskSet): RolloutState {
  const { metadata, spec, status } = set;
  const { name, generation = 0 } = metadata;
  const moving = (what: string): RolloutState => ({
    kind: 'moving',
    text: `Waiting for taskset "${name}" rollout to finish: ${what}...`,
  });
  if (status === undefined || (status.observedGeneration ?? 0) < generation) {
    return { kind: 'moving', text: `Waiting for taskset "${name}" spec update to be observed...` };
  }
  const progressing = currentCondition(set, 'Progressing');
  const { updateRevision, updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = status;
  if (updateRevision === undefined) {
    return moving(`its newest revision is not known yet${explained(progressing?.message)}`);
  }
  if (status.rejectedRevision === updateRevision || progressing?.reason === 'RolledBack') {
    const { targetRevision } = status;
    const back = targetRevision === undefined ? '' : ` to ${targetRevision}`;
    const why = progressing?.reason === 'RolledBack' ? explained(progressing.message) : '';
    return { kind: 'failed', text: `taskset "${name}" was rolled back${back} (RolledBack)${why}` };
  }
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return {
      kind: 'failed',
      text: `taskset "${name}" exceeded its progress deadline (ProgressDeadlineExceeded)${explained(progressing.message)}`,
    };
  }
  const desired = status.desiredReplicas ?? spec.replicas ?? 1;
  const failure = currentCondition(set, 'ReplicaFailure');
  const trouble = failure?.status === 'True' ? explained(failure.message) : '';
  const left = replicas - updatedReplicas;
  if (updatedReplicas < desired || left > 0) {
    const figures =
      updatedReplicas < desired
        ? `${updatedReplicas} out of ${desired} new replicas have been updated${trouble}`
        : `${left} old replicas are pending termination${trouble}`;
    if (spec.paused === true) {
      return moving(`it is paused, ${figures}; go on with: gantry rollout resume taskset/${name}`);
    }
    if (progressing?.reason === 'CanaryWaiting') {
      return moving(
        `its canaries wait to be promoted, ${figures}; go on with: gantry rollout promote taskset/${name}, or back with: gantry rollout undo taskset/${name}`,
      );
    }
    return moving(figures);
  }
  if (availableReplicas < updatedReplicas) {
    return moving(`${availableReplicas} of ${updatedReplicas} updated replicas are available${trouble}`);
  }
  return { kind: 'done', text: `taskset "${name}" successfully rolled out` };
}

function currentCondition({ metadata, status }: TaskSet, type: string): Condition | undefined {
  const found = findCondition(status?.conditions, type);
  return (found?.observedGeneration ?? Infinity) < (metadata.generation ?? 0) ? undefined : found;
}

function explained(message: string | undefined): string {
  return message === undefined || message === '' ? '' : `: ${message}`;
}
