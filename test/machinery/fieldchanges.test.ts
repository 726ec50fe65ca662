import { expect } from 'chai';
import fc from 'fast-check';
import { fieldChanges } from '../../machinery/fieldchanges.ts';
import { isSameJson } from '../../machinery/json.ts';

const paths = (before: unknown, after: unknown): string[] =>
  fieldChanges(before, after).map(({ operation, path }) => `${operation} ${path}`);

describe('Changed fields', () => {
  const rows: readonly [string, unknown, unknown, readonly string[]][] = [
    ['nothing for what means the same', { a: 1, b: undefined }, { a: 1 }, []],
    ['a changed leaf', { spec: { image: 'a' } }, { spec: { image: 'b' } }, ['changed spec.image']],
    ['a field that came, whole', { spec: {} }, { spec: { limits: { cpu: 1 } } }, ['added spec.limits']],
    ['a field that went', { spec: { a: 1 } }, { spec: {} }, ['removed spec.a']],
    [
      'keys that are no names, quoted',
      { metadata: { labels: {} } },
      { metadata: { labels: { 'app.io/name': 'x' } } },
      ['added metadata.labels["app.io/name"]'],
    ],
    [
      'items that have names by these, wherever they stand',
      { env: [{ name: 'A', value: '1' }] },
      {
        env: [
          { name: 'B', value: '2' },
          { name: 'A', value: '3' },
        ],
      },
      ['added env[B]', 'changed env[A].value'],
    ],
    [
      'items that only changed places',
      { env: [{ name: 'A' }, { name: 'B' }] },
      { env: [{ name: 'B' }, { name: 'A' }] },
      ['changed env'],
    ],
    [
      'items of which two have one name by position',
      { l: [{ name: 'A' }, { name: 'A' }] },
      { l: [{ name: 'A' }] },
      ['removed l[1]'],
    ],
    [
      'items without names by position',
      { args: ['a', 'b'] },
      { args: ['a', 'c', 'd'] },
      ['changed args[1]', 'added args[2]'],
    ],
    ['another type as one change', { a: { b: 1 } }, { a: [1] }, ['changed a']],
  ];
  for (const [what, before, after, wanted] of rows) {
    it(`tells ${what}`, () => expect(paths(before, after)).to.deep.equal(wanted));
  }

  it('tells something exactly if two values differ, whatever they are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
        expect(fieldChanges(before, after).length === 0).to.equal(isSameJson(before, after));
      }),
    );
  });
});
