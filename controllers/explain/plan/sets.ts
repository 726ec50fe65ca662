/** One TaskSet as its planner moves it, a look at a time, on the imagined cluster. */
import { findCondition } from '../../../machinery/conditions.ts';
import { LABEL_REVISION, LABEL_TASKSET } from '../../../machinery/labels.ts';
import { keyString } from '../../../machinery/meta.ts';
import { labelSelectorText, parseLabelSelector } from '../../../machinery/selectors.ts';
import { taskSets } from '../../../schemas/kinds.ts';
import type { TaskReference } from '../../../schemas/taskreferences.ts';
import type { ControllerRevision, Task, TaskSet } from '../../../schemas/types.gen.ts';
import { controllerReference, newRevision, revisionName } from '../../revisions/revision.ts';
import {
  dataHash,
  revisionData,
  type TaskSetRevisionData,
  templateInputs,
} from '../../revisions/snapshots.ts';
import { contentHash } from '../../taskset/acting/contents.ts';
import { planTaskSet } from '../../taskset/plan.ts';
import { taskOfSet } from '../../taskset/planning/newtask.ts';
import { updateData } from '../../taskset/planning/update.ts';
import type { TaskSetAction, TaskSetWorld } from '../../taskset/types.ts';
import type { ImaginedCluster } from './cluster.ts';
import { contentKey } from './inputs.ts';
import type { PlanFacts } from './types.ts';

interface Told {
  /** `namespace/name` */
  readonly task: string;
  readonly reason: string;
  readonly message: string;
}

export interface SetMoves {
  readonly made: readonly Told[];
  readonly deleted: readonly Told[];
  readonly hasMoved: boolean;
  readonly lookAgainMs: number | undefined;
}

const NOTHING: SetMoves = { made: [], deleted: [], hasMoved: false, lookAgainMs: undefined };
/** Whatever its name will be: it has parts that only the server gives. */
const UNKNOWN_HASH = 'unknown';
const NEVER_SECONDS = 1e9;
/** Why a rollout goes no further by itself. */
const HELD: ReadonlySet<string | undefined> = new Set(['Paused', 'CanaryWaiting']);

export class SetRehearsal {
  readonly #key: string;
  readonly #facts: PlanFacts;
  readonly #cluster: ImaginedCluster;

  constructor(key: string, facts: PlanFacts, cluster: ImaginedCluster) {
    this.#key = key;
    this.#facts = facts;
    this.#cluster = cluster;
  }

  step(): SetMoves {
    const set = this.#cluster.taskSets.get(this.#key);
    if (set === undefined) return NOTHING;
    const revisions = this.#revisions(set);
    const data = this.#data(set, revisions);
    const plan = planTaskSet(this.#world(set, revisions, data));
    const isNews = plan.status !== set.status;
    if (isNews && plan.status !== undefined) {
      this.#cluster.taskSets.set(this.#key, { ...set, status: plan.status });
    }
    const leaving = new Map((plan.status?.leaving ?? []).map((one) => [one.uid, one]));
    const made: Told[] = [];
    const deleted: Told[] = [];
    for (const action of plan.actions) {
      if (action.kind === 'create') {
        const task = this.#make(set, action);
        if (task !== undefined) made.push({ task, reason: 'TaskSet', message: action.reason });
      } else if (action.kind === 'delete') {
        const { reason = 'Superseded', message = action.reason } = leaving.get(action.uid) ?? {};
        deleted.push({ task: this.#childKey(set, action.task), reason, message });
      } else this.#keepBooks(set, action, data);
    }
    const hasMoved = isNews || plan.actions.some(({ kind }) => kind !== 'delete');
    return { made, deleted, hasMoved, lookAgainMs: plan.lookAgainMs };
  }

  /** What waits for a person, once nothing moves by itself any more. */
  outlook(): readonly string[] {
    const progress = findCondition(this.#cluster.taskSets.get(this.#key)?.status?.conditions, 'Progressing');
    if (progress === undefined || !HELD.has(progress.reason)) return [];
    return [`taskset ${this.#key}: ${progress.message}`];
  }

  #world(
    set: TaskSet,
    revisions: readonly ControllerRevision[],
    data: TaskSetRevisionData | undefined,
  ): TaskSetWorld {
    const { namespace, name, uid } = set.metadata;
    const isMatch = parseLabelSelector(labelSelectorText(set.spec.selector));
    const { tasks, workers, nowMs } = this.#cluster;
    const hash = data === undefined ? undefined : data.inputs.some(isUnknown) ? UNKNOWN_HASH : dataHash(data);
    return {
      // Nothing fails here, so there is nothing to give up.
      set: { ...set, spec: { ...set.spec, progressDeadlineSeconds: NEVER_SECONDS } },
      tasks: [...tasks.values()].filter(({ metadata }) => {
        const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
        if (metadata.namespace !== namespace) return false;
        return owner === undefined ? isMatch(metadata.labels) : owner.uid === uid;
      }),
      revisions,
      update: hash === undefined ? undefined : { name: revisionName(name, hash), hash },
      workers: [...(workers?.values() ?? [])],
      nowMs,
    };
  }

  #revisions({ metadata }: TaskSet): readonly ControllerRevision[] {
    return [...this.#cluster.revisions.values()].filter((revision) => {
      const { namespace, ownerReferences = [] } = revision.metadata;
      return namespace === metadata.namespace && ownerReferences.some(({ uid }) => uid === metadata.uid);
    });
  }

  #data(set: TaskSet, revisions: readonly ControllerRevision[]): TaskSetRevisionData {
    const template = templateInputs(set.spec.template, revisions);
    return updateData(set, template, revisions, (reference) => this.#hashOf(set, reference, revisions));
  }

  #hashOf(
    set: TaskSet,
    reference: TaskReference,
    revisions: readonly ControllerRevision[],
  ): string | undefined {
    const key = contentKey(reference.kind, set.metadata.namespace ?? '', reference.name);
    const content = this.#facts.contents.get(key);
    if (content !== undefined) {
      // The hash of a Secret has its uid in it, which it gets when it is made.
      const isNew = this.#facts.changes.some(
        ({ before, after }) => before === undefined && after === content,
      );
      return isNew && reference.kind === 'secrets' ? UNKNOWN_HASH : contentHash(reference.kind, content);
    }
    if (this.#facts.contents.has(key)) return undefined;
    // It may not be read, and nobody changes it now: it is what the set has of it.
    const current = revisions.find(({ metadata }) => metadata.name === set.status?.updateRevision);
    const held = current === undefined ? undefined : revisionData(current);
    const input = held?.inputs.find(({ kind, name }) => kind === reference.kind && name === reference.name);
    return input?.hash ?? UNKNOWN_HASH;
  }

