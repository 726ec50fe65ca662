/**
 * The revisions of one TaskSet in one pass: made, brought back, removed, and each seen to have its snapshots.
 * Tasks read these whenever they are started again, and old revisions must be there to go back to.
 */
import type { Client } from '../../../machinery/client.ts';
import { isSameJson } from '../../../machinery/json.ts';
import { ANNOTATION_CHANGE_CAUSE, LABEL_TASKSET } from '../../../machinery/labels.ts';
import { type KubeObject, keyOf, type OwnerReference } from '../../../machinery/meta.ts';
import { controllerRevisions, taskSets } from '../../../schemas/kinds.ts';
import type { ControllerRevision, TaskSet } from '../../../schemas/types.gen.ts';
import { controllerReference, newRevision } from '../../revisions/revision.ts';
import { dataHash, revisionData, type TaskSetRevisionData } from '../../revisions/snapshots.ts';
import type { TaskSetAction } from '../types.ts';
import { controllerOf, isRefusal, namesOf, orUndefined, Refused, type Tell } from './answers.ts';
import type { Contents } from './contents.ts';
import type { Observed } from './observe.ts';

export interface RevisionsContext {
  readonly client: Client;
  readonly contents: Contents;
  readonly tell: Tell;
}

export class Revisions {
  readonly #context: RevisionsContext;
  readonly #set: TaskSet;
  /** What the update revision holds. */
  readonly #data: TaskSetRevisionData | undefined;
  readonly #signal: AbortSignal;
  /** By name: those that were seen, and the one this pass made. */
  readonly #revisions: Map<string, ControllerRevision>;
  /** Revision -> what its snapshots lack. */
  readonly #lacking = new Map<string, string>();

  constructor(context: RevisionsContext, { world, data }: Observed, signal: AbortSignal) {
    this.#context = context;
    this.#set = world.set;
    this.#data = data;
    this.#signal = signal;
    this.#revisions = new Map(world.revisions.map((revision) => [revision.metadata.name, revision]));
  }

  get(name: string): ControllerRevision | undefined {
    return this.#revisions.get(name);
  }

  /** Why no task can be made from it, if none can. */
  lacking(name: string): string | undefined {
    return this.#lacking.get(name);
  }

