/**
 * TaskSets as the commands see them: which one a command line names, and the revisions that are kept of it.
 */
import { revisionData, type TaskSetRevisionData } from '../controllers/revisions/snapshots.ts';
import { ANNOTATION_CHANGE_CAUSE } from '../machinery/labels.ts';
import type { ObjectKey, Resource } from '../machinery/meta.ts';
import { controllerRevisions, taskSets } from '../schemas/kinds.ts';
import type { TaskReference } from '../schemas/taskreferences.ts';
import type { ControllerRevision, TaskSet } from '../schemas/types.gen.ts';
import { CommandError, type Io } from './io.ts';
import { CommandMoment } from './moment.ts';
import { namesOfKind } from './naming.ts';
import type { Session } from './session.ts';

export interface Revision {
  readonly number: number;
  readonly name: string;
  readonly createdAt: string | undefined;
  readonly changeCause: string | undefined;
  /** What its tasks are made from; undefined: it holds none. */
  readonly data: TaskSetRevisionData | undefined;
  /** As it is stored. */
  readonly object: ControllerRevision;
}

export interface SetSubject {
  readonly kind: Resource<TaskSet>;
  readonly key: ObjectKey;
}

const PAGE = 500;

/** Rejects with `CommandError`. */
export async function setsNamed(words: readonly string[], session: Session): Promise<readonly SetSubject[]> {
  const names = await namesOfKind(words, taskSets, 'web', session);
  return names.map((name) => ({ kind: taskSets, key: { namespace: session.namespace, name } }));
}

/** `taskset.gantry.dev/web` */
export function setName(name: string): string {
  return `taskset.gantry.dev/${name}`;
}

/** The revisions of a set, oldest first. @param moment absent is the present */
export async function revisionsOf(
  set: { readonly metadata: { readonly namespace?: string; readonly uid?: string } },
  session: Session,
  io: Pick<Io, 'signal'>,
  moment = new CommandMoment({}),
): Promise<readonly Revision[]> {
  const { namespace, uid } = set.metadata;
  const found: ControllerRevision[] = [];
  let next: string | undefined;
  do {
    const page = await session.client.list(controllerRevisions, {
      signal: io.signal,
      limit: PAGE,
      ...(namespace === undefined ? {} : { namespace }),
      ...(next === undefined ? moment.options() : { continue: next }),
    });
    moment.check();
    found.push(...page.items.filter((item) => isControlledBy(item, uid)));
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
  return found.map(revisionOf).sort((a, b) => a.number - b.number);
}

function isControlledBy({ metadata }: ControllerRevision, uid: string | undefined): boolean {
  return metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true;
}

export function revisionOf(object: ControllerRevision): Revision {
  const { metadata, revision } = object;
  return {
    number: revision,
    name: metadata.name,
    createdAt: metadata.creationTimestamp,
    changeCause: metadata.annotations?.[ANNOTATION_CHANGE_CAUSE],
    data: revisionData(object),
    object,
  };
}

/** `configmap/settings` */
export function inputName({ kind, name }: TaskReference): string {
  return `${kind === 'configmaps' ? 'configmap' : 'secret'}/${name}`;
}

/** A revision's number as a flag gives it; absent and kubectl's 0 are none. Throws `CommandError`. */
export function revisionFrom(flag: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '0') return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new CommandError(`${flag}: found "${text}", wanted the number of a revision, such as 2`);
}