  #make(set: TaskSet, action: Extract<TaskSetAction, { kind: 'create' }>): string | undefined {
    const { revisions, tasks, nowMs } = this.#cluster;
    const revision = revisions.get(this.#childKey(set, action.revision));
    const data = revision === undefined ? undefined : revisionData(revision);
    const key = this.#childKey(set, action.name);
    if (revision === undefined || data === undefined || tasks.has(key)) return undefined;
    const task = taskOfSet(set, action, data, revision.metadata.labels?.[LABEL_REVISION] ?? '');
    const creationTimestamp = new Date(nowMs).toISOString();
    const metadata = { ...task.metadata, uid: `imagined-${key}`, generation: 1, creationTimestamp };
    tasks.set(key, { ...task, metadata });
    return key;
  }

  #keepBooks(
    set: TaskSet,
    action: Exclude<TaskSetAction, { kind: 'create' | 'delete' }>,
    data: TaskSetRevisionData | undefined,
  ): void {
    const { revisions, tasks } = this.#cluster;
    if (action.kind === 'createRevision') {
      if (data === undefined) return;
      const hash = data.inputs.some(isUnknown) ? UNKNOWN_HASH : dataHash(data);
      const labels = { [LABEL_TASKSET]: set.metadata.name };
      const { revision: number } = action;
      const owner = { resource: taskSets, owner: set };
      const made = newRevision({ ...owner, hash, data: { ...data }, revision: number, labels });
      revisions.set(this.#childKey(set, made.metadata.name), made);
    } else if (action.kind === 'renumberRevision') {
      const key = this.#childKey(set, action.name);
      const found = revisions.get(key);
      if (found !== undefined) revisions.set(key, { ...found, revision: action.revision });
    } else if (action.kind === 'deleteRevision') revisions.delete(this.#childKey(set, action.name));
    else {
      const key = this.#childKey(set, action.task);
      const task = tasks.get(key);
      if (task !== undefined) tasks.set(key, withOwner(task, set, action.kind === 'adopt'));
    }
  }

  #childKey({ metadata: { namespace } }: TaskSet, name: string): string {
    return keyString({ name, ...(namespace === undefined ? {} : { namespace }) });
  }
}

function isUnknown({ hash }: { readonly hash: string }): boolean {
  return hash === UNKNOWN_HASH;
}

function withOwner(task: Task, set: TaskSet, isIts: boolean): Task {
  const others = (task.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== set.metadata.uid);
  const ownerReferences = isIts ? [...others, controllerReference(taskSets, set)] : others;
  return { ...task, metadata: { ...task.metadata, ownerReferences } };
}
