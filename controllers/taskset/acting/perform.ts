/**
 * A TaskSet's plan, carried out.
 *
 * It promises:
 * - doing it twice is doing it once: names follow from what things are for, and what is there already and ours is done;
 * - whatever is changed or deleted is the very object that was looked at: uid or version are preconditions;
 * - nothing is deleted that the STORED status does not tell of, read just before;
 * - what has been refused ends the creations of this pass and is told in its own words.
 */
import type { Client } from '../../../machinery/client.ts';
import { type ApiError, isApiError } from '../../../machinery/errors.ts';
import { LABEL_REVISION } from '../../../machinery/labels.ts';
import type { Log } from '../../../machinery/log.ts';
import { keyOf, type OwnerReference } from '../../../machinery/meta.ts';
import { taskSets, tasks } from '../../../schemas/kinds.ts';
import type { Task, TaskSet } from '../../../schemas/types.gen.ts';
import type { EventSink } from '../../engine/event.ts';
import { revisionData } from '../../revisions/snapshots.ts';
import { taskOfSet } from '../planning/newtask.ts';
import type { Status, TaskSetAction } from '../types.ts';
import {
  controllerOf,
  eachAtOnce,
  isRefusal,
  NameTaken,
  namesOf,
  orUndefined,
  type Refusal,
  Refused,
  refusalOf,
  type Tell,
} from './answers.ts';
import type { Observed } from './observe.ts';
import { ownersWith, type Revisions } from './revisions.ts';

export interface PerformContext {
  readonly client: Client;
  readonly recorder: EventSink;
  readonly log: Log;
  /** Records an Event about the set; a warning that goes on is told once. */
  readonly tell: Tell;
  /** A name that is somebody else's. */
  readonly noteTaken: (name: string) => void;
  /** A Task whose deletion was refused, in this version. */
  readonly noteUndeletable: (uid: string, version: string | undefined) => void;
}

type Create = Extract<TaskSetAction, { kind: 'create' }>;
type Delete = Extract<TaskSetAction, { kind: 'delete' }>;

/** One pass over one set. */
export class Performance {
  readonly #context: PerformContext;
  readonly #set: TaskSet;
  readonly #signal: AbortSignal;
  readonly #revisions: Revisions;
  readonly #taskOf: ReadonlyMap<string, Task>;
  #isAlive: Promise<boolean> | undefined;

  constructor(context: PerformContext, revisions: Revisions, { world }: Observed, signal: AbortSignal) {
    this.#context = context;
    this.#set = world.set;
    this.#signal = signal;
    this.#revisions = revisions;
    this.#taskOf = new Map(world.tasks.map((task) => [task.metadata.uid ?? '', task]));
  }

