/** `gantry logs run/NAME` and `gantry logs taskset/NAME`: the logs of the Tasks that belong to one thing. */
import { findCondition } from '../../machinery/conditions.ts';
import { LABEL_RUN, LABEL_STEP, LABEL_TASKSET } from '../../machinery/labels.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { runs, taskSets, tasks } from '../../schemas/kinds.ts';
import type { Run, Task } from '../../schemas/types.gen.ts';
import { CommandError, type Io } from '../io.ts';
import type { CommandMoment } from '../moment.ts';
import { isEnded } from '../runprogress.ts';
import { RunTails, stepPrefix } from '../runtails.ts';
import type { Session } from '../session.ts';
import { type LogQuery, type LogSource, printLogs } from '../tasklogs.ts';
import { waitUntil } from '../waiting.ts';

const WEEK_MS = 7 * 86_400_000;
const PAGE = 500;
/** Connections at once. */
const MOST_FOLLOWED = 50;

export interface LogsRequest {
  readonly name: string;
  /** Made anew for each Task: further reads of a moment ask for just that. */
  readonly query: () => LogQuery;
  readonly isFollowing: boolean;
  readonly moment: CommandMoment;
}

/** Rejects with `ApiError` or `CommandError`. @param step only of this one */
export async function runRunLogs(
  request: LogsRequest,
  step: string | undefined,
  session: Session,
  io: Io,
): Promise<void> {
  const { name, moment } = request;
  const key = { namespace: session.namespace, name };
  const run = await session.client.get(runs, key, { signal: io.signal, ...moment.options() });
  const steps = (run.status?.tasks ?? []).map((one) => one.name);
  if (step !== undefined && steps.length > 0 && !steps.includes(step)) {
    throw new CommandError(`--step: run "${name}" has no step "${step}"; its steps are ${steps.join(', ')}`);
  }
  const found = await tasksOf(run, `${LABEL_RUN}=${name}`, moment, session, io);
  const sources = sourcesOf(run, found, steps).filter((source) => step === undefined || source.step === step);
  if (request.isFollowing && !isEnded(run)) return followRun(run, sources, step, request, session, io);
  if (sources.length === 0) {
    const what = step === undefined ? `run "${name}"` : `step "${step}" of run "${name}"`;
    const state =
      run.status?.tasks?.find((one) => one.name === step)?.state ?? run.status?.state ?? 'pending';
    throw new CommandError(`${what} has no tasks whose logs could be read: it is ${state}`);
  }
  await requireAny(await printLogs(sources, request.query(), session, io), io);
}

async function followRun(
  run: Run,
  sources: readonly LogSource[],
  step: string | undefined,
  request: LogsRequest,
  session: Session,
  io: Io,
): Promise<void> {
  const tails = new RunTails(request.query(), step, session, io);
  const key = { namespace: session.namespace, name: request.name };
  try {
    for (const source of sources) tails.add(source);
    const look = (found: Run | undefined): boolean => {
      if (found === undefined || found.metadata.uid !== run.metadata.uid) return true;
      tails.follow(found);
      return isEnded(found);
    };
    await waitUntil({ kind: runs, key }, look, WEEK_MS, session, io);
    await tails.ended();
  } finally {
    await tails.close();
  }
}

/** Step by step in the job's order, and try by try. */
function sourcesOf(
  run: Run,
  found: readonly Task[],
  steps: readonly string[],
): readonly (LogSource & { readonly step: string })[] {
  const tries = new Map<string, number>();
  const stepOf = ({ metadata }: Task): string => metadata.labels?.[LABEL_STEP] ?? metadata.name;
  const place = (task: Task): number => {
    const at = steps.indexOf(stepOf(task));
    return at < 0 ? steps.length : at;
  };
  const ordered = found.toSorted((a, b) => place(a) - place(b) || byAge(a, b));
  return ordered.map((task) => {
    const step = stepOf(task);
    const attempt = (tries.get(step) ?? 0) + 1;
    tries.set(step, attempt);
    return { task: task.metadata.name, step, prefix: stepPrefix(run, step, attempt) };
  });
}

/** Rejects with `ApiError` or `CommandError`. @param isAll else one of them, and which is told on standard error */
export async function runTaskSetLogs(
  request: LogsRequest,
  isAll: boolean,
  session: Session,
  io: Io,
): Promise<void> {
  const { name, moment } = request;
  const key = { namespace: session.namespace, name };
  const set = await session.client.get(taskSets, key, { signal: io.signal, ...moment.options() });
  const found = await tasksOf(set, `${LABEL_TASKSET}=${name}`, moment, session, io);
  const leaving = new Set((set.status?.leaving ?? []).map(({ task }) => task));
  const ordered = found.toSorted((a, b) => usefulness(b, leaving) - usefulness(a, leaving) || byAge(a, b));
  const [first] = ordered;
  if (first === undefined) throw new CommandError(`taskset "${name}" has no tasks whose logs could be read`);
  if (!isAll) {
    if (ordered.length > 1) {
      await io.stderr.write(
        `Found ${ordered.length} tasks, using task/${first.metadata.name} (--all shows those of all)\n`,
      );
    }
    const only = { task: first.metadata.name, prefix: '' };
    return requireAny(await printLogs([only], request.query(), session, io), io);
  }
  if (request.isFollowing && ordered.length > MOST_FOLLOWED) {
    throw new CommandError(
      `--follow with --all is for at most ${MOST_FOLLOWED} tasks: taskset "${name}" has ${ordered.length}`,
    );
  }
  const sources = found
    .toSorted(byAge)
    .map(({ metadata }) => ({ task: metadata.name, prefix: `[${metadata.name}] ` }));
  await requireAny(await printLogs(sources, request.query(), session, io), io);
}

/** What would be taken for the set as a whole: one that works. */
function usefulness(task: Task, leaving: ReadonlySet<string>): number {
  const isReady = findCondition(task.status?.conditions, 'Ready')?.status === 'True';
  const hasBegun = task.status?.container?.startedAt !== undefined;
  const isStaying = task.metadata.deletionTimestamp === undefined && !leaving.has(task.metadata.name);
  return (isReady ? 4 : 0) + (hasBegun ? 2 : 0) + (isStaying ? 1 : 0);
}

/** The Tasks that an object controls, as they are or were. */
async function tasksOf(
  owner: KubeObject,
  labelSelector: string,
  moment: CommandMoment,
  session: Session,
  io: Io,
): Promise<readonly Task[]> {
  const found: Task[] = [];
  let next: string | undefined;
  do {
    const page = await session.client.list(tasks, {
      signal: io.signal,
      namespace: session.namespace,
      labelSelector,
      limit: PAGE,
      ...(next === undefined ? moment.options() : { continue: next }),
    });
    moment.check();
    found.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
  const { uid } = owner.metadata;
  return found.filter(({ metadata }) =>
    metadata.ownerReferences?.some((reference) => reference.controller === true && reference.uid === uid),
  );
}

/** Times are whole seconds; within one, names count upwards. */
function byAge(a: Task, b: Task): number {
  const [first, second] = [a.metadata, b.metadata];
  const created = (first.creationTimestamp ?? '').localeCompare(second.creationTimestamp ?? '');
  return created || first.name.localeCompare(second.name, 'en', { numeric: true });
}

/** What went wrong with each was told. */
async function requireAny(isAny: boolean, io: Io): Promise<void> {
  if (!isAny && !io.signal.aborted) throw new CommandError('none of these logs could be read');
}
