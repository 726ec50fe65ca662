/** The timeline as history has it: who wrote what, and what the status said then. Pure. */
import {
  type FieldChange,
  fieldChanges,
  type NamedChange,
  namedChanges,
} from '../../../machinery/fieldchanges.ts';
import type { Author, ObjectVersion } from '../../../machinery/history.ts';
import { isSameJson } from '../../../machinery/json.ts';
import { ANNOTATION_CHANGE_CAUSE, ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyEntry, WhyFacts } from '../../../machinery/why.ts';
import { conditionsOf, recordsOf, said, specOf, statusOf, textOf } from './readings.ts';

/** Fields whose values are worth telling: none of them is ever a secret. */
const TOLD_VALUES = new Set([
  'spec.image',
  'spec.template.spec.image',
  'spec.replicas',
  'spec.desiredState',
  'spec.paused',
  'spec.suspend',
  'spec.suspended',
  'spec.schedule',
  'spec.cancel',
  'spec.unschedulable',
  'spec.priority',
  `metadata.annotations["${ANNOTATION_CHANGE_CAUSE}"]`,
]);
/** What the server and tools keep for themselves. */
const OWN_METADATA = new Set(['managedFields', 'resourceVersion', 'generation']);
const OWN_ANNOTATIONS = new Set([ANNOTATION_TRACE, 'kubectl.kubernetes.io/last-applied-configuration']);
const MAX_FIELDS = 50;
const MAX_TOLD = 4;
/** Of a value that is told. */
const MAX_VALUE_LENGTH = 200;
/** Conditions or steps of one version. */
const MAX_OF_STATUS = 50;

/** Oldest first. */
export function entriesOfVersions(facts: WhyFacts): readonly WhyEntry[] {
  const last = new Map<string, DynamicObject>();
  return facts.versions.toReversed().flatMap((version) => {
    const { uid = '' } = version.object.metadata;
    const before = version.previous ?? last.get(uid);
    last.set(uid, version.object);
    // What was read before it may be older than what it changed.
    const isNext = facts.statusFromRevision !== undefined && version.revision >= facts.statusFromRevision;
    return entriesOf(version, before, isNext || version.previous !== undefined);
  });
}

function entriesOf(
  version: ObjectVersion,
  before: DynamicObject | undefined,
  isStatusWhole: boolean,
): readonly WhyEntry[] {
  const { object, operation } = version;
  const base = baseOf(version);
  if (operation === 'deleted') return [{ ...base, topic: 'deleted', message: 'deleted: it is gone' }];
  if (operation === 'created') {
    return [
      { ...base, topic: 'created', message: creationWords(object) },
      ...statusEntries(base, undefined, object),
    ];
  }
  // What it was before is not kept: what this version changed is not known.
  if (before === undefined) return [];
  const changes = fieldChanges(wishOf(before), wishOf(object));
  return [
    ...(changes.length === 0 ? [] : wishEntries(base, changes, before, object)),
    ...(isStatusWhole ? statusEntries(base, before, object) : []),
  ];
}

type Base = Omit<WhyEntry, 'topic' | 'message'>;

function baseOf({ object, revision, timeMs, author }: ObjectVersion): Base {
  const { uid } = object.metadata;
  return {
    at: new Date(timeMs).toISOString(),
    isWarning: false,
    revision,
    source: 'history',
    ...(uid === undefined ? {} : { uid }),
    ...(author === undefined ? {} : { by: authorWords(author) }),
    ...(author?.manager === undefined ? {} : { manager: author.manager }),
  };
}

function authorWords({ user, impersonator }: Author): string {
  return impersonator === undefined ? user : `${impersonator} as ${user}`;
}

function creationWords(object: DynamicObject): string {
  const spec = specOf(object);
  const image = textOf(spec['image']);
  const replicas = spec['replicas'];
  const told = [
    ...(image === undefined ? [] : [`image ${image}`]),
    ...(typeof replicas === 'number' ? [`${replicas} replicas`] : []),
  ];
  const cause = object.metadata.annotations?.[ANNOTATION_CHANGE_CAUSE];
  return `created${told.length === 0 ? '' : `: ${told.join(', ')}`}${cause === undefined ? '' : ` (${cause})`}`;
}

/** What somebody asked for: without the status, and without what the server and tools keep for themselves. */
function wishOf({ metadata, ...fields }: DynamicObject): unknown {
  const { annotations = {}, ...rest } = metadata;
  const told = without(annotations, OWN_ANNOTATIONS);
  return {
    ...without(fields, STATUS),
    metadata: {
      ...without(rest, OWN_METADATA),
      ...(Object.keys(told).length === 0 ? {} : { annotations: told }),
    },
  };
}

const STATUS = new Set(['status']);

function without(fields: object, left: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => !left.has(field)));
}