  /** What tasks are made from, and whose they are. */
  async prepare(actions: readonly TaskSetAction[], mayCreate: boolean): Promise<Refusal | undefined> {
    let refusal: Refusal | undefined;
    for (const action of actions) {
      if (action.kind === 'createRevision') {
        if (!mayCreate) continue;
        refusal = await refusalOf(() => this.#revisions.create(action.revision));
        if (refusal !== undefined) this.#context.tell('Warning', 'FailedCreate', refusal.message);
      } else if (action.kind === 'renumberRevision') {
        await this.#revisions.renumber(action.name, action.revision);
      } else if (action.kind === 'adopt') await this.#adopt(action.uid);
      else if (action.kind === 'release') await this.#release(action.uid);
    }
    return refusal;
  }

  /** Of tasks that the stored status says are leaving, and no others; and of revisions that nobody needs. */
  async remove(actions: readonly TaskSetAction[]): Promise<'refused' | 'done'> {
    for (const action of actions) {
      if (action.kind === 'deleteRevision') await this.#revisions.delete(action.name);
    }
    const deletes = actions.filter((action) => action.kind === 'delete');
    if (deletes.length === 0) return 'done';
    const leaving = new Set((await this.#storedStatus())?.leaving?.map(({ uid }) => uid));
    const told = deletes.filter(({ uid }) => leaving.has(uid));
    let refused: ApiError | undefined;
    await eachAtOnce(told, async (action) => {
      const error = await this.#delete(action);
      if (error === undefined) return;
      this.#context.noteUndeletable(action.uid, this.#taskOf.get(action.uid)?.metadata.resourceVersion);
      refused ??= error;
    });
    if (refused !== undefined) {
      const message = `deleting a task was refused: ${refused.message}`;
      this.#context.tell('Warning', 'FailedDelete', message);
      return 'refused';
    }
    if (told.length > 0) {
      this.#context.tell('Normal', 'SuccessfulDelete', `deleted ${namesOf(told.map(({ task }) => task))}`);
    }
    return 'done';
  }

  async #adopt(uid: string): Promise<void> {
    const task = this.#taskOf.get(uid);
    this.#isAlive ??= this.#storedStatus().then((status) => status !== undefined);
    if (task === undefined || !(await this.#isAlive)) return;
    if (await this.#writeOwners(task, ownersWith(task, this.#set))) {
      this.#context.tell(
        'Normal',
        'Adopted',
        `task ${task.metadata.name} matches the selector and was nobody's`,
      );
    }
  }

  async #release(uid: string): Promise<void> {
    const task = this.#taskOf.get(uid);
    if (task === undefined) return;
    const owners = task.metadata.ownerReferences?.filter((owner) => owner.uid !== this.#set.metadata.uid);
    if (await this.#writeOwners(task, owners ?? [])) {
      this.#context.tell(
        'Normal',
        'Released',
        `task ${task.metadata.name} does not match the selector any more`,
      );
    }
  }

  /** False when it was changed in the meantime: that change brings us back. */
  async #writeOwners(task: Task, ownerReferences: readonly OwnerReference[]): Promise<boolean> {
    const { uid, resourceVersion } = task.metadata;
    const body = { metadata: { uid, resourceVersion, ownerReferences } };
    const written = await orUndefined(
      this.#context.client.patch(tasks, keyOf(task), { type: 'merge', body }, { signal: this.#signal }),
      'Conflict',
      'NotFound',
    );
    return written !== undefined;
  }

  async create(creates: readonly Create[]): Promise<Refusal | undefined> {
    const made: string[] = [];
    const refusals: Refusal[] = [];
    const create = async (action: Create): Promise<void> => {
      if (refusals.some(({ isOfName }) => !isOfName)) return;
      const refused = await refusalOf(async () => {
        if (await this.#create(action)) made.push(action.name);
      });
      if (refused !== undefined) refusals.push(refused);
    };
    // What the first is refused for the others would be as well.
    const [first, ...others] = creates;
    if (first !== undefined) await create(first);
    await eachAtOnce(others, create);
    const refusal = refusals.find(({ isOfName }) => !isOfName) ?? refusals[0];
    if (made.length > 0) {
      const revisions = [...new Set(creates.map(({ revision }) => revision))].join(', ');
      this.#context.tell('Normal', 'SuccessfulCreate', `created ${namesOf(made)} of revision ${revisions}`);
    }
    if (refusal !== undefined) this.#context.tell('Warning', 'FailedCreate', refusal.message);
    return refusal;
  }

  /** False when it was there already. */
  async #create(action: Create): Promise<boolean> {
    const { client } = this.#context;
    const revision = this.#revisions.get(action.revision);
    const data = revision === undefined ? undefined : revisionData(revision);
    if (revision === undefined || data === undefined) {
      throw new Refused(`ControllerRevision "${action.revision}" is gone: no task can be made from it`);
    }
    const lacking = this.#revisions.lacking(action.revision);
    if (lacking !== undefined) throw new Refused(`revision ${action.revision}: ${lacking}`);
    const wanted = taskOfSet(this.#set, action, data, revision.metadata.labels?.[LABEL_REVISION] ?? '');
    const made = await orUndefined(client.create(tasks, wanted, { signal: this.#signal }), 'AlreadyExists');
    if (made !== undefined) return true;
    const found = await orUndefined(client.get(tasks, keyOf(wanted), { signal: this.#signal }), 'NotFound');
    const owner = found === undefined ? undefined : controllerOf(found);
    // On its way out, ours or of a set of this name that is gone: its going brings us back.
    const isOurs = found === undefined || owner?.uid === this.#set.metadata.uid;
    if (isOurs || found.metadata.deletionTimestamp !== undefined) return false;
    this.#context.noteTaken(action.name);
    const whose = owner === undefined ? 'nobody’s' : `${owner.kind} "${owner.name}"'s`;
    throw new NameTaken(
      `task "${action.name}" is in the way: it is ${whose}; delete it or give it another name`,
    );
  }

  /** The error when it was refused. */
  async #delete({ task, uid, reason }: Delete): Promise<ApiError | undefined> {
    const { client, recorder, log } = this.#context;
    const { namespace } = keyOf(this.#set);
    const key = { ...(namespace === undefined ? {} : { namespace }), name: task };
    try {
      const options = {
        preconditions: { uid },
        propagationPolicy: 'Background',
        signal: this.#signal,
      } as const;
      await client.delete(tasks, key, options);
    } catch (error) {
      // Gone, or another one of that name.
      if (isApiError(error, 'NotFound', 'Conflict')) return undefined;
      if (isRefusal(error)) return error;
      throw error;
    }
    log.info({ taskset: this.#set.metadata.name, namespace, task, uid, reason }, 'task deleted');
    const object = this.#taskOf.get(uid);
    if (object !== undefined) {
      const message = `deleted by TaskSet ${this.#set.metadata.name}: ${reason}`;
      const inputs = { taskset: this.#set.metadata.name, reason };
      const decision = { inputs, verdict: reason, action: 'delete' };
      recorder.record({ object, type: 'Normal', reason: 'Deleted', message, decision });
    }
    return undefined;
  }

  /** Undefined when the set is gone, or is going. */
  async #storedStatus(): Promise<Status | undefined> {
    const { client } = this.#context;
    const stored = await orUndefined(
      client.get(taskSets, keyOf(this.#set), { signal: this.#signal }),
      'NotFound',
    );
    const { uid } = this.#set.metadata;
    if (stored?.metadata.uid !== uid || stored?.metadata.deletionTimestamp !== undefined) return undefined;
    return stored?.status ?? {};
  }
}
