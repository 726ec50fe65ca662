/** The next fires of a schedule, as a person reads them. */
import { expect } from 'chai';
import { fireRows } from '../../cli/fires.ts';

const rows = (text: string, timeZone: string, from: string, count: number): string[][] =>
  fireRows({ text, timeZone, anchorMs: Date.parse('2026-01-01T00:00:30Z'), nowMs: Date.parse(from), count });

describe('fires', () => {
  it('shows the time of the zone, UTC, and the distance from now', () => {
    expect(rows('0 2 * * *', 'Europe/Berlin', '2026-01-10T00:30:00Z', 2)).to.deep.equal([
      ['Europe/Berlin', 'UTC', 'IN'],
      ['Sat 2026-01-10 02:00:00 +01:00', '2026-01-10T01:00:00Z', '30m'],
      ['Sun 2026-01-11 02:00:00 +01:00', '2026-01-11T01:00:00Z', '24h'],
    ]);
  });

  it('shows UTC once', () => {
    expect(rows('@hourly', 'UTC', '2026-01-10T00:30:00Z', 1)).to.deep.equal([
      ['UTC', 'IN'],
      ['2026-01-10T01:00:00Z', '30m'],
    ]);
  });

  it('counts @every from the anchor', () => {
    expect(rows('@every 1h30m', 'UTC', '2026-01-01T02:00:00Z', 2).slice(1)).to.deep.equal([
      ['2026-01-01T03:00:30Z', '60m'],
      ['2026-01-01T04:30:30Z', '150m'],
    ]);
  });

  const notes: [string, string, string, string, number, (string | undefined)[]][] = [
    [
      'a time that is left out',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T00:00:00Z',
      3,
      ['', '02:30 is left out that day: clocks go from 02:00 to 03:00', ''],
    ],
    [
      'a time that comes twice',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T12:00:00Z',
      2,
      ['02:30 comes twice that day: it fires the first time only', 'clocks are set back by 60m before it'],
    ],
    [
      'every half an hour, where an hour comes twice',
      '*/30 * * * *',
      'Europe/Berlin',
      '2026-10-24T23:59:00Z',
      5,
      [
        '02:00 comes twice that day: it fires both times',
        '02:30 comes twice that day: it fires both times',
        'the second 02:00 of that day: clocks were set back',
        'the second 02:30 of that day: clocks were set back',
        '',
      ],
    ],
    [
      'a time just after the gap',
      '0 3 * * *',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      1,
      ['clocks are set ahead by 60m before it'],
    ],
    [
      'a zone without summer time',
      '30 2 * * *',
      'Asia/Tokyo',
      '2026-03-28T12:00:00Z',
      3,
      [undefined, undefined, undefined],
    ],
  ];
  for (const [name, text, timeZone, from, count, wanted] of notes) {
    it(`notes ${name}`, () => {
      expect(
        rows(text, timeZone, from, count)
          .slice(1)
          .map((row) => row[3]),
      ).to.deep.equal(wanted);
    });
  }

  it('is empty for what never fires again', () => {
    expect(rows('0 0 1 1 *', 'UTC', '9999-06-01T00:00:00Z', 3)).to.have.length(1);
  });
});
