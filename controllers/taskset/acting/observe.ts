/**
 * What a TaskSet is planned from: copies of what it has, and the revision that its template and what is in the ConfigMaps
 * and Secrets of that template make.
 *
 * A source that is missing is left out of the revision, and its coming makes another one. One that goes makes none: the
 * set stays with what it had of it until its template changes.
 */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { isSameJson } from '../../../machinery/json.ts';
import { LABEL_REVISION, LABEL_TASKSET } from '../../../machinery/labels.ts';
import { keyOf } from '../../../machinery/meta.ts';
import { type LabelSelector, labelSelectorText, parseLabelSelector } from '../../../machinery/selectors.ts';
import type { TaskReference } from '../../../schemas/taskreferences.ts';
import type { ControllerRevision, Task, TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { BY_CONTROLLER, BY_NAMESPACE } from '../../informers.ts';
import { revisionName } from '../../revisions/revision.ts';
import {
  dataHash,
  revisionData,
  type SnapshotInput,
  snapshotName,
  type TaskSetRevisionData,
  type TemplateInputs,
  templateInputs,
} from '../../revisions/snapshots.ts';
import type { TaskSetWorld } from '../types.ts';
import type { Contents } from './contents.ts';

export interface TaskSetSources {
  readonly taskSets: ObjectStore<TaskSet>;
  readonly tasks: ObjectStore<Task>;
  readonly controllerRevisions: ObjectStore<ControllerRevision>;
  readonly workers: ObjectStore<Worker>;
}

export interface ObserveContext {
  readonly sources: TaskSetSources;
  readonly contents: Contents;
  readonly clock: Clock;
}

export interface Observed {
  readonly world: TaskSetWorld;
  /** What the update revision holds; undefined while that cannot be told. */
  readonly data: TaskSetRevisionData | undefined;
  /** Why not. */
  readonly problem: unknown;
}

export interface Known {
  /** Reads the template's sources themselves: the set was not seen in this generation yet. */
  readonly isFresh: boolean;
  readonly watchedMs: number;
  readonly noticedMs: ReadonlyMap<string, number>;
  readonly taken: ReadonlySet<string>;
}

export async function observeTaskSet(
  { sources, contents, clock }: ObserveContext,
  set: TaskSet,
  { isFresh, watchedMs, noticedMs, taken }: Known,
  signal: AbortSignal,
): Promise<Observed> {
  const { namespace = '', name, uid = '' } = set.metadata;
  let data: TaskSetRevisionData | undefined;
  let problem: unknown;
  try {
    const known = revisionsOf(sources, set);
    const template = templateInputs(set.spec.template, known);
    data = await updateData(contents, set, template, known, isFresh, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    problem = error;
  }
  // Read after all waiting, so that they are of one moment and of the newest.
  const matches = selectorOf(set);
  const controlled = sources.tasks.byIndex(BY_CONTROLLER, uid);
  const free = sources.tasks
    .byIndex(BY_NAMESPACE, namespace)
    .filter(({ metadata }) => matches(metadata.labels));
  const hash = data === undefined ? undefined : dataHash(data);
  const world: TaskSetWorld = {
    set,
    tasks: [...controlled, ...free],
    revisions: revisionsOf(sources, set),
    update: hash === undefined ? undefined : { name: revisionName(name, hash), hash },
    workers: set.spec.mode === 'Global' ? sources.workers.list() : [],
    nowMs: clock.now(),
    taken,
    watchedMs,
    noticedMs,
  };
  return { world, data, problem };
}

/** Its own, and those that a set of its name left behind: they come back with their numbers, and go with it. */
function revisionsOf(
  { controllerRevisions }: TaskSetSources,
  { metadata }: TaskSet,
): readonly ControllerRevision[] {
  const { namespace = '', name, uid = '', deletionTimestamp } = metadata;
  const own = controllerRevisions.byIndex(BY_CONTROLLER, uid);
  if (deletionTimestamp !== undefined) return own;
  const left = controllerRevisions.byIndex(BY_NAMESPACE, namespace).filter((revision) => {
    const { labels = {}, deletionTimestamp: goingAt } = revision.metadata;
    const isNamed = revision.metadata.name === revisionName(name, labels[LABEL_REVISION] ?? '');
    const data = goingAt === undefined && labels[LABEL_TASKSET] === name ? revisionData(revision) : undefined;
    return isNamed && data !== undefined && dataHash(data) === labels[LABEL_REVISION];
  });
  return [...own, ...left];
}

/** Every change of a Task that nobody controls asks every set of its namespace. */
const selectors = new WeakMap<TaskSet, LabelSelector>();

/** Whether a Task that nobody controls is one for this set. */
export function selectorOf(set: TaskSet): LabelSelector {
  const known = selectors.get(set);
  if (known !== undefined) return known;
  const selector = parseLabelSelector(labelSelectorText(set.spec.selector));
  selectors.set(set, selector);
  return selector;
}

async function updateData(
  contents: Contents,
  set: TaskSet,
  { template, references }: TemplateInputs,
  revisions: readonly ControllerRevision[],
  isFresh: boolean,
  signal: AbortSignal,
): Promise<TaskSetRevisionData> {
  const { namespace = '' } = keyOf(set);
  const inputs: SnapshotInput[] = [];
  for (const reference of references) {
    const hash =
      reference.pinned?.hash ??
      (await contents.hash(namespace, reference, isFresh, signal)) ??
      lastHash(set, reference, template, revisions);
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
