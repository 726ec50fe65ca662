/** Schedules: what is one, when it fires, and daylight saving against a calculator that only counts minutes. */
import { expect } from 'chai';
import { seededRandom } from '../../machinery/random.ts';
import { parseSchedule, scheduleProblem } from '../../schemas/schedule.ts';
import { openZone, timeZoneProblem } from '../../schemas/timezone.ts';

const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
const at = (text: string): number => Date.parse(text);

function fires(text: string, zone: string | undefined, after: string, count: number): readonly string[] {
  const schedule = parseSchedule(text, zone, 0);
  const found: string[] = [];
  for (let ms = schedule.next(at(after)); ms !== undefined && found.length < count; ms = schedule.next(ms))
    found.push(iso(ms));
  return found;
}

describe('parseSchedule', () => {
  const rows: readonly { readonly name: string; readonly text: string; readonly fires: readonly string[] }[] =
    [
      {
        name: 'five fields: at second 0',
        text: '30 2 * * *',
        fires: ['2026-01-01T02:30:00Z', '2026-01-02T02:30:00Z'],
      },
      {
        name: 'six fields: seconds first',
        text: '15 30 2 * * *',
        fires: ['2026-01-01T02:30:15Z', '2026-01-02T02:30:15Z'],
      },
      { name: 'every second', text: '* * * * * *', fires: ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z'] },
      {
        name: 'steps',
        text: '*/20 * * * *',
        fires: ['2026-01-01T00:20:00Z', '2026-01-01T00:40:00Z', '2026-01-01T01:00:00Z'],
      },
      {
        name: 'steps in a range',
        text: '0 8-12/2 * * *',
        fires: [
          '2026-01-01T08:00:00Z',
          '2026-01-01T10:00:00Z',
          '2026-01-01T12:00:00Z',
          '2026-01-02T08:00:00Z',
        ],
      },
      {
        name: 'lists',
        text: '5,10 0 * * *',
        fires: ['2026-01-01T00:05:00Z', '2026-01-01T00:10:00Z', '2026-01-02T00:05:00Z'],
      },
      {
        name: 'names of weekdays and their ranges',
        text: '0 0 * * mon-tue',
        fires: ['2026-01-05T00:00:00Z', '2026-01-06T00:00:00Z', '2026-01-12T00:00:00Z'],
      },
      {
        name: 'names of months',
        text: '0 0 1 JAN,MAR *',
        fires: ['2026-03-01T00:00:00Z', '2027-01-01T00:00:00Z'],
      },
      { name: 'Sunday is 0', text: '0 0 * * 0', fires: ['2026-01-04T00:00:00Z'] },
      { name: 'and 7', text: '0 0 * * 7', fires: ['2026-01-04T00:00:00Z'] },
      {
        name: 'L: the last day of the month',
        text: '0 0 L * *',
        fires: ['2026-01-31T00:00:00Z', '2026-02-28T00:00:00Z'],
      },
      {
        name: 'FRI#2: the second Friday',
        text: '0 0 * * FRI#2',
        fires: ['2026-01-09T00:00:00Z', '2026-02-13T00:00:00Z'],
      },
      {
        name: 'FRIL: the last Friday',
        text: '0 0 * * FRIL',
        fires: ['2026-01-30T00:00:00Z', '2026-02-27T00:00:00Z'],
      },
      {
        name: 'day of month and day of week: either',
        text: '0 0 13 * FRI',
        fires: ['2026-01-02T00:00:00Z', '2026-01-09T00:00:00Z', '2026-01-13T00:00:00Z'],
      },
      {
        name: 'one of them begins with a star: both',
        text: '0 0 */2 * FRI',
        fires: ['2026-01-09T00:00:00Z', '2026-01-23T00:00:00Z', '2026-02-13T00:00:00Z'],
      },
      { name: '? is * in the fields for days', text: '0 0 ? * MON', fires: ['2026-01-05T00:00:00Z'] },
      {
        name: '29 February waits for its year',
        text: '0 0 29 2 *',
        fires: ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'],
      },
      { name: '@hourly', text: '@hourly', fires: ['2026-01-01T01:00:00Z'] },
      { name: '@daily', text: '@Daily', fires: ['2026-01-02T00:00:00Z'] },
      { name: '@midnight', text: '@midnight', fires: ['2026-01-02T00:00:00Z'] },
      { name: '@weekly', text: '@weekly', fires: ['2026-01-04T00:00:00Z'] },
      { name: '@monthly', text: '@monthly', fires: ['2026-02-01T00:00:00Z'] },
      { name: '@yearly', text: '@yearly', fires: ['2027-01-01T00:00:00Z'] },
      { name: '@annually', text: ' @annually ', fires: ['2027-01-01T00:00:00Z'] },
    ];
  for (const row of rows) {
    it(row.name, () =>
      expect(fires(row.text, undefined, '2026-01-01T00:00:00Z', row.fires.length)).to.deep.equal(row.fires),
    );
  }

  it('@every counts from the anchor, whatever the clock shows', () => {
    const schedule = parseSchedule('@every 1h30m', 'Europe/Berlin', at('2026-01-01T00:10:05.700Z'));
    expect(schedule.next(0)).to.equal(at('2026-01-01T01:40:05Z'));
    expect(schedule.next(at('2026-01-01T01:40:05Z'))).to.equal(at('2026-01-01T03:10:05Z'));
    expect(
      schedule.between(at('2026-01-01T01:40:05Z'), at('2026-01-01T06:10:05Z'), 2).map(iso),
    ).to.deep.equal(['2026-01-01T04:40:05Z', '2026-01-01T06:10:05Z']);
    expect(schedule.between(0, at('2026-01-01T01:40:04Z'), 9)).to.deep.equal([]);
  });

  it('between gives the newest, oldest first, and knows no more than it is asked for', () => {
    const schedule = parseSchedule('* * * * * *', undefined, 0);
    const year = schedule.between(0, at('2026-06-01T00:00:00.900Z'), 3).map(iso);
    expect(year).to.deep.equal(['2026-05-31T23:59:58Z', '2026-05-31T23:59:59Z', '2026-06-01T00:00:00Z']);
    expect(schedule.between(5_000, 5_000, 3)).to.deep.equal([]);
    expect(schedule.between(4_000, 5_000, 3)).to.deep.equal([5_000]);
  });
});

describe('scheduleProblem', () => {
  const rows: readonly (readonly [string, string | undefined, string])[] = [
    ['61 * * * *', undefined, 'minute is "61", wanted 0 to 59'],
    ['60 * * * * *', undefined, 'seconds is "60", wanted 0 to 59'],
    ['0 24 * * *', undefined, 'hour is "24", wanted 0 to 23'],
    ['0 0 0 * *', undefined, 'day of month is "0", wanted 1 to 31'],
    ['0 0 * FOO *', undefined, 'month is "FOO", wanted 1 to 12, JAN to DEC'],
    ['0 0 * * 8', undefined, 'day of week is "8", wanted 0 to 7'],
    ['0 0 15W * *', undefined, 'day of month is "15W"'],
    ['0 0 * * +FRI', undefined, 'day of week is "+FRI"'],
    ['5/15 * * * *', undefined, 'minute is "5/15"'],
    ['*/0 * * * *', undefined, 'minute is "*/0"'],
    ['0 22-2 * * *', undefined, 'hour is "22-2"'],
    ['* * * *', undefined, 'has 4 fields, wanted five fields'],
    ['0 0 0 1 1 * 2027', undefined, 'has 7 fields'],
    ['', undefined, 'is empty'],
    ['@reboot', undefined, 'is no shortcut'],
    ['@every', undefined, 'is every "", wanted a duration'],
    ['@every 999ms', undefined, 'from 1s'],
    ['@every 1.5s', undefined, 'whole seconds'],
    ['@every 9000h', undefined, 'to 8784h'],
    ['@every -5m', undefined, 'wanted a duration'],
    ['0 0 30 2 *', undefined, 'never fires: no year has such a day'],
    ['0 0 31 APR,JUN *', undefined, 'never fires'],
    ['TZ=UTC 0 0 * * *', undefined, 'wanted it in timeZone'],
    ['CRON_TZ=Asia/Tokyo 0 0 * * *', undefined, 'wanted it in timeZone'],
    ['0 0 * * *', 'Mars/Phobos', 'time zone "Mars/Phobos" is not known'],
    ['0 0 * * *', '+01:00', 'time zone "+01:00" is not known'],
    ['@every 1h', 'Local', 'time zone "Local" is not known'],
  ];
  for (const [text, zone, problem] of rows) {
    it(`"${text}"${zone === undefined ? '' : ` in ${zone}`}: ${problem}`, () => {
      expect(scheduleProblem(text, zone)).to.include(problem);
      expect(() => parseSchedule(text, zone, 0)).to.throw(problem);
    });
  }
  it('is silent about what is good', () => {
    expect(scheduleProblem('0 2 * * MON-FRI', 'Europe/Berlin')).to.equal(undefined);
    expect(timeZoneProblem('Etc/GMT+5')).to.equal(undefined);
  });
});

describe('Daylight saving', () => {
  const rows: readonly {
    readonly name: string;
    readonly text: string;
    readonly zone: string;
    readonly after: string;
    readonly fires: readonly string[];
  }[] = [
    {
      name: 'Berlin, ahead at 2:00: a fixed time of the gap fires once, at its end',
      text: '30 2 * * *',
      zone: 'Europe/Berlin',
      after: '2026-03-28T12:00:00Z',
      fires: ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
    },
    {
      name: 'several times of the gap fire once together',
      text: '0,15,30 2 * * *',
      zone: 'Europe/Berlin',
      after: '2026-03-28T12:00:00Z',
      fires: ['2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z'],
    },
    {
      name: 'and with the one that is due at its end anyway',
      text: '0 2,3 * * *',
      zone: 'Europe/Berlin',
      after: '2026-03-28T12:00:00Z',
      fires: ['2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z', '2026-03-30T01:00:00Z'],
    },
    {
      name: 'a range with a step names times, too',
      text: '0-59/30 2 * * *',
      zone: 'Europe/Berlin',
      after: '2026-03-28T12:00:00Z',
      fires: ['2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z'],
    },
    {
      name: 'what begins with a star is left out with its hour',
      text: '*/30 2 * * *',
      zone: 'Europe/Berlin',
      after: '2026-03-28T12:00:00Z',
      fires: ['2026-03-30T00:00:00Z', '2026-03-30T00:30:00Z'],
    },
    {
      name: 'hourly goes on hourly',
      text: '@hourly',
      zone: 'Europe/Berlin',
      after: '2026-03-28T23:30:00Z',
      fires: ['2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z'],
    },
    {
      name: 'back at 3:00: a fixed time of the repeated hour fires the first time only',
      text: '30 2 * * *',
      zone: 'Europe/Berlin',
      after: '2026-10-24T12:00:00Z',
      fires: ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    },
    {
      name: 'several of them, too',
      text: '0,30 2,3 * * *',
      zone: 'Europe/Berlin',
      after: '2026-10-24T12:00:00Z',
      fires: ['2026-10-25T00:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T02:00:00Z', '2026-10-25T02:30:00Z'],
    },
    {
      name: 'what begins with a star fires both times',
      text: '*/30 2 * * *',
      zone: 'Europe/Berlin',
      after: '2026-10-24T12:00:00Z',
      fires: [
        '2026-10-25T00:00:00Z',
        '2026-10-25T00:30:00Z',
        '2026-10-25T01:00:00Z',
        '2026-10-25T01:30:00Z',
        '2026-10-26T01:00:00Z',
      ],
    },
    {
      name: 'New York, ahead at 2:00',
      text: '30 2 * * *',
      zone: 'America/New_York',
      after: '2026-03-07T12:00:00Z',
      fires: ['2026-03-08T07:00:00Z', '2026-03-09T06:30:00Z'],
    },
    {
      name: 'New York, back at 2:00',
      text: '30 1 * * *',
      zone: 'America/New_York',
      after: '2026-10-31T12:00:00Z',
      fires: ['2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z'],
    },
    {
      name: 'Lord Howe, ahead by half an hour',
      text: '15 2 * * *',
      zone: 'Australia/Lord_Howe',
      after: '2026-10-03T00:00:00Z',
      fires: ['2026-10-03T15:30:00Z', '2026-10-04T15:15:00Z'],
    },
    {
      name: 'Lord Howe, back by half an hour',
      text: '45 1 * * *',
      zone: 'Australia/Lord_Howe',
      after: '2026-04-04T00:00:00Z',
      fires: ['2026-04-04T14:45:00Z', '2026-04-05T15:15:00Z'],
    },
    {
      name: 'Cairo, ahead at midnight: the day begins at 1:00',
      text: '@daily',
      zone: 'Africa/Cairo',
      after: '2026-04-22T12:00:00Z',
      fires: ['2026-04-22T22:00:00Z', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z'],
    },
    {
      name: 'Apia left out a whole day',
      text: '0 12 30 12 *',
      zone: 'Pacific/Apia',
      after: '2011-12-01T00:00:00Z',
      fires: ['2011-12-30T10:00:00Z', '2012-12-29T22:00:00Z'],
    },
  ];
  for (const row of rows) {
    it(row.name, () => {
      expect(fires(row.text, row.zone, row.after, row.fires.length)).to.deep.equal(row.fires);
      const last = at(row.fires.at(-1) ?? '');
      expect(parseSchedule(row.text, row.zone, 0).between(at(row.after), last, 100).map(iso)).to.deep.equal(
        row.fires,
      );
    });
  }

  it('segments join without a hole, and tell the offset of every moment', () => {
    for (const name of ['Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Casablanca', 'UTC']) {
      const zone = openZone(name);
      let ms = Date.UTC(2024, 0, 1);
      while (ms < Date.UTC(2028, 0, 1)) {
        const segment = zone.segmentAt(ms);
        expect(segment.startMs).to.be.at.most(ms);
        for (const moment of [ms, segment.endMs - 1])
          expect(zone.offsetMs(moment)).to.equal(segment.offsetMs);
        expect(zone.segmentAt(segment.endMs).previousOffsetMs).to.equal(segment.offsetMs);
        ms = segment.endMs;
      }
    }
  });
});

/** Fields as sets, read by hand. */
interface Fields {
  readonly text: string;
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  fitsDay(day: number, month: number, weekday: number): boolean;
  readonly isFixed: boolean;
}

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'Africa/Casablanca',
  'America/St_Johns',
  'Asia/Kathmandu',
  'UTC',
];
const MINUTE_MS = 60_000;

/** Every minute of the week is looked at, by what clocks of the zone show in it. */
function bruteForce(fields: Fields, zone: string, fromMs: number, toMs: number): readonly number[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const shownAt = (ms: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute);
  };
  const fits = (shown: number): boolean => {
    const date = new Date(shown);
    return (
      fields.minutes.has(date.getUTCMinutes()) &&
      fields.hours.has(date.getUTCHours()) &&
      fields.fitsDay(date.getUTCDate(), date.getUTCMonth() + 1, date.getUTCDay())
    );
  };
  const found: number[] = [];
  // Back far enough that what the clocks have shown before the week is known.
  let latest = shownAt(fromMs - 300 * MINUTE_MS) - MINUTE_MS;
  for (let ms = fromMs - 300 * MINUTE_MS; ms <= toMs; ms += MINUTE_MS) {
    const shown = shownAt(ms);
    let isDue = fits(shown) && (!fields.isFixed || shown > latest);
    // Minutes that no clock has shown.
    if (fields.isFixed)
      for (let left = latest + MINUTE_MS; left < shown; left += MINUTE_MS) isDue ||= fits(left);
    latest = fields.isFixed ? Math.max(latest, shown) : shown;
    if (isDue && ms > fromMs) found.push(ms);
  }
  return found;
}

