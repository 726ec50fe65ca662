/**
 * `gantry stop`: ends a piece of work, whatever name it is known by: a Task by its name, its uid or its id in /tasks; a
 * Run by its name, its uid, the task_id it was dispatched with or its id in the job runner. What it is is found out.
 */
import { runNameOf } from '../../api/doors/dispatch/translate.ts';
import { isApiError } from '../../machinery/errors.ts';
import { ANNOTATION_TASK_ID } from '../../machinery/labels.ts';
import type { KubeObject, Resource } from '../../machinery/meta.ts';
import { subdomainProblem } from '../../machinery/names.ts';
import { runs, tasks } from '../../schemas/kinds.ts';
import type { Run, Task } from '../../schemas/types.gen.ts';
import { changeObject } from '../changing.ts';
import { findKind } from '../discovery.ts';
import { CommandError, type Io } from '../io.ts';
import { listAll } from '../listing.ts';
import { isEnded } from '../runprogress.ts';
import type { Session } from '../session.ts';

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

interface Found {
  readonly kind: 'run' | 'task';
  readonly namespace: string;
  readonly name: string;
}

/** Rejects with `ApiError`, and with `CommandError` for what is not there or could be two things. */
export async function runStop(ids: readonly string[], session: Session, io: Io): Promise<void> {
  const problems: unknown[] = [];
  for (const id of ids) {
    try {
      const found = await findWork(id, session, io);
      await io.stdout.write(`${found.kind}.gantry.dev/${found.name} ${await stop(found, session, io)}\n`);
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw problems.length === 1 ? problems[0] : new AggregateError(problems);
}

async function stop({ kind, namespace, name }: Found, session: Session, io: Io): Promise<string> {
  const key = { namespace, name };
  let said = '';
  if (kind === 'task') {
    const decide = ({ spec }: Task): Record<string, unknown> | undefined => {
      const isAsked = spec.desiredState === 'Stopped';
      said = isAsked ? 'is stopped already' : 'is being stopped';
      return isAsked ? undefined : { spec: { desiredState: 'Stopped' } };
    };
    await changeObject({ kind: tasks, key }, decide, session, io);
    return said;
  }
  const decide = (run: Run): Record<string, unknown> | undefined => {
    const isNothingToDo = isEnded(run) || run.spec.cancel === true;
    said = isEnded(run)
      ? `has ended already (${run.status?.state ?? 'unknown'})`
      : `is being cancelled${isNothingToDo ? ' already' : ''}`;
    return isNothingToDo ? undefined : { spec: { cancel: true } };
  };
  await changeObject({ kind: runs, key }, decide, session, io);
  return said;
}

async function findWork(word: string, session: Session, io: Io): Promise<Found> {
  const [, kindWord, id = word] = /^([^/]+)\/([^/]+)$/.exec(word) ?? [];
  const only = kindWord === undefined ? undefined : await kindOf(kindWord, word, session);
  const isWanted = (kind: Found['kind']): boolean => only === undefined || only === kind;
  const found = new Map<string, Found>();
  const keep = (kind: Found['kind'], objects: readonly KubeObject[]): void => {
    for (const { metadata } of objects) {
      const { name, namespace = session.namespace } = metadata;
      found.set(`${kind} ${namespace}/${name}`, { kind, namespace, name });
    }
  };
  if (isWanted('task')) keep('task', await byName(tasks, [id], session, io));
  if (isWanted('run')) {
    // What is dispatched has a name made from its task_id; the job runner's ids are names in capitals.
    const named = await byName(runs, [id, id.toLowerCase(), runNameOf(id)], session, io);
    keep(
      'run',
      named.filter((run) => isCalled(run, id)),
    );
  }
  if (UUID.test(id)) {
    if (isWanted('task')) keep('task', await byId(tasks, id, session, io));
    if (isWanted('run')) keep('run', await byId(runs, id, session, io));
  }
  const [first, second] = [...found.values()];
  if (first === undefined) {
    throw new CommandError(
      `found no task and no run "${word}" in namespace ${session.namespace}: gantry status lists tasks, gantry get runs lists runs`,
    );
  }
  if (second === undefined) return first;
  const [a, b] = [first, second].map(
    ({ kind, namespace, name }) =>
      `${kind}/${name}${namespace === session.namespace ? '' : ` of namespace ${namespace}`}`,
  );
  throw new CommandError(`"${word}" could be ${a} or ${b}: say which, for example gantry stop ${a}`);
}

async function kindOf(word: string, whole: string, session: Session): Promise<Found['kind']> {
  const { group, plural, kind } = findKind(await session.kinds(), word);
  for (const [resource, found] of [
    [tasks, 'task'],
    [runs, 'run'],
  ] as const) {
    if (resource.group === group && resource.plural === plural) return found;
  }
  throw new CommandError(`found "${whole}", which names a ${kind}: wanted task/NAME or run/NAME`);
}

/** Whether a Run that has one of the names made from an id is the one that is meant. */
function isCalled({ metadata }: Run, id: string): boolean {
  const taskId = metadata.annotations?.[ANNOTATION_TASK_ID];
  return (
    metadata.name === id || taskId === id || (taskId === undefined && metadata.name === id.toLowerCase())
  );
}

async function byName<T extends KubeObject>(
  resource: Resource<T>,
  names: readonly string[],
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<T[]> {
  const found: T[] = [];
  for (const name of new Set(names)) {
    if (subdomainProblem(name) !== undefined) continue;
    try {
      const key = { namespace: session.namespace, name };
      found.push(await session.client.get(resource, key, { signal: io.signal }));
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  return found;
}

/** In all namespaces, or, for who may not look there, in the session's. */
async function byId<T extends KubeObject>(
  resource: Resource<T>,
  id: string,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<T[]> {
  const wanted = plainId(id);
  const isMeant = ({ metadata }: T): boolean =>
    [metadata.uid, metadata.name, metadata.annotations?.[ANNOTATION_TASK_ID]].some(
      (known) => known !== undefined && plainId(known) === wanted,
    );
  const all = async (scope: { readonly namespace?: string }): Promise<T[]> =>
    (await listAll(resource, scope, session, io)).filter(isMeant);
  try {
    return await all({});
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
    return all({ namespace: session.namespace });
  }
}

/** UUIDs are told apart neither by capitals nor by hyphens. */
function plainId(text: string): string {
  return text.toLowerCase().replaceAll('-', '');
}
