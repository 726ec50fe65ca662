/**
 * What is told of a trace, in order of time: one entry for each thing that happened to a Job, Run or Task of it, and for
 * each Event. Pure.
 */
import { ANNOTATION_TASK_ID, ANNOTATION_TRACE, LABEL_STEP } from '../machinery/labels.ts';
import type { KubeObject } from '../machinery/meta.ts';
import type { Event, Job, Run, Task } from '../schemas/types.gen.ts';

export interface Traced {
  readonly jobs: readonly Job[];
  readonly runs: readonly Run[];
  readonly tasks: readonly Task[];
  readonly events: readonly Event[];
}

export interface Entry {
  /** RFC 3339. */
  readonly at: string;
  readonly kind: 'Job' | 'Run' | 'Task';
  readonly namespace: string;
  readonly name: string;
  readonly what: string;
  readonly reason?: string;
  readonly message?: string;
  readonly worker?: string;
  readonly container_id?: string;
  readonly exit_code?: number;
  readonly task_id?: string;
  readonly step?: string;
  /** Of an Event: how often it was seen, last at `at`. */
  readonly count?: number;
}

export function traceOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[ANNOTATION_TRACE];
}

/** Those of one trace. */
export function ofTrace(all: Traced, id: string): Traced {
  const isOf = (object: KubeObject): boolean => traceOf(object) === id;
  return {
    jobs: all.jobs.filter(isOf),
    runs: all.runs.filter(isOf),
    tasks: all.tasks.filter(isOf),
    events: all.events.filter(isOf),
  };
}

/** Things of the same second stand in the order in which they follow from each other. */
export function planEntries({ jobs, runs, tasks, events }: Traced): readonly Entry[] {
  const entries = [
    ...jobs.map((job): Entry => ({ ...subject('Job', job), what: 'created' })),
    ...runs.flatMap(entriesOfRun),
    ...tasks.flatMap(entriesOfTask),
    // Events know whole seconds alone: which came first says the version.
    ...events.toSorted((one, other) => versionOf(one) - versionOf(other)).map(entryOfEvent),
  ].filter(({ at }) => at !== '');
  return entries.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function subject(
  kind: Entry['kind'],
  { metadata }: KubeObject,
): Pick<Entry, 'at' | 'kind' | 'namespace' | 'name' | 'task_id'> {
  const taskId = metadata.annotations?.[ANNOTATION_TASK_ID];
  return {
    at: metadata.creationTimestamp ?? '',
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ...(taskId === undefined ? {} : { task_id: taskId }),
  };
}

function entriesOfRun(run: Run): readonly Entry[] {
  const of = subject('Run', run);
  const { state = 'pending', startedAt, finishedAt, reason, message } = run.status ?? {};
  return [
    { ...of, what: 'created' },
    ...(startedAt === undefined ? [] : [{ ...of, at: startedAt, what: 'started' }]),
    ...(finishedAt === undefined ? [] : [{ ...of, at: finishedAt, what: state, ...why(reason, message) }]),
  ];
}

function entriesOfTask(task: Task): readonly Entry[] {
  const step = task.metadata.labels?.[LABEL_STEP];
  const { phase = 'Pending', reason, message, workerName: seenOn, container } = task.status ?? {};
  const worker = seenOn ?? task.spec.workerName;
  const of: Entry = { ...subject('Task', task), what: 'created', ...(step === undefined ? {} : { step }) };
  const ran: Entry = {
    ...of,
    ...(worker === undefined ? {} : { worker }),
    ...(container?.id === undefined ? {} : { container_id: container.id }),
  };
  const { startedAt, finishedAt, exitCode } = container ?? {};
  const isOver = finishedAt !== undefined && (startedAt === undefined || finishedAt >= startedAt);
  return [
    of,
    ...(startedAt === undefined ? [] : [{ ...ran, at: startedAt, what: 'started' }]),
    ...(isOver
      ? [
          {
            ...ran,
            at: finishedAt,
            what: phase.toLowerCase(),
            ...why(reason, message),
            ...(exitCode === undefined ? {} : { exit_code: exitCode }),
          },
        ]
      : []),
    // What has not begun says why.
    ...(startedAt === undefined && (reason ?? '') !== ''
      ? [{ ...ran, what: phase.toLowerCase(), ...why(reason, message) }]
      : []),
  ];
}

function versionOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion ?? 0);
}

function entryOfEvent(event: Event): Entry {
  const { involvedObject: about, reason, message, count, lastTimestamp, eventTime, type } = event;
  const taskId = event.metadata.annotations?.[ANNOTATION_TASK_ID];
  return {
    at: lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp ?? '',
    kind: about.kind === 'Run' || about.kind === 'Job' ? about.kind : 'Task',
    namespace: about.namespace ?? event.metadata.namespace ?? '',
    name: about.name ?? '',
    what: type === 'Warning' ? 'warning' : 'event',
    ...why(reason, message),
    ...(count === undefined ? {} : { count }),
    ...(taskId === undefined ? {} : { task_id: taskId }),
  };
}

function why(reason: string | undefined, message: string | undefined): { reason?: string; message?: string } {
  return {
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(message === undefined || message === '' ? {} : { message }),
  };
}

/** Cells of a table: when, of what, what, and everything else in words. */
export function rowOf(entry: Entry): readonly string[] {
  const {
    at,
    kind,
    name,
    what,
    reason,
    message,
    worker,
    container_id: container,
    exit_code: exitCode,
    count,
  } = entry;
  const details = [
    ...(reason === undefined ? [] : [message === undefined ? reason : `${reason}:`]),
    ...(message === undefined ? [] : [message.replaceAll(/\s+/g, ' ')]),
    ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
    ...(worker === undefined ? [] : [`worker ${worker}`]),
    ...(container === undefined ? [] : [`container ${container.slice(0, 12)}`]),
    ...(count === undefined || count < 2 ? [] : [`(${count} times)`]),
  ];
  return [at, `${kind.toLowerCase()}/${name}`, what, details.join(' ')];
}
