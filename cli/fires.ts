/** The next fires of a schedule as rows for people, with what daylight saving does to them. Pure. */
import { humanDuration } from '../machinery/duration.ts';
import { parseSchedule, type Schedule } from '../schemas/schedule.ts';
import { openZone, type Zone } from '../schemas/timezone.ts';

export interface FireOptions {
  readonly text: string;
  readonly timeZone: string;
  /** From when on @every counts, milliseconds since the epoch. */
  readonly anchorMs: number;
  readonly nowMs: number;
  readonly count: number;
}

/** What clocks show in UTC is the time itself, so that a schedule read there tells what it names. */
const NAMED_ZONE = 'UTC';

/** A title and a row for each fire: the zone's time, UTC, how far off, a note. Throws what `parseSchedule` does. */
export function fireRows(options: FireOptions): string[][] {
  const { text, timeZone, anchorMs, nowMs, count } = options;
  const schedule = parseSchedule(text, timeZone, anchorMs);
  const isEvery = /^\s*@every/i.test(text);
  // What depends on no clock is not moved by one.
  const named = isEvery ? undefined : parseSchedule(text, NAMED_ZONE, 0);
  const zone = openZone(timeZone);
  const rows: string[][] = [[timeZone, ...(timeZone === 'UTC' ? [] : ['UTC']), 'IN', 'NOTE']];
  let beforeMs = nowMs;
  for (
    let fire = schedule.next(nowMs);
    fire !== undefined && rows.length <= count;
    fire = schedule.next(fire)
  ) {
    const note = named === undefined ? '' : noteOf(fire, beforeMs, { schedule, named, zone });
    const local = `${shown(fire + zone.segmentAt(fire).offsetMs)} ${offsetText(zone.segmentAt(fire).offsetMs)}`;
    const utc = new Date(fire).toISOString().replace('.000', '');
    rows.push([
      timeZone === 'UTC' ? utc : local,
      ...(timeZone === 'UTC' ? [] : [utc]),
      humanDuration(fire - nowMs),
      note,
    ]);
    beforeMs = fire;
  }
  // A column that says nothing is none.
  return rows.slice(1).some((row) => row.at(-1) !== '') ? rows : rows.map((row) => row.slice(0, -1));
}

interface Clocks {
  readonly schedule: Schedule;
  /** The same schedule where clocks are never set. */
  readonly named: Schedule;
  readonly zone: Zone;
}

function noteOf(fireMs: number, beforeMs: number, clocks: Clocks): string {
  const { zone, named } = clocks;
  const segment = zone.segmentAt(fireMs);
  const { startMs, endMs, offsetMs, previousOffsetMs } = segment;
  const shownMs = fireMs + offsetMs;
  if (startMs === fireMs && offsetMs > previousOffsetMs && named.next(shownMs - 1) !== shownMs) {
    const leftOutMs = named.next(startMs + previousOffsetMs - 1);
    const leftOut = leftOutMs === undefined ? 'its time' : timeOf(leftOutMs);
    return `${leftOut} is left out that day: clocks go from ${timeOf(startMs + previousOffsetMs)} to ${timeOf(shownMs)}`;
  }
  if (previousOffsetMs > offsetMs && shownMs < startMs + previousOffsetMs) {
    return `the second ${timeOf(shownMs)} of that day: clocks were set back`;
  }
  const next = zone.segmentAt(endMs);
  if (next.offsetMs < offsetMs && shownMs >= endMs + next.offsetMs) {
    const secondMs = fireMs + offsetMs - next.offsetMs;
    const isBoth = clocks.schedule.next(secondMs - 1) === secondMs;
    return `${timeOf(shownMs)} comes twice that day: it fires ${isBoth ? 'both times' : 'the first time only'}`;
  }
  const change = offsetMs - zone.segmentAt(beforeMs).offsetMs;
  if (change === 0) return '';
  return `clocks are set ${change > 0 ? 'ahead' : 'back'} by ${humanDuration(Math.abs(change))} before it`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** @param shownMs what clocks show, as if it were UTC */
function shown(shownMs: number): string {
  const date = new Date(shownMs);
  return `${DAYS[date.getUTCDay()] ?? ''} ${date.toISOString().slice(0, 10)} ${date.toISOString().slice(11, 19)}`;
}

function timeOf(shownMs: number): string {
  const time = new Date(shownMs).toISOString().slice(11, 19);
  return time.endsWith(':00') ? time.slice(0, 5) : time;
}

/** `+01:00` */
function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const two = (figure: number): string => String(figure).padStart(2, '0');
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