function randomFields(below: (count: number) => number): Fields {
  const field = (low: number, high: number, last = high): readonly [string, ReadonlySet<number>] => {
    const range = (from: number, to: number, step: number): readonly number[] => {
      const values: number[] = [];
      for (let value = from; value <= to; value += step) values.push(value);
      return values;
    };
    const one = low + below(high - low + 1);
    const other = one + below(high - one + 1);
    const step = 1 + below(Math.min(20, high - low));
    switch (below(6)) {
      case 0:
        return ['*', new Set(range(low, last, 1))];
      case 1:
        return [`*/${step}`, new Set(range(low, last, step))];
      case 2:
        return [`${one}-${other}`, new Set(range(one, other, 1))];
      case 3:
        return [`${one}-${other}/${step}`, new Set(range(one, other, step))];
      case 4:
        return [`${one},${other}`, new Set([one, other])];
      default:
        return [String(one), new Set([one])];
    }
  };
  const [minute, minutes] = field(0, 59);
  // Where clocks are set, mostly.
  const [hour, hours] = below(2) === 0 ? field(0, 23) : field(0, 3, 23);
  const [day, days] = below(2) === 0 ? (['*', new Set<number>()] as const) : field(1, 31);
  const [weekday, weekdays] = below(2) === 0 ? (['*', new Set<number>()] as const) : field(0, 6);
  const isEither = !day.startsWith('*') && !weekday.startsWith('*');
  return {
    text: `${minute} ${hour} ${day} * ${weekday}`,
    minutes,
    hours,
    isFixed: !minute.startsWith('*') && !hour.startsWith('*'),
    fitsDay: (date, _, dayOfWeek) => {
      const [first, second] = [day === '*' || days.has(date), weekday === '*' || weekdays.has(dayOfWeek)];
      return isEither ? first || second : first && second;
    },
  };
}

