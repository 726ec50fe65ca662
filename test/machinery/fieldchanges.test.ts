import { expect } from 'chai';
import fc from 'fast-check';
import { fieldChanges, namedChanges } from '../../machinery/fieldchanges.ts';
import { isSameJson } from '../../machinery/json.ts';
import { cpuMs } from '../cputime.ts';

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
    [
      'keys that every object inherits as the fields they are',
      { data: {} },
      { data: { constructor: 'x', toString: 'y' } },
      ['added data.constructor', 'added data.toString'],
    ],
    [
      'a key that is called as a prototype is',
      JSON.parse('{"__proto__":{"a":1}}'),
      {},
      ['removed __proto__'],
    ],
    [
      'items whose names differ in type alone by position',
      { l: [{ name: 1 }, { name: '1' }] },
      { l: [{ name: 1 }] },
      ['removed l[1]'],
    ],
    ['another type as one change', { a: { b: 1 } }, { a: [1] }, ['changed a']],
  ];
  for (const [what, before, after, wanted] of rows) {
    it(`tells ${what}`, () => expect(paths(before, after)).to.deep.equal(wanted));
  }

  it('looks at each value once, however deep it is', () => {
    const deep = (last: string): unknown => {
      let value: unknown = [...Array.from({ length: 20_000 }, (_, at) => ({ size: at })), last];
      for (let level = 0; level < 250; level++) value = { level, value };
      return value;
    };
    const [before, after] = [deep('a'), deep('b')];
    const startMs = cpuMs();
    expect(fieldChanges(before, after)).to.have.length(1);
    expect(cpuMs() - startMs).to.be.below(1_000);
  });

  it('cuts paths that are too long to be told', () => {
    const [named, ...others] = namedChanges(fieldChanges({}, { [`a${'b'.repeat(5000)}`]: 1, c: 2 }), 1);
    expect(named?.path).to.have.length(1025).and.match(/…$/);
    expect(others).to.deep.equal([]);
  });

  it('tells something exactly if two values differ, whatever they are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
        expect(fieldChanges(before, after).length === 0).to.equal(isSameJson(before, after));
      }),
    );
  });
});
