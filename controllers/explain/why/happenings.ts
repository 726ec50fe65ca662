/** The timeline as Events have it: what was decided and done, from what, by whom. Pure. */
import { isRecord } from '../../../machinery/json.ts';
import { ANNOTATION_DECISION } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyDecision, WhyEntry, WhyTopic } from '../../../machinery/why.ts';
import { verdictsIn } from './placement.ts';
import { numberOf, recordOf, textOf } from './readings.ts';

const TOPICS: ReadonlyMap<string, WhyTopic> = new Map<string, WhyTopic>([
  ...topic('placement', 'Scheduled', 'FailedScheduling', 'Preempting', 'Preempted'),
  ...topic('dependency', 'DependenciesMet', 'DependencyNotReady', 'DependencyNotSatisfied'),
  ...topic('image', 'Pulling', 'Pulled', 'ImageGCRemoved', 'ImageGCFailed'),
  ...topic('input', 'FailedMount', 'FailedUnmount', 'InvalidEnvironmentVariableNames'),
  ...topic('input', 'FailedToRetrieveImagePullSecret'),
  ...topic('container', 'Created', 'Started', 'Killing', 'Adopted', 'Updated', 'Failed', 'LogsNotKept'),
  ...topic('container', 'FailedPostStartHook', 'FailedPreStopHook'),
  ...topic('ended', 'Ended'),
  ...topic('probe', 'Unhealthy', 'ProbeWarning'),
  ...topic('backoff', 'BackOff'),
  ...topic('drift', 'Drifted', 'OrphansHeld', 'OrphanRemoved', 'OrphanKilling'),
  ...topic('admission', 'FailedCreate', 'FailedDelete', 'Forbidden', 'QuotaExceeded'),
  ...topic('rollout', 'RolloutStarted', 'RolloutCompleted', 'Promoted', 'CanaryWaiting', 'RolledBack'),
  ...topic('rollout', 'ScaledUp', 'ScaledDown', 'TaskReplaced', 'ProgressDeadlineExceeded'),
  ...topic('run', 'StepFailed', 'StepInterrupted', 'StepSkipped', 'StepCancelled', 'StepRetried', 'Replaced'),
  ...topic('run', 'TaskFailed', 'BackoffLimitExceeded', 'Interrupted', 'Cancelled', 'RevisionMissing'),
  ...topic('run', 'JobNotFound'),
  ...topic('rollout', 'RevisionCreated', 'SnapshotMissing', 'SuccessfulCreate', 'SuccessfulDelete'),
  ...topic('schedule', 'Suspended', 'Resumed', 'InvalidSchedule', 'DependencyCircle'),
  ...topic('removal', 'InvalidTTL'),
  ...topic('schedule', 'MissedSchedule', 'ClockSetBack', 'MaxConcurrentRunsExceeded'),
  ...topic('worker', 'LeaseExpired', 'WorkerLost', 'AgentReady', 'RuntimeDown', 'RuntimeReady'),
  ...topic('removal', 'Deleted', 'TTLExpired', 'TTLAwaited', 'TTLRefused', 'GarbageCollected', 'Protected'),
  ...topic(
    'removal',
    'OwnerReleased',
    'Orphaned',
    'DependentsSettled',
    'NamespaceEmptied',
    'CollectionRefused',
  ),
]);

function topic(name: WhyTopic, ...reasons: readonly string[]): readonly [string, WhyTopic][] {
  return reasons.map((reason) => [reason, name]);
}

/** One entry for each Event that says when it was. */
export function entriesOfEvents(events: readonly DynamicObject[]): readonly WhyEntry[] {
  return events.flatMap((event) => entryOf(event) ?? []);
}

function entryOf(event: DynamicObject): WhyEntry | undefined {
  const { metadata } = event;
  const first = textOf(event['firstTimestamp']) ?? textOf(event['eventTime']) ?? metadata.creationTimestamp;
  const at = textOf(event['lastTimestamp']) ?? first;
  if (at === undefined) return undefined;
  const reason = textOf(event['reason']) ?? 'Event';
  const about = recordOf(event['involvedObject']);
  const uid = textOf(about['uid']);
  const count = numberOf(event['count']) ?? 1;
  const by = componentOf(event);
  const decision = decisionOf(event);
  const verdicts = verdictsIn(decision?.verdict);
  const revision = Number(metadata.resourceVersion ?? Number.NaN);
  const attempt = attemptIn(decision);
  return {
    at,
    ...(first !== undefined && first !== at ? { since: first } : {}),
    topic: topicOf(reason, decision),
    ...(uid === undefined ? {} : { uid }),
    isWarning: event['type'] === 'Warning',
    ...(by === undefined ? {} : { by }),
    reason,
    message: textOf(event['message']) ?? '',
    ...(attempt === undefined ? {} : { attempt }),
    ...(verdicts.length === 0 ? {} : { verdicts }),
    ...(decision === undefined ? {} : { decision }),
    ...(count > 1 ? { count } : {}),
    ...(Number.isNaN(revision) ? {} : { revision }),
    source: 'event',
  };
}

function topicOf(reason: string, decision: WhyDecision | undefined): WhyTopic {
  // Kubelet's word for everything that did not work; the verdict says what.
  if (reason === 'Failed' || reason === 'BackOff') {
    const verdict = textOf(decision?.verdict) ?? '';
    if (['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName'].includes(verdict)) return 'image';
    if (verdict === 'CreateContainerConfigError') return 'input';
  }
  return TOPICS.get(reason) ?? 'event';
}

function componentOf(event: DynamicObject): string | undefined {
  const source = recordOf(event['source']);
  const component = textOf(event['reportingComponent']) ?? textOf(source['component']);
  const host = textOf(event['reportingInstance']) ?? textOf(source['host']);
  if (component === undefined) return host;
  return host === undefined ? component : `${component} on ${host}`;
}

/** Undefined for Events without one, and for what somebody else wrote there. */
export function decisionOf({ metadata }: DynamicObject): WhyDecision | undefined {
  const text = metadata.annotations?.[ANNOTATION_DECISION];
  if (text === undefined) return undefined;
  try {
    const decision: unknown = JSON.parse(text);
    if (!isRecord(decision)) return undefined;
    const action = textOf(decision['action']);
    return {
      ...(decision['inputs'] === undefined ? {} : { inputs: decision['inputs'] }),
      ...(decision['verdict'] === undefined ? {} : { verdict: decision['verdict'] }),
      ...(action === undefined ? {} : { action }),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Names of containers end with their attempt: `gantry.<namespace>.<task>.<uid8>.<attempt>`. */
function attemptIn(decision: WhyDecision | undefined): number | undefined {
  const inputs = recordOf(decision?.inputs);
  const told = numberOf(inputs['attempt']);
  if (told !== undefined) return told;
  const [, attempt] =
    /^gantry\..*\.(\d+)$/.exec(textOf(inputs['container']) ?? textOf(inputs['name']) ?? '') ?? [];
  return attempt === undefined ? undefined : Number(attempt);
}
