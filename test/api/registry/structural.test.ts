import { expect } from 'chai';
import { conformObject } from '../../../api/registry/admission/structural.ts';
import { deepFreeze } from '../../../machinery/json.ts';
import type { Schema } from '../../../schemas/crd.ts';

/** Prunes and defaults the value of the one field `v`. */
function conform(schema: Schema, v: unknown): { v: unknown; unknown: readonly string[] } {
  const root: Schema = { type: 'object', properties: { v: schema } };
  const { value, unknown } = conformObject(root, deepFreeze({ v }));
  return { v: (value as { v?: unknown }).v, unknown };
}

const text: Schema = { type: 'string' };

describe('Structural schemas', () => {
  const rows: readonly (readonly [
    what: string,
    schema: Schema,
    sent: unknown,
    stored: unknown,
    unknown: string[],
  ])[] = [
    [
      'drop unknown fields',
      { type: 'object', properties: { a: text } },
      { a: '1', b: 2 },
      { a: '1' },
      ['v.b'],
    ],
    ['drop everything of an object without fields', { type: 'object' }, { a: 1 }, {}, ['v.a']],
    [
      'keep every key of a map',
      { type: 'object', additionalProperties: text },
      { a: '1', 'b/c': '2' },
      { a: '1', 'b/c': '2' },
      [],
    ],
    [
      'prune inside the values of a map',
      { type: 'object', additionalProperties: { type: 'object', properties: { a: text } } },
      { k: { a: '1', z: 1 } },
      { k: { a: '1' } },
      ['v.k.z'],
    ],
    [
      'keep anything where additionalProperties is true',
      { type: 'object', additionalProperties: true },
      { a: { b: [1] } },
      { a: { b: [1] } },
      [],
    ],
    [
      'keep unknown fields where they are to be preserved, and prune what is known below',
      {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { a: { type: 'object', properties: { b: text } } },
      },
      { x: { y: 1 }, a: { b: '1', c: 2 } },
      { x: { y: 1 }, a: { b: '1' } },
      ['v.a.c'],
    ],
    [
      'prune inside lists',
      { type: 'array', items: { type: 'object', properties: { a: text } } },
      [{ a: '1' }, { b: 1 }],
      [{ a: '1' }, {}],
      ['v[1].b'],
    ],
    [
      'leave values of another type for validation to see',
      { type: 'object', properties: { a: text } },
      'not an object',
      'not an object',
      [],
    ],
    ['leave a null item for validation to see', { type: 'array', items: text }, [null], [null], []],
    ['leave integers and texts of int-or-string', { 'x-kubernetes-int-or-string': true }, 5, 5, []],
    [
      'put in a default',
      { type: 'object', properties: { a: { ...text, default: 'd' } } },
      {},
      { a: 'd' },
      [],
    ],
    [
      'put defaults into a default',
      {
        type: 'object',
        properties: {
          a: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 3 } } },
        },
      },
      {},
      { a: { b: 3 } },
      [],
    ],
    [
      'put no default below what is absent',
      { type: 'object', properties: { a: { type: 'object', properties: { b: { ...text, default: 'd' } } } } },
      {},
      {},
      [],
    ],
    [
      'put defaults into every item',
      { type: 'array', items: { type: 'object', properties: { a: { ...text, default: 'd' } } } },
      [{}, { a: 'x' }],
      [{ a: 'd' }, { a: 'x' }],
      [],
    ],
    [
      'take a default that is false',
      { type: 'object', properties: { a: { type: 'boolean', default: false } } },
      {},
      { a: false },
      [],
    ],
    [
      'take null as absent, so that the default comes',
      { type: 'object', properties: { a: { ...text, default: 'd' } } },
      { a: null },
      { a: 'd' },
      [],
    ],
    ['drop a null that has no default', { type: 'object', properties: { a: text } }, { a: null }, {}, []],
    [
      'keep a null that is allowed',
      { type: 'object', properties: { a: { ...text, nullable: true, default: 'd' } } },
      { a: null },
      { a: null },
      [],
    ],
    [
      'drop a null in a map',
      { type: 'object', additionalProperties: text },
      { a: null, b: 'x' },
      { b: 'x' },
      [],
    ],
    [
      'reach no prototype',
      { type: 'object', additionalProperties: text },
      JSON.parse('{"__proto__":"x","a":"y"}'),
      { a: 'y' },
      ['v.__proto__'],
    ],
    [
      'know no field that only objects have',
      { type: 'object', properties: { a: text } },
      { toString: 1 },
      {},
      ['v.toString'],
    ],
  ];
  for (const [what, schema, sent, stored, unknown] of rows) {
    it(what, () => expect(conform(schema, sent)).to.deep.equal({ v: stored, unknown }));
  }

  it('leave the root identity alone and name unknown fields in order', () => {
    const schema: Schema = {
      type: 'object',
      properties: { metadata: { type: 'object' }, spec: { type: 'object' } },
    };
    const sent = { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' }, zeta: 1, spec: { b: 1, a: 2 } };
    expect(conformObject(schema, sent)).to.deep.equal({
      value: { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' }, spec: {} },
      unknown: ['spec.a', 'spec.b', 'zeta'],
    });
  });

  it('share nothing with a default: changing one object does not change the next', () => {
    const schema: Schema = {
      type: 'object',
      properties: { a: { type: 'object', default: { b: [] }, 'x-kubernetes-preserve-unknown-fields': true } },
    };
    const first = conform(schema, {}).v as { a: { b: unknown[] } };
    first.a.b.push(1);
    expect(conform(schema, {}).v).to.deep.equal({ a: { b: [] } });
  });
});
