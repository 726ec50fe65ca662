/** The small words of machinery: durations, conditions, JSON values. */
import { expect } from 'chai';
import { findCondition, setCondition } from '../../machinery/conditions.ts';
import { humanDuration, parseDurationMs } from '../../machinery/duration.ts';
import { deepFreeze, isSameJson, jsonHash, readPath } from '../../machinery/json.ts';

describe('Durations', () => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['3s', 3000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
  ] as const) {
    it(`reads ${text}`, () => expect(parseDurationMs(text)).to.equal(ms));
  }
  for (const text of ['', '1', 's', '1 h', '-1s', '1h30', '1w']) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseDurationMs(text)).to.equal(undefined));
  }

  it('prints ages as kubectl does', () => {
    const MINUTE = 60_000;
    const HOUR = 60 * MINUTE;
    const ages: readonly (readonly [number, string])[] = [
      [-1, '0s'],
      [119_000, '119s'],
      [2 * MINUTE, '2m'],
      [5 * MINUTE + 3000, '5m3s'],
      [100 * MINUTE, '100m'],
      [3 * HOUR, '3h'],
      [3 * HOUR + 5 * MINUTE, '3h5m'],
      [30 * HOUR, '30h'],
      [50 * HOUR, '2d2h'],
      [100 * 24 * HOUR, '100d'],
      [3 * 365 * 24 * HOUR + 24 * HOUR, '3y1d'],
    ];
    expect(ages.map(([ms]) => humanDuration(ms))).to.deep.equal(ages.map(([, text]) => text));
  });
});

describe('Conditions', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Up', message: '' } as const;
  const at = Date.UTC(2026, 0, 1);

  it('move their transition time with the status and with nothing else', () => {
    const first = setCondition(undefined, ready, at);
    const reworded = setCondition(first, { ...ready, message: 'still' }, at + 60_000);
    expect(findCondition(reworded, 'Ready')).to.include({
      message: 'still',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const fallen = setCondition(reworded, { ...ready, status: 'False' }, at + 60_000);
    expect(findCondition(fallen, 'Ready')?.lastTransitionTime).to.equal('2026-01-01T00:01:00Z');
  });

  it('are the very same list when nothing changed', () => {
    const first = setCondition([], ready, at);
    expect(setCondition(first, ready, at + 60_000)).to.equal(first);
  });

  it('stay beside others, sorted by type', () => {
    const both = setCondition(setCondition([], ready, at), { ...ready, type: 'Available' }, at);
    expect(both.map((condition) => condition.type)).to.deep.equal(['Available', 'Ready']);
  });
});

describe('JSON values', () => {
  it('are the same whatever the order of keys, and absent is undefined', () => {
    expect(isSameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1, d: undefined })).to.equal(
      true,
    );
    expect(isSameJson([1, 2], [2, 1])).to.equal(false);
    expect(isSameJson({ a: null }, {})).to.equal(false);
    expect(isSameJson({ a: 1 }, { b: 1 })).to.equal(false);
    expect(isSameJson([], {})).to.equal(false);
    expect(isSameJson({ toString: 1 }, {})).to.equal(false);
    expect(isSameJson('1', 1)).to.equal(false);
  });

  it('hash the same in any order of keys', () => {
    expect(jsonHash({ a: 1, b: { c: 2, d: 3 } })).to.equal(jsonHash({ b: { d: 3, c: 2 }, a: 1 }));
    expect(jsonHash({ a: 1 })).not.to.equal(jsonHash({ a: 2 }));
    expect(jsonHash({ a: '\ud800' })).to.equal(jsonHash({ a: '\ufffd' }));
  });

  it('freeze all the way down', () => {
    const value = deepFreeze({ a: [{ b: 1 }] });
    expect(() => {
      (value.a[0] ?? { b: 0 }).b = 2;
    }).to.throw(TypeError);
  });

  it('read a path, undefined where anything on the way is absent', () => {
    expect(readPath({ a: { b: 1 } }, ['a', 'b'])).to.equal(1);
    expect(readPath({ a: 1 }, ['a', 'b'])).to.equal(undefined);
    expect(readPath({}, ['constructor'])).to.equal(undefined);
  });
});