describe('Schedules fire as a calculator says that looks at every minute', () => {
  const base = Number(process.env['GANTRY_SCHEDULE_SEED'] ?? Date.now() % 1_000_000);
  const count = process.env['GANTRY_TEST_LONG'] === '1' ? 200 : 12;
  it(`in random weeks (GANTRY_SCHEDULE_SEED=${base} npx mocha --exit test/schemas/schedule.test.ts)`, function () {
    this.timeout(600_000);
    const random = seededRandom(base);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    for (let turn = 0; turn < count; turn++) {
      const zone = ZONES[below(ZONES.length)] ?? 'UTC';
      const fields = randomFields(below);
      const aroundMs = transition(zone, below) ?? Date.UTC(2024 + below(5), below(12), 1 + below(28));
      const fromMs = Math.floor((aroundMs - below(6 * 86_400_000)) / MINUTE_MS) * MINUTE_MS;
      const toMs = fromMs + 7 * 86_400_000;
      const wanted = bruteForce(fields, zone, fromMs, toMs).map(iso);
      const schedule = parseSchedule(fields.text, zone, 0);
      const told = `"${fields.text}" in ${zone} from ${iso(fromMs)}`;
      expect(schedule.between(fromMs, toMs, 100_000).map(iso), `between: ${told}`).to.deep.equal(wanted);
      const found: string[] = [];
      for (let ms = schedule.next(fromMs); ms !== undefined && ms <= toMs; ms = schedule.next(ms))
        found.push(iso(ms));
      expect(found, `next: ${told}`).to.deep.equal(wanted);
    }
  });
});

/** Three times out of four a moment at which clocks are set. */
function transition(zone: string, below: (limit: number) => number): number | undefined {
  if (below(4) === 0) return undefined;
  const opened = openZone(zone);
  let ms = Date.UTC(2024 + below(4), below(12), 1);
  for (let turn = 0; turn < 4; turn++) {
    const segment = opened.segmentAt(ms);
    if (segment.previousOffsetMs !== segment.offsetMs) return segment.startMs;
    ms = segment.endMs;
  }
  return undefined;
}
