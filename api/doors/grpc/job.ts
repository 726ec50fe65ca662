/** A Run of one of the job runner's templates, told as a Job. Pure. */
import { create } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { ANNOTATION_STARTED_BY, ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import { type Job, JobSchema, JobStatus } from '../../../schemas/grpc/jobs.gen.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import { idOfName } from './ids.ts';
import { argumentsOf, type JobKind } from './jobtypes.ts';

type State = NonNullable<NonNullable<Run['status']>['state']>;

const STATUSES: Readonly<Record<State, JobStatus>> = {
  pending: JobStatus.Pending,
  running: JobStatus.Running,
  completed: JobStatus.Complete,
  failed: JobStatus.Failed,
  cancelled: JobStatus.Stopped,
  interrupted: JobStatus.Interrupted,
};

export function statusOf(run: Run): JobStatus {
  return STATUSES[run.status?.state ?? 'pending'];
}

export function hasEnded(run: Run): boolean {
  return run.status?.finishedAt !== undefined;
}

/** What it found out. */
export function resultsOf(run: Run): Readonly<Record<string, string>> {
  return run.status?.tasks?.[0]?.outputs ?? {};
}

/** Why it is so. */
export function messageOfRun({ status }: Run): string {
  const step = status?.tasks?.[0];
  return status?.message ?? step?.message ?? status?.reason ?? '';
}

export function jobOf(run: Run, kind: JobKind): Job {
  const { metadata, spec, status } = run;
  const annotations = metadata.annotations ?? {};
  const state = statusOf(run);
  const exitCode = status?.tasks?.[0]?.exitCode;
  const isByItself = state === JobStatus.Complete || state === JobStatus.Failed;
  const startedAt = timestampOf(status?.startedAt);
  const finishedAt = timestampOf(status?.finishedAt);
  const createdAt = timestampOf(metadata.creationTimestamp);
  return create(JobSchema, {
    id: idOfName(metadata.name),
    type: kind.type,
    arguments: argumentsOf(kind, spec.parameters ?? {}),
    status: state,
    message: state === JobStatus.Complete ? '' : messageOfRun(run),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(exitCode === undefined || !isByItself ? {} : { exitCode }),
    results: { ...resultsOf(run) },
    startedBy: annotations[ANNOTATION_STARTED_BY] ?? '',
    traceId: status?.traceID ?? annotations[ANNOTATION_TRACE] ?? '',
  });
}

/** Of RFC 3339 with up to nine decimals; undefined for what is no time. */
export function timestampOf(text: string | undefined): Timestamp | undefined {
  const epochMs = Date.parse(text ?? '');
  if (text === undefined || Number.isNaN(epochMs)) return undefined;
  const decimals = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  return create(TimestampSchema, {
    seconds: BigInt(Math.floor(epochMs / 1000)),
    nanos: Number(decimals.padEnd(9, '0')),
  });
}
