/**
 * When a schedule fires: five or six fields of cron, @hourly and its like, @every DURATION. Pure.
 *
 * It promises:
 * - a fire is a whole second, and follows from text, time zone and (with @every) anchor alone;
 * - daylight saving: a fixed time that is left out where clocks are set ahead fires once, at the first moment after it,
 *   and one that comes twice where they are set back fires the first time only; a schedule whose seconds, minutes or
 *   hours begin with `*` fires whenever clocks show a time of it. Source: cron(8) of Vixie cron, and ADR 0027;
 * - a day fits if day of month or day of week does, where neither begins with `*`; else both must. Source: crontab(5);
 * - what can never fire, such as 30 February, is no schedule.
 * croner reckons in a calendar without zones; the zones are reckoned here.
 */
import { Cron } from 'croner';
import { parseDurationMs } from '../machinery/duration.ts';
import { openZone, timeZoneProblem, type Zone, type ZoneSegment } from './timezone.ts';

export interface Schedule {
  /** The first fire after this moment, milliseconds since the epoch; undefined: there is none before the year 10000. */
  next(afterMs: number): number | undefined;
  /** The newest `limit` fires after `afterMs` and not after `untilMs`, oldest first. */
  between(afterMs: number, untilMs: number, limit: number): readonly number[];
}

/**
 * @param timeZone its IANA name; undefined: UTC.
 * @param anchorMs from when on @every counts, milliseconds since the epoch.
 * Throws an Error whose message names what was found and what is wanted.
 */
export function parseSchedule(text: string, timeZone: string | undefined, anchorMs: number): Schedule {
  const zone = openZone(timeZone ?? 'UTC');
  const told = text.trim();
  if (/^@every(?:\s|$)/i.test(told)) return new EverySchedule(parseInterval(told), anchorMs);
  const fields = fieldsOf(told);
  const { 3: dayOfMonth, 5: dayOfWeek } = fields;
  const calendar = new Cron(fields.join(' '), {
    mode: '6-part',
    utcOffset: 0,
    domAndDow: dayOfMonth.startsWith('*') || dayOfWeek.startsWith('*'),
  });
  const schedule = new CronSchedule(calendar, zone, !fields.slice(0, 3).some(isWild));
  if (!schedule.isPossible()) {
    throw new Error(
      `schedule "${told}" never fires: no year has such a day; change day of month (${dayOfMonth}) or month (${fields[4]})`,
    );
  }
  return schedule;
}

