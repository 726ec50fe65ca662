/**
 * What a TaskSet is planned from: copies of what it has, and the revision that its template and what is in the ConfigMaps
 * and Secrets of that template make.
 *
 * A source that is missing is left out of the revision, and its coming makes another one. One that goes makes none: the
 * set stays with what it had of it until its template changes.
 */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { LABEL_REVISION, LABEL_TASKSET } from '../../../machinery/labels.ts';
import { type LabelSelector, labelSelectorText, parseLabelSelector } from '../../../machinery/selectors.ts';
import type { ControllerRevision, Task, TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { BY_CONTROLLER, BY_NAMESPACE } from '../../informers.ts';
import { revisionName } from '../../revisions/revision.ts';
import {
  dataHash,
  revisionData,
  type TaskSetRevisionData,
  type TemplateInputs,
  templateInputs,
} from '../../revisions/snapshots.ts';
import { referenceKey, updateData } from '../planning/update.ts';
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
    const hashes = await hashesOf(contents, namespace, template, isFresh, signal);
    data = updateData(set, template, known, (reference) => hashes.get(referenceKey(reference)));
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

/** Of every source that the template does not pin; undefined: it is not there. */
async function hashesOf(
  contents: Contents,
  namespace: string,
  { references }: TemplateInputs,
  isFresh: boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | undefined>> {
  const hashes = new Map<string, string | undefined>();
  for (const reference of references) {
    if (reference.pinned !== undefined) continue;
    hashes.set(referenceKey(reference), await contents.hash(namespace, reference, isFresh, signal));
  }
  return hashes;
}
