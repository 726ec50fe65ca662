/** How a Task's containers ended, from everything that says so: statuses of all versions, and the logs that are kept. Pure. */
import type { AttemptFacts, WhyEntry, WhyFacts } from '../../../machinery/why.ts';
import { type Fields, numberOf, recordOf, recordsOf, statusOf, textOf } from './readings.ts';

const MAX_LINES = 10;

type Ended = Pick<WhyEntry, 'attempt' | 'exitCode' | 'signal' | 'reason'> & {
  readonly message?: string | undefined;
};

/** One for each end, oldest first. */
export function entriesOfEnds(facts: WhyFacts): readonly WhyEntry[] {
  const entries = new Map<string, WhyEntry>();
  const keep = (key: string, entry: WhyEntry): void => {
    // The version that told it first is the one it belongs to in the order of things.
    if (!entries.has(key)) entries.set(key, entry);
  };
  const stored = facts.versions
    .toReversed()
    .map(({ object, revision, author }) => ({ object, revision, by: author?.user }));
  const now =
    facts.object === undefined
      ? []
      : [
          {
            object: facts.object,
            revision: Number(facts.object.metadata.resourceVersion ?? 0),
            by: undefined,
          },
        ];
  for (const { object, revision, by } of [...stored, ...now]) {
    const { uid = '' } = object.metadata;
    for (const end of recordsOf(statusOf(object)['history'])) {
      const key = keyOf(uid, end);
      const entry = entryOfEnd(end, uid, revision, lastLinesOf(facts.attempts, uid, end));
      if (entry !== undefined) keep(key, by === undefined ? entry : { ...entry, by });
    }
  }
  for (const kept of facts.attempts) {
    const known = [...entries.values()].some(
      ({ uid, attempt }) => uid === kept.uid && attempt === kept.attempt,
    );
    if (known || kept.finishedAt === undefined) continue;
    keep(`${kept.uid}/${kept.attempt}`, entryOfLog(kept, kept.finishedAt));
  }
  return [...entries.values()].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function keyOf(uid: string, end: Fields): string {
  return `${uid}/${String(end['attempt'])}/${String(end['finishedAt'])}`;
}

function entryOfEnd(
  end: Fields,
  uid: string,
  revision: number | undefined,
  lines: readonly string[] | undefined,
): WhyEntry | undefined {
  const at = textOf(end['finishedAt']) ?? textOf(end['startedAt']);
  if (at === undefined) return undefined;
  const attempt = numberOf(end['attempt']);
  const exitCode = numberOf(end['exitCode']);
  const signal = numberOf(end['signal']);
  const reason = textOf(end['reason']);
  const message = textOf(end['message']);
  const lastLines = linesOf(textOf(end['output'])) ?? lines;
  const ended = {
    ...(attempt === undefined ? {} : { attempt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(reason === undefined ? {} : { reason }),
  };
  return {
    at,
    topic: 'ended',
    uid,
    isWarning: !ORDERLY.has(reason ?? ''),
    ...ended,
    message: endWords({ ...ended, message }),
    ...(lastLines === undefined ? {} : { lastLines }),
    ...(revision === undefined ? {} : { revision }),
    source: 'status',
  };
}

function entryOfLog(kept: AttemptFacts, at: string): WhyEntry {
  const { uid, worker, attempt, exitCode, signal, reason, message, lastLines } = kept;
  const ended = {
    attempt,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(reason === undefined ? {} : { reason }),
  };
  return {
    at,
    topic: 'ended',
    uid,
    isWarning: !ORDERLY.has(reason ?? ''),
    by: `kept log on ${worker}`,
    ...ended,
    message: endWords({ ...ended, message }),
    ...(lastLines === undefined || lastLines.length === 0 ? {} : { lastLines: lastLines.slice(-MAX_LINES) }),
    source: 'log',
  };
}

function lastLinesOf(
  attempts: readonly AttemptFacts[],
  uid: string,
  end: Fields,
): readonly string[] | undefined {
  const kept = attempts.find((candidate) => candidate.uid === uid && candidate.attempt === end['attempt']);
  return kept?.lastLines === undefined || kept.lastLines.length === 0
    ? undefined
    : kept.lastLines.slice(-MAX_LINES);
}

function linesOf(output: string | undefined): readonly string[] | undefined {
  return output?.replace(/\n$/, '').split('\n').slice(-MAX_LINES);
}

const ORDERLY = new Set(['Completed', 'Stopped', 'Superseded', 'Preempted', 'Evicted']);

/** One sentence: which container, how, and why. */
export function endWords({ attempt, exitCode, signal, reason = 'Error', message }: Ended): string {
  const who = attempt === undefined ? 'the container' : `container ${attempt}`;
  const code =
    exitCode === undefined
      ? ''
      : ` (exit code ${exitCode}${signal === undefined ? '' : `, signal ${signal}`})`;
  const more = message === undefined || message === '' ? '' : `: ${message}`;
  switch (reason) {
    case 'Completed':
      return `${who} completed with exit code ${exitCode ?? 0}${more}`;
    case 'Error':
      return `${who} ended by itself with ${exitCode === undefined ? 'no known exit code' : `exit code ${exitCode}`}${signal === undefined ? '' : `, signal ${signal}`}${more}`;
    case 'OOMKilled':
      return `${who} was killed because its memory ran out${code}${more}`;
    case 'ContainerCannotRun':
      return `${who} could not be started${code}${more}`;
    case 'DeadlineExceeded':
      return `${who} was stopped because activeDeadlineSeconds had passed since the task's first start${code}`;
    case 'Evicted':
      return `${who} was stopped because ${message === undefined ? 'its task was taken off the worker' : `of what it took of the worker: ${message}`}${code}`;
    case 'Preempted':
      return `${who} was stopped to make room for a task of higher priority${code}${more}`;
    case 'WorkerLost':
      return `${who} was on a worker that was lost: how it ended is not known${more}`;
    case 'LivenessFailed':
      return `${who} was stopped because its liveness probe failed${code}${more}`;
    case 'StartupFailed':
      return `${who} was stopped because its startup probe failed${code}${more}`;
    case 'Stopped':
      return `${who} was stopped as asked${code}${more}`;
    case 'Superseded':
      return `${who} was stopped because the spec or the binding changed${code}${more}`;
    default:
      return `${who} ended, ${reason}${code}${more}`;
  }
}

/** Of the newest end that the Event tells, so that both become one entry. */
export function isEndOf(event: WhyEntry, end: WhyEntry): boolean {
  if (event.reason !== 'Ended' || event.uid !== end.uid) return false;
  const inputs = recordOf(event.decision?.inputs);
  return (
    inputs['attempt'] === end.attempt &&
    (inputs['finishedAt'] === undefined || inputs['finishedAt'] === end.at)
  );
}