/** Says what is wrong with a schedule, or with its time zone. */
export function scheduleProblem(text: string, timeZone: string | undefined): string | undefined {
  const zoneProblem = timeZone === undefined ? undefined : timeZoneProblem(timeZone);
  if (zoneProblem !== undefined) return zoneProblem;
  try {
    parseSchedule(text, timeZone, 0);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const NICKNAMES: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const WANTED =
  'wanted five fields (minute, hour, day of month, month, day of week), six with seconds first, @hourly, @daily, @weekly, @monthly, @yearly or @every DURATION';

interface Field {
  readonly name: string;
  readonly characters: RegExp;
  readonly wanted: string;
}

const STEPS = 'a list, a range such as 1-5 or a step such as */5';
const FIELDS: readonly Field[] = [
  { name: 'seconds', characters: /^[\d*,/-]+$/, wanted: `0 to 59, ${STEPS}` },
  { name: 'minute', characters: /^[\d*,/-]+$/, wanted: `0 to 59, ${STEPS}` },
  { name: 'hour', characters: /^[\d*,/-]+$/, wanted: `0 to 23, ${STEPS}` },
  { name: 'day of month', characters: /^[\d*,/\-L]+$/, wanted: `1 to 31, L for the last, ${STEPS}` },
  { name: 'month', characters: /^[\d*,/\-A-Z]+$/, wanted: `1 to 12, JAN to DEC, ${STEPS}` },
  {
    name: 'day of week',
    characters: /^[\d*,/\-A-Z#]+$/,
    wanted: `0 to 7, SUN to SAT, FRI#2 for the second Friday, FRIL for the last, ${STEPS}`,
  },
];

type Fields = readonly [string, string, string, string, string, string];

/** Six of them, each one good. */
function fieldsOf(told: string): Fields {
  const found = (NICKNAMES[told.toLowerCase()] ?? told).toUpperCase().split(/\s+/);
  if (/^(?:CRON_)?TZ=/.test(found[0] ?? '')) {
    throw new Error(`schedule "${told}" begins with a time zone, wanted it in timeZone`);
  }
  const [seconds, minute, hour, dayOfMonth, month, dayOfWeek, ...more] =
    found.length === 5 ? ['0', ...found] : found;
  if (
    seconds === undefined ||
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    dayOfWeek === undefined ||
    more.length > 0
  ) {
    const several = found.length === 1 ? 'has one field' : `has ${found.length} fields`;
    const count = told === '' ? 'is empty' : told.startsWith('@') ? 'is no shortcut' : several;
    throw new Error(`schedule "${told}" ${count}, ${WANTED}`);
  }
  const days = [dayOfMonth, dayOfWeek].map((field) => (field === '?' ? '*' : field));
  const fields: Fields = [seconds, minute, hour, days[0] ?? '*', month, days[1] ?? '*'];
  if (!FIELDS.every(({ characters }, index) => characters.test(fields[index] ?? '')) || !isReadable(fields)) {
    throw new Error(`schedule "${told}": ${wrongField(fields)}`);
  }
  return fields;
}

/** Each alone among stars, so that it is clear which one is wrong. */
function wrongField(fields: Fields): string {
  for (const [index, { name, characters, wanted }] of FIELDS.entries()) {
    const value = fields[index] ?? '';
    const alone = FIELDS.map((_, at) => (at === index ? value : '*'));
    if (!characters.test(value) || !isReadable(alone)) return `${name} is "${value}", wanted ${wanted}`;
  }
  return `these fields do not go together, ${WANTED}`;
}

function isReadable(fields: readonly string[]): boolean {
  try {
    new Cron(fields.join(' '), { mode: '6-part', utcOffset: 0 });
    return true;
  } catch {
    // Its own words name no field by a name that its writer knows: ours are said instead.
    return false;
  }
}

/** Whether it is a matter of intervals rather than of times; Vixie cron's rule. */
function isWild(field: string): boolean {
  return field.startsWith('*');
}

/** The shortest and the longest there may be: a leap year. */
const SECOND_MS = 1_000;
const MAX_INTERVAL_MS = 366 * 86_400_000;

function parseInterval(told: string): number {
  const duration = told.slice('@every'.length).trim();
  const intervalMs = parseDurationMs(duration);
  const isGood =
    intervalMs !== undefined &&
    intervalMs >= SECOND_MS &&
    intervalMs <= MAX_INTERVAL_MS &&
    intervalMs % SECOND_MS === 0;
  if (isGood) return intervalMs;
  throw new Error(
    `schedule "${told}" is every "${duration}", wanted a duration of whole seconds from 1s to 8784h, such as 1h30m`,
  );
}

const LAST_MS = Date.UTC(10_000, 0, 1) - 1;

class EverySchedule implements Schedule {
  readonly #intervalMs: number;
  readonly #anchorMs: number;

  constructor(intervalMs: number, anchorMs: number) {
    this.#intervalMs = intervalMs;
    this.#anchorMs = Math.floor(anchorMs / SECOND_MS) * SECOND_MS;
  }

  next(afterMs: number): number | undefined {
    const passed = Math.floor((afterMs - this.#anchorMs) / this.#intervalMs);
    const fireMs = this.#anchorMs + (Math.max(0, passed) + 1) * this.#intervalMs;
    return fireMs > LAST_MS ? undefined : fireMs;
  }

  between(afterMs: number, untilMs: number, limit: number): readonly number[] {
    const fires: number[] = [];
    const passed = Math.floor((untilMs - this.#anchorMs) / this.#intervalMs);
    for (let count = passed; count >= 1 && fires.length < limit; count--) {
      const fireMs = this.#anchorMs + count * this.#intervalMs;
      if (fireMs <= afterMs) break;
      fires.push(fireMs);
    }
    return fires.reverse();
  }
}

/** Further from UTC than this are no clocks: what they show tells the moment to within it. */
const MAX_OFFSET_MS = 2 * 86_400_000;

/** Names that end in `Shown` are what clocks show, as if it were UTC. */
class CronSchedule implements Schedule {
  readonly #calendar: Cron;
  readonly #zone: Zone;
  /** It names times of day, rather than every so many seconds, minutes or hours. */
  readonly #isFixed: boolean;

  constructor(calendar: Cron, zone: Zone, isFixed: boolean) {
    this.#calendar = calendar;
    this.#zone = zone;
    this.#isFixed = isFixed;
  }

  /** Dates come again after 400 years, weekdays and all. */
  isPossible(): boolean {
    return this.#nextShown(Date.UTC(2000, 0, 1) - 1) !== undefined;
  }

  next(afterMs: number): number | undefined {
    let fromMs = Math.max(0, afterMs);
    while (fromMs < LAST_MS) {
      // A fire that is the first moment of a segment belongs to it, and to no earlier one.
      const segment = this.#zone.segmentAt(fromMs + 1);
      const { startMs, endMs, offsetMs } = segment;
      if (fromMs < startMs && this.#hasLeftOut(segment)) return startMs;
      const shown = this.#nextShown(Math.max(fromMs + offsetMs, this.#firstShown(segment) - 1));
      if (shown === undefined) return undefined;
      const fireMs = shown - offsetMs;
      if (fireMs < endMs) return fireMs;
      // Nothing between here and there, whatever clocks are set to.
      fromMs = Math.max(endMs - 1, fireMs - MAX_OFFSET_MS);
    }
    return undefined;
  }

  between(afterMs: number, untilMs: number, limit: number): readonly number[] {
    const fires: number[] = [];
    let beforeMs = Math.min(untilMs, LAST_MS);
    while (fires.length < limit) {
      const fireMs = this.#newest(Math.max(0, afterMs), beforeMs);
      if (fireMs === undefined) break;
      fires.push(fireMs);
      beforeMs = fireMs - 1;
    }
    return fires.reverse();
  }

  /** The newest fire after `afterMs` and not after `untilMs`. */
  #newest(afterMs: number, untilMs: number): number | undefined {
    let lastMs = untilMs;
    while (lastMs > afterMs) {
      const segment = this.#zone.segmentAt(lastMs);
      const { startMs, endMs, offsetMs } = segment;
      const shown = this.#newestShown(Math.min(lastMs, endMs - 1) + offsetMs);
      if (shown !== undefined && shown >= this.#firstShown(segment)) {
        const fireMs = shown - offsetMs;
        return fireMs > afterMs ? fireMs : undefined;
      }
      if (this.#hasLeftOut(segment)) return startMs > afterMs ? startMs : undefined;
      if (shown === undefined) return undefined;
      lastMs = Math.min(startMs - 1, shown - offsetMs + MAX_OFFSET_MS);
    }
    return undefined;
  }

  /** The first that clocks show in a segment and that counts: fixed times do not come twice. */
  #firstShown({ startMs, offsetMs, previousOffsetMs }: ZoneSegment): number {
    return startMs + (this.#isFixed ? Math.max(offsetMs, previousOffsetMs) : offsetMs);
  }

  /** A fixed time was left out as the segment began. */
  #hasLeftOut({ startMs, offsetMs, previousOffsetMs }: ZoneSegment): boolean {
    if (!this.#isFixed || offsetMs <= previousOffsetMs) return false;
    const shown = this.#nextShown(startMs + previousOffsetMs - 1);
    return shown !== undefined && shown < startMs + offsetMs;
  }

  #nextShown(afterShown: number): number | undefined {
    return this.#calendar.nextRun(new Date(afterShown))?.getTime();
  }

  #newestShown(untilShown: number): number | undefined {
    const second = Math.floor(untilShown / SECOND_MS) + 1;
    return this.#calendar.previousRuns(1, new Date(second * SECOND_MS))[0]?.getTime();
  }
}
