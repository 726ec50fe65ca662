/**
 * Which times of a schedule run now. Pure.
 *
 * What counts are the times since the last one that was dealt with, no older than startingDeadlineSeconds. A time that
 * was passed over because the wall clock was set ahead never came; a clock that was set back does not bring one again.
 */
import { timestamp } from '../../../machinery/clock.ts';
import type { Schedule } from '../../../schemas/schedule.ts';
import type { Job } from '../../../schemas/types.gen.ts';
import type { JobNote } from '../types.ts';

export interface FireWorld {
  readonly spec: Job['spec'];
  readonly schedule: Schedule;
  readonly lastScheduleMs: number | undefined;
  /** Earlier times are nobody's: the Job's creation, the last edit of its schedule, the end of its last suspension. */
  readonly sinceMs: readonly (number | undefined)[];
  readonly nowMs: number;
  readonly sinceJumpMs: number | undefined;
}

export interface FirePlan {
  /** Oldest first, milliseconds since the epoch. */
  readonly due: readonly number[];
  /** Everything up to here has been dealt with. */
  readonly lastScheduleMs: number | undefined;
  readonly nextMs: number | undefined;
  /** Times that passed and do not run; of a long absence no more than `MAX_MADE_UP` and one are told apart. */
  readonly missed: number;
  readonly notes: readonly JobNote[];
}

/** A time that is no later than this is not late. */
export const LATE_MS = 10_000;
/** What a control plane takes to start anew, generously. */
const START_ANEW_MS = 60_000;
/** How much more than the monotonic clock says may have passed. */
const SLACK_MS = 2_000;
const DAY_MS = 86_400_000;
/** Of the times that were missed. */
export const MAX_MADE_UP = 100;
const DEFAULT_DEADLINE_S = 60;

export function planFires(world: FireWorld): FirePlan {
  const { spec, schedule, nowMs } = world;
  const notes: JobNote[] = [];
  let lastScheduleMs = world.lastScheduleMs;
  if (lastScheduleMs !== undefined && lastScheduleMs > nowMs + DAY_MS) {
    notes.push(aheadNote(lastScheduleMs, nowMs));
    lastScheduleMs = Math.floor(nowMs / 1000) * 1000;
  }
  const believable = [lastScheduleMs, ...world.sinceMs].filter(
    (ms): ms is number => ms !== undefined && ms <= nowMs + DAY_MS,
  );
  const floorMs = Math.max(0, ...believable);
  const deadlineMs = (spec.startingDeadlineSeconds ?? DEFAULT_DEADLINE_S) * 1000;
  const oldestMs = nowMs - deadlineMs - 1;
  const candidates = schedule.between(Math.max(floorMs, oldestMs), nowMs, MAX_MADE_UP + 1);
  // Only told: one more than can be said is enough.
  const tooOld = floorMs < oldestMs ? schedule.between(floorMs, oldestMs, MAX_MADE_UP + 1) : [];
  const due = chosen(candidates, world);
  const missed = [...tooOld, ...candidates.filter((ms) => !due.includes(ms))];
  if (missed.length > 0) notes.push(missedNote(missed, deadlineMs, world));
  const newest = candidates.at(-1) ?? tooOld.at(-1);
  return {
    due,
    lastScheduleMs: newest ?? lastScheduleMs,
    nextMs: schedule.next(Math.max(nowMs, floorMs)),
    missed: Math.min(missed.length, MAX_MADE_UP + 1),
    notes,
  };
}

function chosen(candidates: readonly number[], { spec, nowMs, sinceJumpMs }: FireWorld): readonly number[] {
  const { catchUp = 'Skip' } = spec;
  if (catchUp === 'All') return candidates.slice(-MAX_MADE_UP);
  const came = candidates.filter((ms) => sinceJumpMs === undefined || nowMs - ms <= sinceJumpMs + SLACK_MS);
  const inTime = came.filter((ms) => nowMs - ms <= LATE_MS);
  if (inTime.length > 0) return inTime;
  if (catchUp === 'Latest') return candidates.slice(-1);
  return came.filter((ms) => nowMs - ms <= START_ANEW_MS).slice(-1);
}

function missedNote(
  missed: readonly number[],
  deadlineMs: number,
  { spec, nowMs, sinceJumpMs }: FireWorld,
): JobNote {
  const [first = nowMs] = missed;
  const last = missed.at(-1) ?? first;
  const count = missed.length > MAX_MADE_UP ? `more than ${MAX_MADE_UP}` : String(missed.length);
  const { catchUp = 'Skip' } = spec;
  return {
    type: 'Warning',
    reason: 'MissedSchedule',
    message: `times of its schedule were missed and do not run: catchUp is ${catchUp}, startingDeadlineSeconds ${deadlineMs / 1000}`,
    decision: {
      inputs: {
        first: timestamp(first),
        last: timestamp(last),
        count,
        now: timestamp(nowMs),
        sinceJumpMs,
        catchUp,
      },
      verdict: 'MissedSchedule',
      action: 'these times do not run',
    },
  };
}

function aheadNote(lastMs: number, nowMs: number): JobNote {
  return {
    type: 'Warning',
    reason: 'ClockSetBack',
    message: `its lastScheduleTime is ${timestamp(lastMs)}, more than a day ahead of the clock: its schedule is counted from now`,
    decision: {
      inputs: { lastScheduleTime: timestamp(lastMs), now: timestamp(nowMs) },
      verdict: 'ClockSetBack',
      action: 'lastScheduleTime becomes now',
    },
  };
}
