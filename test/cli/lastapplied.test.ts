import { expect } from 'chai';
import { array, assert, constantFrom, dictionary, integer, letrec, oneof, property } from 'fast-check';
import { LAST_APPLIED, lastAppliedOf, threeWayPatch, withLastApplied } from '../../cli/lastapplied.ts';
import { isRecord, isSameJson } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';

const object = (fields: Record<string, unknown>, annotations?: Record<string, string>): DynamicObject => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name: 'a', ...(annotations === undefined ? {} : { annotations }) },
  ...fields,
});

/** RFC 7386. */
function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatched(result[name], value);
  }
  return result;
}

describe('cli/lastapplied', () => {
  const rows: [
    string,
    Record<string, unknown>,
    Record<string, unknown>,
    Record<string, unknown>,
    Record<string, unknown>,
  ][] = [
    ['nothing changed', { spec: { a: 1 } }, { spec: { a: 1 } }, { spec: { a: 1, b: 2 } }, {}],
    ['a field changed', { spec: { a: 1 } }, { spec: { a: 2 } }, { spec: { a: 1, b: 2 } }, { spec: { a: 2 } }],
    ['a field is new', {}, { spec: { a: { b: 1 } } }, { spec: {} }, { spec: { a: { b: 1 } } }],
    [
      'a field is no longer wanted',
      { spec: { a: 1, b: { c: 1, d: 1 } } },
      { spec: { b: { d: 1 } } },
      { spec: { a: 1, b: { c: 1, d: 1 }, e: 5 } },
      { spec: { a: null, b: { c: null } } },
    ],
    ['it went already', { spec: { a: 1 } }, { spec: {} }, { spec: { e: 5 } }, {}],
    ['others set it', { spec: {} }, { spec: {} }, { spec: { e: 5 } }, {}],
    ['drift is put right', { spec: { a: 1 } }, { spec: { a: 1 } }, { spec: { a: 9 } }, { spec: { a: 1 } }],
    ['a list changed', { l: [1, 2] }, { l: [1, 3] }, { l: [1, 2] }, { l: [1, 3] }],
    ['an explicit null removes', {}, { spec: { a: null } }, { spec: { a: 1 } }, { spec: { a: null } }],
    ['an explicit null of nothing', {}, { spec: { a: null } }, { spec: {} }, {}],
    ['a mapping became a value', { a: { b: 1 } }, { a: 1 }, { a: { b: 1 } }, { a: 1 }],
  ];
  for (const [name, last, wanted, live, patch] of rows) {
    it(`${name}: ${JSON.stringify(patch)}`, () => {
      expect(threeWayPatch(object(last), object(wanted), object(live))).to.deep.equal(patch);
    });
  }

  it('remembers itself exactly as kubectl writes it', () => {
    const wanted = withLastApplied(
      object({ spec: { z: '<a> & \u2028', b: [1, 1.5, true] } }, { note: 'x', [LAST_APPLIED]: 'old' }),
    );
    expect(wanted.metadata.annotations).to.deep.equal({
      note: 'x',
      [LAST_APPLIED]:
        '{"apiVersion":"gantry.dev/v1","kind":"Task","metadata":{"annotations":{"note":"x"},"name":"a"},"spec":{"b":[1,1.5,true],"z":"\\u003ca\\u003e \\u0026 \\u2028"}}\n',
    });
    expect(lastAppliedOf(wanted)).to.deep.include({
      kind: 'Task',
      metadata: { name: 'a', annotations: { note: 'x' } },
    });
    expect(lastAppliedOf(object({}, { [LAST_APPLIED]: 'not json' }))).to.equal(undefined);
    expect(lastAppliedOf(object({}))).to.equal(undefined);
  });

  it('always reaches what is wanted, takes nothing of others away, and is then at rest', () => {
    const names = constantFrom('a', 'b', 'c');
    const { value } = letrec<{ value: unknown }>((tie) => ({
      value: oneof(
        { maxDepth: 3 },
        integer({ min: 0, max: 2 }),
        array(integer({ min: 0, max: 1 }), { maxLength: 2 }),
        dictionary(names, tie('value')),
      ),
    }));
    const spec = dictionary(names, value).map((fields) => object({ spec: fields }));
    assert(
      property(spec, spec, spec, (last, wanted, live) => {
        const after = mergePatched(live, threeWayPatch(last, wanted, live));
        if (!isRecord(after)) throw new Error('a patched object is an object');
        const result: DynamicObject = { ...live, ...after };
        expect(isSameJson(mergePatched(result, wanted), result), 'what is wanted is there').to.equal(true);
        expect(threeWayPatch(wanted, wanted, result), 'nothing is left to do').to.deep.equal({});
        const [liveSpec, lastSpec, afterSpec] = [live.spec, last.spec, result.spec];
        if (!isRecord(liveSpec) || !isRecord(lastSpec) || !isRecord(afterSpec) || !isRecord(wanted.spec))
          return;
        for (const name of Object.keys(liveSpec)) {
          if (!Object.hasOwn(lastSpec, name) && !Object.hasOwn(wanted.spec, name)) {
            expect(afterSpec[name], name).to.deep.equal(liveSpec[name]);
          }
        }
      }),
    );
  });
});
