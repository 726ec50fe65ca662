import { expect } from 'chai';
import { ApiError, type StatusReason } from '../../machinery/errors.ts';
import { deepFreeze } from '../../machinery/json.ts';
import { applyJsonPatch, applyMergePatch } from '../../machinery/patch.ts';

describe('JSON merge patch', () => {
  // The examples of RFC 7386, appendix A.
  for (const [document, patch, result] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    it(`${JSON.stringify(document)} + ${JSON.stringify(patch)}`, () => {
      expect(applyMergePatch(deepFreeze(document), patch)).to.deep.equal(result);
    });
  }

  it('reaches no prototype', () => {
    expect(() => applyMergePatch({}, JSON.parse('{"a":{"__proto__":{"x":1}}}'))).to.throw(
      ApiError,
      '__proto__',
    );
    expect(applyMergePatch({}, { constructor: { x: 1 } })).to.deep.equal({ constructor: { x: 1 } });
  });
});

describe('JSON patch', () => {
  const document = deepFreeze({ a: [1, 2], m: { '01': 'x', 'k/~': 1 } });
  const apply = (...patch: unknown[]): unknown => applyJsonPatch(document, patch);

  it('adds, removes, replaces, moves, copies and tests', () => {
    expect(
      apply(
        { op: 'test', path: '/a/0', value: 1 },
        { op: 'add', path: '/a/-', value: 3 },
        { op: 'remove', path: '/a/0' },
        { op: 'replace', path: '/m/k~1~0', value: 2 },
        { op: 'copy', from: '/m/01', path: '/c' },
        { op: 'move', from: '/m', path: '/n' },
      ),
    ).to.deep.equal({ a: [2, 3], n: { '01': 'x', 'k/~': 2 }, c: 'x' });
  });

  it('shares nothing with the patch: a later operation does not change it', () => {
    const patch = [
      { op: 'add', path: '/v', value: { x: 1 } },
      { op: 'replace', path: '/v/x', value: 2 },
    ];
    expect(applyJsonPatch({}, patch)).to.deep.equal({ v: { x: 2 } });
    expect(patch[0]).to.deep.equal({ op: 'add', path: '/v', value: { x: 1 } });
  });

  const refusals: readonly (readonly [string, unknown, StatusReason])[] = [
    ['a test that fails', [{ op: 'test', path: '/a/0', value: 2 }], 'Invalid'],
    ['a path that is not there', [{ op: 'remove', path: '/x/y' }], 'Invalid'],
    ['replacing nothing', [{ op: 'replace', path: '/x', value: 1 }], 'Invalid'],
    ['an index with leading zeros', [{ op: 'replace', path: '/a/01', value: 1 }], 'Invalid'],
    ['the same in from', [{ op: 'copy', from: '/a/01', path: '/b' }], 'Invalid'],
    ['an index past the end', [{ op: 'add', path: '/a/9', value: 1 }], 'Invalid'],
    ['an operation there is none of', [{ op: 'merge', path: '/a' }], 'Invalid'],
    ["the library's own operation", [{ op: '_get', path: '/a' }], 'Invalid'],
    ['what is no operation', [null], 'Invalid'],
    ['the prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }], 'Invalid'],
    ['a move into itself', [{ op: 'move', from: '/m', path: '/m/x' }], 'Invalid'],
    ['a copy of what is not there', [{ op: 'copy', from: '/m/none', path: '/b' }], 'Invalid'],
    [
      'fields of a document that is gone',
      [
        { op: 'remove', path: '' },
        { op: 'add', path: '/b', value: 1 },
      ],
      'Invalid',
    ],
    [
      'copies that double the document again and again',
      Array.from({ length: 40 }, (_, turn) => ({ op: 'copy', from: '/m', path: `/m/${turn}` })),
      'Invalid',
    ],
    [
      'what nests deeper and deeper',
      Array.from({ length: 300 }, () => [
        { op: 'add', path: '/n', value: {} },
        { op: 'move', from: '/m', path: '/n/m' },
        { op: 'move', from: '/n', path: '/m' },
      ]).flat(),
      'Invalid',
    ],
    ['what is no patch', { op: 'remove', path: '/a' }, 'BadRequest'],
    [
      'too much at once',
      Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a/0', value: 1 })),
      'RequestEntityTooLarge',
    ],
  ];
  for (const [what, patch, reason] of refusals) {
    it(`refuses ${what}`, () => {
      expect(() => applyJsonPatch(document, patch))
        .to.throw(ApiError)
        .with.property('reason', reason);
    });
  }

  it('says what it means, not what went wrong inside', () => {
    const patch = [
      { op: 'remove', path: '' },
      { op: 'add', path: '/b', value: 1 },
    ];
    expect(() => applyJsonPatch(document, patch)).to.throw(/operation 1 \(add \/b\): the document is null/);
  });

  it('moves within a large document without reading the rest of it', () => {
    const large = { a: { x: 1 }, rest: Array.from({ length: 20_000 }, (_, index) => ({ index })) };
    const swaps = Array.from({ length: 2_000 }, (_, turn) =>
      turn % 2 === 0 ? { op: 'move', from: '/a', path: '/b' } : { op: 'move', from: '/b', path: '/a' },
    );
    const startMs = performance.now();
    expect(applyJsonPatch(large, swaps)).to.deep.equal(large);
    // Copying the document for every one of them takes minutes.
    expect(performance.now() - startMs).to.be.lessThan(5_000);
  });

  it('lets a key look like a bad index where there is no list', () => {
    expect(apply({ op: 'replace', path: '/m/01', value: 'y' })).to.have.nested.property('m.01', 'y');
  });
});
