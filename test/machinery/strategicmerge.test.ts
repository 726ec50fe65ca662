import { expect } from 'chai';
import { isApiError } from '../../machinery/errors.ts';
import { applyStrategicMergePatch, type MergeSchema } from '../../machinery/strategicmerge.ts';

const schema: MergeSchema = {
  properties: {
    spec: {
      properties: {
        containers: {
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            properties: {
              env: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
            },
          },
        },
        secrets: { 'x-kubernetes-list-type': 'set' },
        args: { 'x-kubernetes-list-type': 'atomic' },
      },
    },
  },
};

const live = {
  metadata: { name: 'x', finalizers: ['a/1', 'a/2'], labels: { app: 'web' } },
  spec: {
    containers: [
      { name: 'one', image: 'a', env: [{ name: 'A', value: '1' }] },
      { name: 'two', image: 'b' },
    ],
    secrets: ['s', 't'],
    args: ['x', 'y'],
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
  },
};

const patched = (patch: unknown): unknown => applyStrategicMergePatch(live, patch, schema);
const specOf = (spec: object): unknown => ({ ...live, spec: { ...live.spec, ...spec } });

const rows: readonly (readonly [string, object, object])[] = [
  [
    'merges items by their key and keeps the others',
    { containers: [{ name: 'one', image: 'c' }] },
    { containers: [{ ...live.spec.containers[0], image: 'c' }, live.spec.containers[1]] },
  ],
  [
    'merges lists within items',
    { containers: [{ name: 'one', env: [{ name: 'B', value: '2' }] }] },
    {
      containers: [
        {
          name: 'one',
          image: 'a',
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        },
        live.spec.containers[1],
      ],
    },
  ],
  [
    'adds an item that nobody has',
    { containers: [{ name: 'three' }] },
    { containers: [...live.spec.containers, { name: 'three' }] },
  ],
  [
    'deletes an item by its key',
    { containers: [{ name: 'one', $patch: 'delete' }] },
    { containers: [live.spec.containers[1]] },
  ],
  [
    'replaces a list that says so',
    { containers: [{ name: 'three' }, { $patch: 'replace' }] },
    { containers: [{ name: 'three' }] },
  ],
  ['adds to a set', { secrets: ['t', 'u'] }, { secrets: ['s', 't', 'u'] }],
  ['takes values from a set', { '$deleteFromPrimitiveList/secrets': ['s'] }, { secrets: ['t'] }],
  ['replaces an atomic list', { args: ['z'] }, { args: ['z'] }],
  [
    'merges maps and removes with null',
    { strategy: { type: null, more: true } },
    { strategy: { rollingUpdate: { maxSurge: 1 }, more: true } },
  ],
  [
    'keeps only the keys it is told to',
    { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    { strategy: { type: 'Recreate' } },
  ],
  [
    'replaces a map that says so',
    { strategy: { $patch: 'replace', type: 'X' } },
    { strategy: { type: 'X' } },
  ],
  [
    'orders items, those it does not name where they were',
    {
      '$setElementOrder/containers': [{ name: 'three' }, { name: 'one' }],
      containers: [{ name: 'three' }],
    },
    { containers: [{ name: 'three' }, live.spec.containers[0], live.spec.containers[1]] },
  ],
  ['orders a list it does not change', { '$setElementOrder/secrets': ['t', 's'] }, { secrets: ['t', 's'] }],
  [
    'leaves no directive where there was nothing',
    { fresh: [{ name: 'a', $patch: 'merge', gone: null }] },
    { fresh: [{ name: 'a' }] },
  ],
];

describe('strategic merge patch', () => {
  for (const [name, spec, expected] of rows) {
    it(name, () => expect(patched({ spec })).to.deep.equal(specOf(expected)));
  }

  it('knows the lists of metadata', () => {
    const patch = { metadata: { finalizers: ['b/3'], '$deleteFromPrimitiveList/finalizers': ['a/1'] } };
    expect(patched(patch)).to.have.nested.property('metadata.finalizers').deep.equal(['a/2', 'b/3']);
  });

  it('takes the longest lists of a body in their stride', () => {
    const names = Array.from({ length: 50_000 }, (_, at) => `n${at}`);
    const items = names.map((name) => ({ name }));
    const patch = {
      containers: items,
      '$setElementOrder/containers': [...items].reverse(),
      secrets: names,
      '$setElementOrder/secrets': [...names].reverse(),
      '$deleteFromPrimitiveList/secrets': ['s', ...names.slice(1)],
      strategy: { $retainKeys: names, ...Object.fromEntries(names.map((name) => [name, 1])) },
    };
    const startMs = performance.now();
    const once = applyStrategicMergePatch(live, { spec: patch }, schema);
    const twice = applyStrategicMergePatch(once, { spec: patch }, schema);
    expect(performance.now() - startMs).to.be.lessThan(5_000);
    expect(twice).to.deep.equal(once);
  });

  it('changes nothing it was given', () => {
    const before = structuredClone(live);
    patched({ spec: { containers: [{ name: 'one', image: 'z' }], secrets: ['z'], strategy: null } });
    expect(live).to.deep.equal(before);
  });

  for (const [name, patch] of [
    ['an unknown directive', { spec: { $patch: 'explode' } }],
    ['an item without its key', { spec: { containers: [{ image: 'c' }] } }],
    ['an item that is no object', { spec: { containers: ['c'] } }],
    ['a list of kept keys that forgets one', { spec: { strategy: { $retainKeys: [], type: 'X' } } }],
    ['something else than an object', ['x']],
  ] as const) {
    it(`refuses ${name}`, () => {
      try {
        patched(patch);
      } catch (error) {
        expect(isApiError(error, 'BadRequest'), String(error)).to.equal(true);
        return;
      }
      expect.fail('it was taken');
    });
  }
});