function wishEntries(
  base: Base,
  changes: readonly FieldChange[],
  before: DynamicObject,
  object: DynamicObject,
): readonly WhyEntry[] {
  const entries: WhyEntry[] = [];
  const of = (...prefixes: readonly string[]): readonly FieldChange[] =>
    changes.filter(({ path }) => prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}[`)));
  const deletion = of('metadata.deletionTimestamp', 'metadata.deletionGracePeriodSeconds');
  const binding = of('spec.workerName', 'spec.bindingEpoch');
  const finalizers = of('metadata.finalizers');
  const rest = changes.filter((change) => ![...deletion, ...binding, ...finalizers].includes(change));
  if (deletion.length > 0) {
    const held = object.metadata.finalizers ?? [];
    const holders = held.length === 0 ? '' : `; it goes once nothing holds it: ${held.join(', ')}`;
    entries.push({ ...base, topic: 'deleted', message: `its deletion was asked for${holders}` });
  }
  if (binding.length > 0) {
    const worker = textOf(specOf(object)['workerName']);
    const old = textOf(specOf(before)['workerName']);
    const message =
      worker === undefined ? `taken off worker ${old ?? 'that it had'}` : `bound to worker ${worker}`;
    entries.push({ ...base, topic: 'placement', message, changedFields: shown(binding) });
  }
  if (finalizers.length > 0) {
    const now = new Set(object.metadata.finalizers);
    const lifted = (before.metadata.finalizers ?? []).filter((finalizer) => !now.has(finalizer));
    if (lifted.length > 0) {
      entries.push({
        ...base,
        topic: 'removal',
        message: `nothing holds it any more for ${lifted.join(', ')}`,
      });
    }
  }
  if (rest.length > 0) {
    entries.push({ ...base, topic: 'spec', message: changeWords(rest), changedFields: shown(rest) });
  }
  return entries;
}

function shown(changes: readonly FieldChange[]): readonly NamedChange[] {
  return namedChanges(changes, MAX_FIELDS);
}

function changeWords(changes: readonly FieldChange[]): string {
  const told = namedChanges(changes, MAX_TOLD).map(({ path, operation }, at) => {
    const { before, after } = changes[at] ?? {};
    if (!TOLD_VALUES.has(path) || isNested(before) || isNested(after)) {
      return operation === 'changed' ? path : `${path} (${operation})`;
    }
    return `${path} ${operation === 'added' ? '' : `${valueWords(before)} -> `}${operation === 'removed' ? 'absent' : valueWords(after)}`;
  });
  const more = changes.length > MAX_TOLD ? ` and ${changes.length - MAX_TOLD} more` : '';
  return `changed ${told.join(', ')}${more}`;
}

/** Another kind may have a field of the same name with more in it. */
function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function valueWords(value: unknown): string {
  const text = String(value);
  return text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH)}…`;
}

/** What the status began to say with this version. */
function statusEntries(
  base: Base,
  before: DynamicObject | undefined,
  object: DynamicObject,
): readonly WhyEntry[] {
  if (before !== undefined && isSameJson(before['status'], object['status'])) return [];
  return [
    ...placeInLife(base, before, object),
    ...atMost(newConditions(base, before, object), 'conditions'),
    ...atMost(steps(base, before, object), 'steps'),
  ];
}

function atMost(entries: readonly WhyEntry[], what: string): readonly WhyEntry[] {
  const [first] = entries;
  const more = entries.length - MAX_OF_STATUS;
  if (first === undefined || more <= 0) return entries;
  const { reason: _reason, exitCode: _code, ...base } = first;
  const rest = { ...base, isWarning: false, message: `${more} more of its ${what} changed` };
  return [...entries.slice(0, MAX_OF_STATUS), rest];
}

/** A Task's and a Namespace's phase, a Run's state. */
function placeInLife(
  base: Base,
  before: DynamicObject | undefined,
  object: DynamicObject,
): readonly WhyEntry[] {
  const [old, now] = [statusOf(before), statusOf(object)];
  const place = textOf(now['phase']) ?? textOf(now['state']);
  const oldPlace = textOf(old['phase']) ?? textOf(old['state']);
  const reason = textOf(now['reason']);
  if (place === undefined || (place === oldPlace && reason === textOf(old['reason']))) return [];
  const words = said(reason, textOf(now['message']));
  const way = place === oldPlace || oldPlace === undefined ? place : `${oldPlace} -> ${place}`;
  return [
    {
      ...base,
      topic: 'status',
      isWarning: ['Failed', 'Unknown', 'failed', 'interrupted'].includes(place) && place !== oldPlace,
      ...(reason === undefined ? {} : { reason }),
      message: words === '' ? way : `${way}: ${words}`,
    },
  ];
}

function newConditions(
  base: Base,
  before: DynamicObject | undefined,
  object: DynamicObject,
): readonly WhyEntry[] {
  const old = new Map(conditionsOf(before).map((condition) => [condition.type, condition]));
  const about = textOf(statusOf(object)['reason']);
  return conditionsOf(object).flatMap(({ type, status, reason, message }): readonly WhyEntry[] => {
    const was = old.get(type);
    if (was?.status === status && was.reason === reason) return [];
    // The phase says the same in the same breath.
    if (reason === about && about !== undefined) return [];
    return [
      { ...base, topic: 'condition', reason, message: `${type} is ${status}: ${said(reason, message)}` },
    ];
  });
}

/** Of a Run. */
function steps(base: Base, before: DynamicObject | undefined, object: DynamicObject): readonly WhyEntry[] {
  if (object.kind !== 'Run') return [];
  const old = new Map(recordsOf(statusOf(before)['tasks']).map((step) => [step['name'], step]));
  return recordsOf(statusOf(object)['tasks']).flatMap((step): readonly WhyEntry[] => {
    const { name, state, exitCode } = step;
    const was = old.get(name);
    if (typeof state !== 'string' || was?.['state'] === state || (was === undefined && state === 'pending'))
      return [];
    const reason = textOf(step['reason']);
    const words = said(reason, textOf(step['message']));
    return [
      {
        ...base,
        topic: 'run',
        isWarning: state === 'failed' || state === 'interrupted',
        ...(reason === undefined ? {} : { reason }),
        message: `step "${String(name)}" is ${state}${words === '' ? '' : `: ${words}`}`,
        ...(typeof exitCode === 'number' ? { exitCode } : {}),
      },
    ];
  });
}