  /** Those that nobody controls: left behind when a set of this name was deleted without its dependents. */
  async adopt(): Promise<void> {
    const left = [...this.#revisions.values()].filter((revision) => controllerOf(revision) === undefined);
    if (left.length === 0) return;
    const { client } = this.#context;
    const signal = this.#signal;
    // A copy of a set that is gone must not take them with it.
    const set = await orUndefined(client.get(taskSets, keyOf(this.#set), { signal }), 'NotFound');
    const isThere = set?.metadata.uid === this.#set.metadata.uid;
    if (!isThere || set?.metadata.deletionTimestamp !== undefined) return;
    for (const { metadata } of left) {
      const { uid, resourceVersion } = metadata;
      const body = {
        metadata: { uid, resourceVersion, ownerReferences: ownersWith({ metadata }, this.#set) },
      };
      const key = { ...keyOf(this.#set), name: metadata.name };
      const patch = { type: 'merge', body } as const;
      // Changed in the meantime: that brings us back.
      const taken = await orUndefined(
        client.patch(controllerRevisions, key, patch, { signal }),
        'Conflict',
        'NotFound',
      );
      if (taken === undefined) continue;
      this.#revisions.set(metadata.name, taken);
      this.#context.tell('Normal', 'Adopted', `revision ${metadata.name} was left by a set of this name`);
    }
  }

  /** Of all but those that are about to be removed. */
  async keepSnapshots(actions: readonly TaskSetAction[]): Promise<void> {
    if (this.#set.metadata.deletionTimestamp !== undefined) return;
    const going = new Set(
      actions.flatMap((action) => (action.kind === 'deleteRevision' ? [action.name] : [])),
    );
    for (const revision of this.#revisions.values()) {
      if (!going.has(revision.metadata.name)) await this.#keepSnapshotsOf(revision);
    }
  }

  async create(revision: number): Promise<void> {
    const data = this.#data;
    if (data === undefined) return;
    const { client } = this.#context;
    const set = this.#set;
    const cause = set.metadata.annotations?.[ANNOTATION_CHANGE_CAUSE];
    const wanted = newRevision({
      resource: taskSets,
      owner: set,
      hash: dataHash(data),
      data: { ...data },
      revision,
      labels: { [LABEL_TASKSET]: set.metadata.name },
      ...(cause === undefined ? {} : { annotations: { [ANNOTATION_CHANGE_CAUSE]: cause } }),
    });
    const made = await orUndefined(
      client.create(controllerRevisions, wanted, { signal: this.#signal }),
      'AlreadyExists',
    );
    const stored = made ?? (await this.#foundRevision(wanted));
    this.#revisions.set(stored.metadata.name, stored);
    const problem = await this.#keepSnapshotsOf(stored);
    if (problem !== undefined) throw new Refused(problem);
    if (made !== undefined) {
      const inputs = data.inputs.map(({ kind, name }) => `${kind}/${name}`);
      const message = `revision ${revision} is ${made.metadata.name}${inputs.length === 0 ? '' : `, with ${namesOf(inputs)} as they are now`}`;
      this.#context.tell('Normal', 'RevisionCreated', message);
    }
  }

  /** Of that name, and there already. */
  async #foundRevision(wanted: ControllerRevision): Promise<ControllerRevision> {
    const { client } = this.#context;
    const key = keyOf(wanted);
    const found = await client.get(controllerRevisions, key, { signal: this.#signal });
    const owner = controllerOf(found);
    const isSame = isSameJson(revisionData(found), this.#data);
    if (owner?.uid === this.#set.metadata.uid && isSame) return found;
    if (owner === undefined && isSame && found.metadata.deletionTimestamp === undefined) {
      // Left behind when a set of this name was deleted without its dependents.
      return client.update(
        controllerRevisions,
        { ...found, metadata: { ...found.metadata, ownerReferences: ownersWith(found, this.#set) } },
        { signal: this.#signal },
      );
    }
    const whose = owner === undefined ? 'nobody’s' : `${owner.kind} "${owner.name}"'s`;
    throw new Refused(`ControllerRevision "${key.name}" is in the way: it is ${whose}; delete it`);
  }

  async #keepSnapshotsOf(revision: ControllerRevision): Promise<string | undefined> {
    const { contents } = this.#context;
    const { name } = revision.metadata;
    if (revision.metadata.deletionTimestamp !== undefined) return undefined;
    for (const input of revisionData(revision)?.inputs ?? []) {
      const problem = await this.#ensured(() =>
        contents.ensureSnapshot(revision, this.#set.metadata.name, input, this.#signal),
      );
      if (problem === undefined) continue;
      this.#lacking.set(name, problem);
      this.#context.tell('Warning', 'SnapshotMissing', `revision ${name}: ${problem}`);
      return problem;
    }
    this.#lacking.delete(name);
    return undefined;
  }

  /** A refusal is what is in the way, like any other thing. */
  async #ensured(ensure: () => Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await ensure();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return error.message;
    }
  }

  async renumber(name: string, revision: number): Promise<void> {
    const found = this.#revisions.get(name);
    const resourceVersion = found?.metadata.resourceVersion;
    if (found === undefined || resourceVersion === undefined) return;
    const cause = this.#set.metadata.annotations?.[ANNOTATION_CHANGE_CAUSE];
    const annotations = cause === undefined ? {} : { annotations: { [ANNOTATION_CHANGE_CAUSE]: cause } };
    const body = { metadata: { resourceVersion, ...annotations }, revision };
    await orUndefined(
      this.#context.client.patch(
        controllerRevisions,
        keyOf(found),
        { type: 'merge', body },
        { signal: this.#signal },
      ),
      'Conflict',
      'NotFound',
    );
  }

  async delete(name: string): Promise<void> {
    const found = this.#revisions.get(name);
    if (found === undefined) return;
    const { uid } = found.metadata;
    await orUndefined(
      this.#context.client.delete(controllerRevisions, keyOf(found), {
        ...(uid === undefined ? {} : { preconditions: { uid } }),
        propagationPolicy: 'Background',
        signal: this.#signal,
      }),
      'Conflict',
      'NotFound',
    );
  }
}

/** Its owners, with the set as the one that controls it. */
export function ownersWith(object: Pick<KubeObject, 'metadata'>, set: TaskSet): OwnerReference[] {
  return [...(object.metadata.ownerReferences ?? []), controllerReference(taskSets, set)];
}
