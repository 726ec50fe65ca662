/** Why a Worker takes no Tasks, why a Namespace does not go, and what can be said of any other kind. Pure. */
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyFacts } from '../../../machinery/why.ts';
import { type Findings, unique, withDeletion } from './findings.ts';
import {
  conditionOf,
  conditionsOf,
  recordsOf,
  type SaidCondition,
  said,
  specOf,
  statusOf,
  textOf,
} from './readings.ts';
import { taskWords } from './task.ts';

const TOLD = 5;
/** Of any kind's conditions, those that are not as they should be. */
const MAX_BAD = 20;
/** Conditions for which False is how it should be. */
const GOOD_WHEN_FALSE = /(?:Pressure|Failure|Remaining|Suspended|Terminating|NonStructuralSchema)$/;

export function workerFindings(worker: DynamicObject, facts: WhyFacts): Findings {
  const { name } = worker.metadata;
  const ready = conditionOf(worker, 'Ready');
  const isReady = ready?.status === 'True';
  const isCordoned = specOf(worker)['unschedulable'] === true;
  const taints = recordsOf(specOf(worker)['taints']).map(
    ({ key, value, effect }) =>
      `${textOf(key) ?? ''}${textOf(value) === undefined ? '' : `=${textOf(value) ?? ''}`}:${textOf(effect) ?? ''}`,
  );
  const pressures = conditionsOf(worker).filter(
    ({ type, status }) => type.endsWith('Pressure') && status === 'True',
  );
  const placed = facts.related.flatMap(({ role, object }) => (role === 'placed' ? [object] : []));
  const unwell = placed.filter(
    (task) =>
      conditionOf(task, 'Ready')?.status !== 'True' && textOf(statusOf(task)['phase']) !== 'Succeeded',
  );
  const readiness =
    ready === undefined
      ? 'it has not reported yet'
      : isReady
        ? 'it is Ready'
        : `it is not Ready: ${said(ready.reason, ready.message)}`;
  const limits = [
    ...(isCordoned ? ['it is cordoned'] : []),
    ...(taints.length > 0 ? [`it has taints: ${taints.join(', ')}`] : []),
    ...pressures.map(({ type, message }) => `${type}: ${message}`),
  ];
  return withDeletion(worker, {
    state:
      ready === undefined
        ? 'New'
        : isReady
          ? isCordoned
            ? 'Ready,SchedulingDisabled'
            : 'Ready'
          : 'NotReady',
    ...(ready === undefined ? {} : { reason: ready.reason }),
    summary: [readiness, ...limits].join('; '),
    causes: [
      // Tasks of all namespaces: the name alone would not say which.
      ...unwell
        .slice(0, TOLD)
        .map((task) => `in namespace ${task.metadata.namespace ?? ''}: ${taskWords(task)}`),
      ...(unwell.length > TOLD ? [`and ${unwell.length - TOLD} more tasks there are not Ready`] : []),
    ],
    next:
      isReady || ready === undefined
        ? []
        : [{ message: 'it is Ready again as soon as its agent renews its lease and its engine answers' }],
    needs: unique([
      ...readyNeeds(name, ready),
      ...(isCordoned ? [`spec.unschedulable false (kubectl uncordon ${name})`] : []),
      ...(taints.length > 0 ? ['tolerations in the tasks that shall go there, or the taints removed'] : []),
      ...pressures.map(({ type }) => `${type} over: room made on the machine`),
    ]),
    placement: [],
  });
}

function readyNeeds(name: string, ready: SaidCondition | undefined): readonly string[] {
  if (ready?.status === 'True') return [];
  switch (ready?.reason) {
    case 'LeaseExpired':
      return [`the agent on ${name} running and able to reach the API: it has not renewed its lease`];
    case 'RuntimeDown':
      return [`the container engine on ${name} answering: ${ready.message}`];
    case undefined:
    default:
      return [`a report of the agent on ${name}`];
  }
}

export function namespaceFindings(namespace: DynamicObject, _facts: WhyFacts): Findings {
  const told = conditionsOf(namespace).filter(({ status }) => status === 'True');
  const isGoing = namespace.metadata.deletionTimestamp !== undefined;
  const findings: Findings = {
    state: textOf(statusOf(namespace)['phase']) ?? 'Active',
    summary: isGoing ? '' : 'it is there and takes objects',
    causes: told.map(({ reason, message }) => said(reason, message)),
    next: [],
    needs: unique(told.flatMap(({ type, reason, message }) => namespaceNeed(type, reason, message) ?? [])),
    placement: [],
  };
  if (!isGoing) return findings;
  const finding = withDeletion(namespace, findings);
  const [first] = told.filter(({ type }) => type !== 'NamespaceContentRemaining');
  const main = first ?? told[0];
  return {
    ...finding,
    summary: `it is being deleted since ${namespace.metadata.deletionTimestamp ?? ''}: ${main === undefined ? 'its controller has not told yet what is left in it' : said(main.reason, main.message)}`,
    causes: findings.causes,
    next: [
      { message: 'tasks go first, everything else when the last of them has ended, then the namespace' },
    ],
    needs: findings.needs,
  };
}

function namespaceNeed(type: string, reason: string, message: string): string | undefined {
  switch (reason) {
    case 'ContentProtected':
      return `the annotation gantry.dev/protect off what it names: ${message}`;
    case 'SomeFinalizersRemain':
      return `the finalizers lifted by whoever put them there: ${message}`;
    case 'ContentDeletionFailed':
    case 'DiscoveryFailed':
      return `this put right: ${message}`;
    default:
      return type === 'NamespaceContentRemaining' ? 'what is left in it to go' : undefined;
  }
}

/** Conditions, deletion, and what the status says of itself. */
export function anyFindings(object: DynamicObject, facts: WhyFacts): Findings {
  const status = statusOf(object);
  const place = textOf(status['phase']) ?? textOf(status['state']);
  const reason = textOf(status['reason']);
  const words = said(reason, textOf(status['message']));
  const conditions = conditionsOf(object);
  const bad = conditions.filter(({ type, status: is }) =>
    GOOD_WHEN_FALSE.test(type) ? is !== 'False' : is !== 'True',
  );
  const owner = facts.related.find(({ role }) => role === 'owner')?.object;
  const nothing =
    conditions.length === 0 && place === undefined
      ? 'it is there; objects of its kind have no status'
      : 'nothing in its status speaks against it';
  return withDeletion(object, {
    state: place ?? (bad.length === 0 ? 'Present' : `${bad[0]?.type ?? ''} is ${bad[0]?.status ?? ''}`),
    ...(reason === undefined ? {} : { reason }),
    summary:
      words !== '' ? `${place ?? 'it says'}: ${words}` : bad.length === 0 ? nothing : conditionWords(bad[0]),
    causes: [
      ...bad.slice(words === '' ? 1 : 0, MAX_BAD).map(conditionWords),
      ...(bad.length > MAX_BAD
        ? [`and ${bad.length - MAX_BAD} more conditions are not as they should be`]
        : []),
      ...(owner === undefined ? [] : [`it is owned by ${owner.kind.toLowerCase()}/${owner.metadata.name}`]),
    ],
    next: [],
    needs: bad
      .slice(0, MAX_BAD)
      .map(
        (condition) =>
          `condition ${condition.type} ${GOOD_WHEN_FALSE.test(condition.type) ? 'False' : 'True'}: ${said(condition.reason, condition.message)}`,
      ),
    placement: [],
  });
}

function conditionWords(condition: SaidCondition | undefined): string {
  if (condition === undefined) return '';
  return `${condition.type} is ${condition.status}: ${said(condition.reason, condition.message)}`;
}
