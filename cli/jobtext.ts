/** How people read jobs: their names, how they are, and the lines of what they put out. Pure. */
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { type Arguments, type Job, JobStatus, JobType } from '../schemas/grpc/jobs.gen.ts';

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [JobType.Noop, 'Noop'],
  [JobType.Fibonacci, 'Fibonacci'],
  [JobType.ExpressionEvaluator, 'Expression Evaluator'],
  [JobType.WaitThenSend, 'Wait Then Send'],
]);

const STATUS_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(JobStatus).map(([name, value]) => [value, name]),
);

export function typeName(type: JobType): string {
  return TYPE_NAMES.get(type) ?? `type ${type}`;
}

/** The block of `status` and `stop`. @param nowMs for how long a job has been running */
export function jobText(job: Job, nowMs: number, timeZone: string | undefined): string {
  const { startedAt, finishedAt } = job;
  const rows: [string, string][] = [];
  const arguments_ = argumentRows(job.arguments);
  if (arguments_.length === 0) rows.push(['Arguments:', 'none']);
  else
    rows.push(
      ['Arguments:', ''],
      ...arguments_.map(([name, text]): [string, string] => [`  ${name}:`, text]),
    );
  rows.push(['Status:', STATUS_NAMES.get(job.status) ?? `status ${job.status}`]);
  if (job.message !== '') rows.push(['Reason:', job.message]);
  if (job.exitCode !== undefined && job.exitCode !== 0) rows.push(['Exit code:', String(job.exitCode)]);
  if (startedAt !== undefined) rows.push(['Started:', localTime(timestampMs(startedAt), timeZone)]);
  if (finishedAt !== undefined) rows.push(['Finished:', localTime(timestampMs(finishedAt), timeZone)]);
  if (startedAt !== undefined) {
    rows.push(['Duration:', durationText(secondsBetween(startedAt, finishedAt, nowMs))]);
  }
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, text]) => `${name.padEnd(width)}${text}`.trimEnd());
  return `Job ${job.id}: ${typeName(job.type)}\n${lines.join('\n')}\n`;
}

function argumentRows(given: Arguments | undefined): [string, string][] {
  const rows: [string, string | undefined][] = [
    ['Number', given?.number?.toString()],
    ['Expression', given?.expression],
    ['Seconds', given?.seconds?.toString()],
    ['URL', given?.url],
  ];
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]]));
}

/** Of the times as they are shown, so that a reader who subtracts finds the same. */
function secondsBetween(startedAt: Timestamp, finishedAt: Timestamp | undefined, nowMs: number): number {
  const end = finishedAt === undefined ? BigInt(Math.floor(nowMs / 1000)) : finishedAt.seconds;
  return Math.max(0, Number(end - startedAt.seconds));
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** `1 second`, `2 minutes 5 seconds`, `3 days 1 hour`: at most two units, since nobody asks a day for its seconds. */
export function durationText(seconds: number): string {
  const parts: string[] = [];
  let rest = seconds;
  for (const [name, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest %= length;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.join(' ') || '0 seconds';
}

/** `2022-07-07 16:34:03`. @param timeZone absent: the machine's */
export function localTime(ms: number, timeZone: string | undefined): string {
  if (clock === undefined || clock.timeZone !== timeZone) clock = { timeZone, format: formatIn(timeZone) };
  return clock.format.format(ms);
}

/** To make one costs more than a hundred lines; a program tells times in one zone. */
let clock: { readonly timeZone: string | undefined; readonly format: Intl.DateTimeFormat } | undefined;

/** The Swedish form is that of ISO 8601 with a space. */
function formatIn(timeZone: string | undefined): Intl.DateTimeFormat {
  const zone = timeZone === undefined ? {} : { timeZone };
  return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', ...zone });
}

/** The zone that TZ names; undefined where it names none that is known, which leaves it to the machine. */
export function timeZoneFrom(text: string | undefined): string | undefined {
  const name = text?.replace(/^:/, '') ?? '';
  if (name === '') return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    // A rule such as EST5EDT4 or the path of a file: whoever set it knows what the machine makes of it.
    return undefined;
  }
}
