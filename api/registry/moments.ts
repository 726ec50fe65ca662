/**
 * Which moment of the past a read asks for: by revision (`resourceVersion` with `resourceVersionMatch=Exact`) or by
 * time (`at`). Pure; everything that makes no sense is refused with what was found and what is wanted.
 */
import type { MomentOptions, ReadMoment } from '../../machinery/client.ts';
import { parseDurationMs } from '../../machinery/duration.ts';
import { ApiError } from '../../machinery/errors.ts';
import { type FieldProblem, forbidden, invalidObject, unsupported } from './admission/fielderrors.ts';
import { type ContinueToken, parseVersion } from './listoptions.ts';

const WANTED = 'a time such as 2026-11-21T10:00:00Z or a duration back from now such as -10m';
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
/** What a Date can hold. Source: ECMAScript, "Time Values and Time Range". */
const MAX_TIME_MS = 8.64e15;

/** A moment as it is asked for. */
export type MomentAsked =
  | { readonly kind: 'revision'; readonly revision: number; readonly timeMs?: undefined }
  | { readonly kind: 'time'; readonly timeMs: number };

/** Whether `options` may name a moment of the past: cheap, for reads of the present. */
export function mayBePast({ at, resourceVersionMatch }: MomentOptions): boolean {
  return at !== undefined || resourceVersionMatch !== undefined;
}

/** Undefined: the present. Throws `BadRequest`, and `Invalid` where a list does in Kubernetes. */
export function momentOfGet(options: MomentOptions, nowMs: number): MomentAsked | undefined {
  const { at, resourceVersion = '', resourceVersionMatch: match = '' } = options;
  if (at !== undefined) return { kind: 'time', timeMs: timeOf(options, nowMs) };
  const problems: FieldProblem[] = [];
  if (match === 'Exact') {
    const why =
      resourceVersion === ''
        ? 'resourceVersionMatch is forbidden unless resourceVersion is provided'
        : 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
    if (resourceVersion === '' || resourceVersion === '0')
      problems.push(forbidden('resourceVersionMatch', why));
  } else if (match !== '' && match !== 'NotOlderThan') {
    problems.push(unsupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
  }
  if (problems.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'GetOptions' }, '', problems);
  return match === 'Exact' ? { kind: 'revision', revision: parseVersion(resourceVersion) ?? 0 } : undefined;
}

/** The wall time that `at` names, milliseconds since the epoch. Throws `BadRequest`. */
export function timeOf(options: MomentOptions, nowMs: number): number {
  const { at = '', resourceVersion = '', resourceVersionMatch: match = '' } = options;
  for (const [name, value] of Object.entries({ resourceVersion, resourceVersionMatch: match })) {
    if (value === '') continue;
    throw badAt(`at and ${name}: found "${at}" and "${value}", wanted one of them: each names the moment`);
  }
  const timeMs = isRelative(at) ? nowMs - (parseDurationMs(at.slice(1)) ?? Number.NaN) : parseTimeMs(at);
  if (timeMs === undefined || !(Math.abs(timeMs) <= MAX_TIME_MS)) {
    throw badAt(`at: found "${at}", wanted ${WANTED}${hintFor(at)}`);
  }
  if (timeMs > nowMs) {
    throw badAt(
      `at: found "${at}", which is in the future, wanted a time up to now, ${new Date(nowMs).toISOString()}`,
    );
  }
  return timeMs;
}

/** Whether `at` says how long ago rather than when. */
function isRelative(at: string): boolean {
  return at.startsWith('-');
}

function parseTimeMs(text: string): number | undefined {
  const [, year, month, day] = TIME.exec(text) ?? [];
  if (year === undefined) return undefined;
  // The 30th of February is no day, though Date.parse makes one of it.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return isDay ? Math.floor(Date.parse(text.toUpperCase())) : undefined;
}

function hintFor(at: string): string {
  if (parseDurationMs(at) !== undefined) return `; did you mean "-${at}"?`;
  // What a client makes of a plus sign that it did not encode.
  if (parseTimeMs(at.replace(/ (?=\d\d:\d\d$)/, '+')) !== undefined) return '; a + in a URL is written %2B';
  return '';
}

/** Says which parameter was wrong also to programs. */
export function badAt(message: string): ApiError {
  return new ApiError('BadRequest', message, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'at' }],
  });
}

/** `at revision 812`, `at 2026-11-21T10:00:00.000Z (revision 812)`. */
export function momentText(moment: MomentAsked | ReadMoment): string {
  const revision = 'revision' in moment ? moment.revision : undefined;
  if (moment.timeMs === undefined) return `at revision ${revision}`;
  const time = new Date(moment.timeMs).toISOString();
  return `at ${time}${revision === undefined ? '' : ` (revision ${revision})`}`;
}

/** A list by time goes on at its own time. Throws `BadRequest` when the page asks for another one. */
export function checkSameMoment(
  at: string | undefined,
  timeMs: number | undefined,
  token: ContinueToken,
): void {
  if (at === undefined || timeMs === undefined) return;
  if (token.timeMs !== undefined && (isRelative(at) || timeMs === token.timeMs)) return;
  const of = token.timeMs === undefined ? 'no time' : new Date(token.timeMs).toISOString();
  throw badAt(`at and continue: found "${at}" and a token of a list at ${of}, wanted the same or no at`);
}
