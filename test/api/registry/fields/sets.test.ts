/** The algebra of field sets, as laws over random sets. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  differenceOf,
  type FieldSet,
  intersectionOf,
  isSubset,
  membersOf,
  NO_FIELDS,
  parseSet,
  printPath,
  setOf,
  sortedSet,
  unionOf,
} from '../../../../api/registry/fields/fieldset.ts';

const element = fc.constantFrom('f:a', 'f:b', 'v:1', 'k:{"name":"x"}');
const sets = fc
  .array(fc.array(element, { minLength: 1, maxLength: 3 }), { maxLength: 6 })
  .map((paths) => setOf(paths));
const names = (set: FieldSet): Set<string> => new Set([...membersOf(set)].map((path) => path.join('/')));
function same(set: FieldSet, wanted: Iterable<string>): void {
  expect([...names(set)].sort()).to.deep.equal([...new Set(wanted)].sort());
}

describe('field sets', () => {
  it('have union, difference and intersection of their members', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const [inA, inB] = [names(a), names(b)];
        same(unionOf(a, b), [...inA, ...inB]);
        same(
          differenceOf(a, b),
          [...inA].filter((name) => !inB.has(name)),
        );
        same(
          intersectionOf(a, b),
          [...inA].filter((name) => inB.has(name)),
        );
        expect(isSubset(a, b)).to.equal([...inA].every((name) => inB.has(name)));
      }),
    );
  });

  it('hand back what they were given when nothing came of it', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        expect(unionOf(unionOf(a, b), b)).to.deep.equal(unionOf(a, b));
        const both = unionOf(a, b);
        expect(unionOf(both, a)).to.equal(both);
        const left = differenceOf(a, b);
        expect(differenceOf(left, b)).to.equal(left);
      }),
    );
  });

  it('are the same after a way over the wire', () => {
    fc.assert(
      fc.property(sets, (set) => {
        const sent: unknown = JSON.parse(JSON.stringify(sortedSet(set)));
        same(parseSet(sent, 'fieldsV1'), names(set));
      }),
    );
  });

  it('read keys in any order and spelling', () => {
    expect(parseSet({ 'k:{"b":2, "a":1}': {} }, 'fieldsV1')).to.deep.equal({ 'k:{"a":1,"b":2}': {} });
  });

  for (const [name, set] of [
    ['an element of no kind', { x: {} }],
    ['a key that is no JSON', { 'k:{': {} }],
    ['an index that is no number', { 'i:x': {} }],
    ['something below that is no object', { 'f:a': 1 }],
  ] as const) {
    it(`refuse ${name}`, () => expect(() => parseSet(set, 'fieldsV1')).to.throw(/fieldsV1/));
  }

  it('print paths as Kubernetes does', () => {
    const path = ['f:spec', 'f:ports', 'k:{"containerPort":80,"protocol":"TCP"}', 'f:name'];
    expect(printPath(path)).to.equal('.spec.ports[containerPort=80,protocol="TCP"].name');
    expect(printPath(['f:list', 'v:"a"'])).to.equal('.list[="a"]');
    expect(printPath([])).to.equal('');
    expect(setOf([])).to.equal(NO_FIELDS);
  });
});
