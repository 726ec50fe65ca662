/**
 * What a job puts out, from its beginning to its end: what the job runner says of its life, what its work wrote, byte
 * for byte and through every try, and what it found out. Each reader reads for itself, as fast as it takes.
 */
import { create } from '@bufbuild/protobuf';
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { LABEL_RUN } from '../../../machinery/labels.ts';
import type { LogEntry, WorkerLink } from '../../../machinery/workerlink.ts';
import {
  JobStatus,
  TailResponse_Source as Source,
  type TailResponse,
  TailResponseSchema,
} from '../../../schemas/grpc/jobs.gen.ts';
import { runs, tasks } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { CallError } from './errors.ts';
import { hasEnded, messageOfRun, resultsOf, statusOf, timestampOf } from './job.ts';
import { firstOf, untilObject } from './waiting.ts';

export interface TailDeps {
  readonly client: Client;
  readonly workerLink: WorkerLink;
  readonly signal: AbortSignal;
}

export interface TailWish {
  readonly title: string;
  /** How people know what the work wrote: FIB. */
  readonly tag: string;
  /** Of the newest try, so many last lines of what there is, then what comes; undefined: everything. */
  readonly tailLines: number | undefined;
}

const TAGS = { [Source.Job]: 'JOB', [Source.Result]: 'RESULT' } as const;
/** What a template calls its main result needs no name before it. */
const MAIN_RESULT = 'value';

export async function* tailFrames(
  deps: TailDeps,
  first: Run,
  { title, tag, tailLines }: TailWish,
): AsyncGenerator<TailResponse, void, undefined> {
  const { client, signal } = deps;
  const seen = new Set<string>();
  const newTask = (run: Run): string | undefined => {
    const uid = run.status?.tasks?.[0]?.taskUID;
    return uid === undefined || seen.has(uid) ? undefined : uid;
  };
  let run = first;
  let skipsTo = tailLines;
  if (skipsTo === 0 && hasEnded(first)) return;
  let isToldToStart = skipsTo !== undefined;
  for (let tries = 0; ; ) {
    run = await untilRun(deps, run, (found) => newTask(found) !== undefined || hasEnded(found));
    if (!isToldToStart && run.status?.startedAt !== undefined) {
      isToldToStart = true;
      yield said(`Starting job '${title}'`, run.status.startedAt);
    }
    const named = newTask(run);
    const found = (await tasksOf(client, run)).filter(({ metadata: { uid = '' } }) => !seen.has(uid));
    if (found.length === 0 && hasEnded(run)) break;
    for (const {
      metadata: { uid = '' },
    } of found)
      seen.add(uid);
    // A list is as new as what was read before: one that the Run names and that is not listed is gone.
    if (named !== undefined) seen.add(named);
    for (const task of skipsTo === undefined ? found : found.slice(-1)) {
      if (++tries > 1) yield said(`Trying job '${title}' again`, task.metadata.creationTimestamp);
      yield* workFrames(deps, run, task, tag, skipsTo);
      skipsTo = undefined;
      signal.throwIfAborted();
    }
  }
  const finishedAt = run.status?.finishedAt;
  for (const [name, value] of Object.entries(resultsOf(run)).toSorted(byName)) {
    const data = Buffer.from(name === MAIN_RESULT ? value : `${name}=${value}`);
    yield frame(Source.Result, data, finishedAt, TAGS[Source.Result]);
  }
  yield said(lastWords(run), finishedAt);
}

/** What the containers of one Task wrote. */
async function* workFrames(
  deps: TailDeps,
  run: Run,
  { metadata }: Task,
  tag: string,
  tailLines: number | undefined,
): AsyncGenerator<TailResponse, void, undefined> {
  const { workerLink, signal } = deps;
  const task = await placed(deps, run, metadata);
  const worker = task?.spec.workerName ?? task?.status?.workerName;
  // It ended, or went, without having run anywhere.
  if (task === undefined || worker === undefined) return;
  const { namespace = '', name, uid = '' } = metadata;
  let attempt: number | undefined;
  try {
    const options = { follow: true, ...(tailLines === undefined ? {} : { tailLines }) };
    for await (const entry of await workerLink.logEntries(
      worker,
      { namespace, name, uid },
      options,
      signal,
    )) {
      if (attempt !== undefined && entry.attempt !== attempt)
        yield said('Its container was started again', entry.time);
      ({ attempt } = entry);
      yield entryFrame(entry, tag);
    }
  } catch (error) {
    // It has no log: it was stopped before its container was, or that has been removed since.
    if (!isApiError(error, 'BadRequest', 'NotFound')) throw error;
    if (task.status?.container !== undefined) {
      yield said('What it put out is not kept any more', task.status.finishedAt);
    }
  }
}

/** The Task as soon as it is somewhere, or over. */
function placed(
  { client, signal }: TailDeps,
  run: Run,
  { namespace, name, uid }: Task['metadata'],
): Promise<Task | undefined> {
  const key = { name, uid, ...(namespace === undefined ? {} : { namespace }) };
  const isPlaced = ({ spec, status }: Task): boolean =>
    spec.workerName !== undefined || ['Succeeded', 'Failed', 'Stopped'].includes(status?.phase ?? '');
  return firstOf(
    signal,
    (either) => untilObject(client, tasks, key, isPlaced, either),
    async (either) => {
      await untilObject(client, runs, keyOfRun(run), hasEnded, either);
      return untilObject(client, tasks, key, () => true, either);
    },
  );
}

async function untilRun({ client, signal }: TailDeps, run: Run, holds: (run: Run) => boolean): Promise<Run> {
  const found = await untilObject(client, runs, keyOfRun(run), holds, signal);
  if (found !== undefined) return found;
  throw new CallError(
    'NOT_FOUND',
    `id: job ${run.metadata.name.toUpperCase()} was removed while it was followed`,
  );
}

export function keyOfRun({ metadata: { namespace, name, uid } }: Run): {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string | undefined;
} {
  return { name, uid, ...(namespace === undefined ? {} : { namespace }) };
}

/** Its tries, in their order. */
export async function tasksOf(client: Client, { metadata }: Run): Promise<readonly Task[]> {
  const { namespace, name, uid } = metadata;
  const { items } = await client.list(tasks, {
    labelSelector: `${LABEL_RUN}=${name}`,
    ...(namespace === undefined ? {} : { namespace }),
  });
  return items
    .filter(({ metadata: { ownerReferences = [] } }) => ownerReferences.some((owner) => owner.uid === uid))
    .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name, 'en', { numeric: true }));
}

function entryFrame({ stream, data, time }: LogEntry, tag: string): TailResponse {
  if (stream === 'gap') return frame(Source.Job, data, time, TAGS[Source.Job]);
  return frame(stream === 'stdout' ? Source.Stdout : Source.Stderr, data, time, tag);
}

function said(sentence: string, time: string | undefined): TailResponse {
  return frame(Source.Job, Buffer.from(sentence), time, TAGS[Source.Job]);
}

function frame(source: Source, data: Uint8Array, at: string | undefined, tag: string): TailResponse {
  const time = timestampOf(at);
  return create(TailResponseSchema, { source, data, tag, ...(time === undefined ? {} : { time }) });
}

function lastWords(run: Run): string {
  const state = statusOf(run);
  if (state === JobStatus.Complete) return 'Complete';
  if (state === JobStatus.Stopped) return 'Stopped';
  const message = messageOfRun(run);
  const how = state === JobStatus.Interrupted ? 'Interrupted' : 'Failed';
  return message === '' ? how : `${how}: ${message}`;
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
