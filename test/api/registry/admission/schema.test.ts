/** What a schema may say beyond types, and what an update need not repair. */
import { expect } from 'chai';
import { conformObject, isConforming } from '../../../../api/registry/admission/structural.ts';
import { compileValidator } from '../../../../api/registry/admission/validation.ts';
import { seededRandom } from '../../../../machinery/random.ts';
import type { Schema, ValidationRule } from '../../../../schemas/crd.ts';
import { cpuMs } from '../../../cputime.ts';

function problems(schema: Schema, value: unknown, old?: unknown): string[] {
  const validator = compileValidator({ type: 'object', properties: { v: schema } }, 'tests');
  return validator
    .problems({ v: value }, old === undefined ? undefined : { v: old })
    .map(({ reason, field, message }) => `${reason} ${field}: ${message}`);
}

const text: Schema = { type: 'string' };
const figure: Schema = { type: 'number' };

describe('A schema', () => {
  it('with a long pattern matches no more text than it can in about a second', () => {
    const schema: Schema = { type: 'array', items: { ...text, pattern: '[a-z]'.repeat(20_000) } };
    const startMs = cpuMs();
    expect(() => problems(schema, Array(60).fill('a'.repeat(9_000)))).to.throw(/too long to be matched/);
    expect(cpuMs() - startMs).to.be.lessThan(10_000);
    expect(problems(schema, ['a'])).to.have.length(1);
  });

  it('with a long enum is compiled in no time', () => {
    const schema: Schema = { ...text, enum: Array.from({ length: 20_000 }, (_, index) => `e${index}`) };
    const startMs = cpuMs();
    expect(problems(schema, 'e19999')).to.deep.equal([]);
    // Comparing each of them with every other takes several seconds.
    expect(cpuMs() - startMs).to.be.lessThan(1_500);
  });

  const rows: readonly (readonly [schema: Schema, value: unknown, said: string | undefined])[] = [
    [
      { ...figure, multipleOf: 5 },
      12,
      'FieldValueInvalid v: Invalid value: 12: v in body should be a multiple of 5',
    ],
    [
      { ...figure, minimum: 1, exclusiveMinimum: true },
      1,
      'FieldValueInvalid v: Invalid value: 1: v in body should be greater than 1',
    ],
    [{ ...figure, minimum: 1, exclusiveMinimum: true }, 1.1, undefined],
    [
      { ...figure, maximum: 1, exclusiveMaximum: true },
      1,
      'FieldValueInvalid v: Invalid value: 1: v in body should be less than 1',
    ],
    [{ ...figure, maximum: 1, exclusiveMaximum: false }, 1, undefined],
    [
      { ...text, anyOf: [{ pattern: '^a' }, { pattern: '^b' }] },
      'c',
      'FieldValueInvalid v: Invalid value: "": "v" must validate at least one schema (anyOf)',
    ],
    [{ ...text, anyOf: [{ pattern: '^a' }, { pattern: '^b' }] }, 'b', undefined],
    [
      { ...text, oneOf: [{ minLength: 1 }, { maxLength: 5 }] },
      'abc',
      'FieldValueInvalid v: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
    [
      { ...text, oneOf: [{ minLength: 9 }, { maxLength: 1 }] },
      'abc',
      'FieldValueInvalid v: Invalid value: "": "v" must validate one and only one schema (oneOf). Found none valid',
    ],
    [
      { ...text, not: { enum: ['x'] } },
      'x',
      'FieldValueInvalid v: Invalid value: "": "v" must not validate the schema (not)',
    ],
    [
      { ...text, allOf: [{ minLength: 2 }, { pattern: '^a' }] },
      'a',
      'FieldValueInvalid v: Invalid value: "a": v in body should be at least 2 chars long',
    ],
    [
      { type: 'object', properties: { anyOf: { ...text, minLength: 1 } } },
      { anyOf: '' },
      'FieldValueInvalid v.anyOf: Invalid value: "": v.anyOf in body should be at least 1 chars long',
    ],
    [{ 'x-kubernetes-int-or-string': true, nullable: true }, null, undefined],
    [{ 'x-kubernetes-preserve-unknown-fields': true, nullable: true }, null, undefined],
    [
      { ...text, format: 'cidr' },
      '10.0.0.0/33',
      'FieldValueInvalid v: Invalid value: "10.0.0.0/33": v in body must be of type cidr: "10.0.0.0/33"',
    ],
    [{ ...text, format: 'cidr' }, '10.0.0.0/8', undefined],
    [{ ...text, format: 'duration' }, '1h30m', undefined],
    [
      { ...text, format: 'duration' },
      'PT1H',
      'FieldValueInvalid v: Invalid value: "PT1H": v in body must be of type duration: "PT1H"',
    ],
    [
      { ...text, format: 'byte' },
      'a GVs',
      'FieldValueInvalid v: Invalid value: "a GVs": v in body must be of type byte: "a GVs"',
    ],
    [{ ...text, format: 'mac' }, '01:23:45:67:89:ab', undefined],
    [
      {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
      },
      { kind: 'A', metadata: {} },
      'FieldValueRequired v.apiVersion: Required value',
    ],
  ];
  for (const [schema, value, said] of rows) {
    it(`${JSON.stringify(schema)} of ${JSON.stringify(value)}: ${said ?? 'nothing'}`, () => {
      expect(problems(schema, value)).to.deep.equal(said === undefined ? [] : [said]);
    });
  }

  it('keeps what every object has of an embedded one, and prunes the rest of it', () => {
    const schema: Schema = {
      type: 'object',
      properties: {
        v: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: text } },
      },
    };
    const { value, unknown } = conformObject(schema, {
      v: { apiVersion: 'v1', kind: 'A', metadata: { name: 'x' }, spec: 's', more: 1 },
    });
    expect(value).to.deep.equal({ v: { apiVersion: 'v1', kind: 'A', metadata: { name: 'x' }, spec: 's' } });
    expect(unknown).to.deep.equal(['v.more']);
  });

  it('prunes a schema within a schema, however deep', () => {
    const schema: Schema = { type: 'object', properties: { v: { type: 'object', 'x-gantry-schema': true } } };
    const { value, unknown } = conformObject(schema, {
      v: {
        type: 'object',
        properties: { a: { items: { allOf: [{ nme: 1 }] }, default: { any: 1 } } },
        additionalProperties: false,
      },
    });
    expect(value).to.deep.equal({
      v: {
        type: 'object',
        properties: { a: { items: { allOf: [{}] }, default: { any: 1 } } },
        additionalProperties: false,
      },
    });
    expect(unknown).to.deep.equal(['v.properties.a.items.allOf[0].nme']);
  });

  it('says of an object whether conforming would change it, without making another', () => {
    const random = seededRandom(5);
    const schema: Schema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            a: { ...text, default: 'x' },
            b: { ...text, nullable: true },
            list: {
              type: 'array',
              items: { type: 'object', properties: { c: text, d: { type: 'integer', default: 1 } } },
            },
            map: { type: 'object', additionalProperties: { type: 'object', properties: { e: text } } },
            open: {
              type: 'object',
              'x-kubernetes-preserve-unknown-fields': true,
              properties: { f: { ...text, default: 'y' } },
            },
          },
        },
      },
    };
    const maybe = (key: string, value: unknown): Record<string, unknown> =>
      random.next() < 0.6 ? { [key]: random.next() < 0.15 ? null : value } : {};
    let unchanged = 0;
    for (let run = 0; run < 2_000; run++) {
      const spec = {
        ...maybe('a', 'q'),
        ...maybe('b', 'q'),
        ...maybe('list', [{ ...maybe('c', 'q'), ...maybe('d', 2) }]),
        ...maybe('map', { one: { ...maybe('e', 'q') } }),
        ...maybe('open', { ...maybe('f', 'q'), ...maybe('g', { h: 1 }) }),
        ...(random.next() < 0.1 ? { unknown: 1 } : {}),
      };
      const object = { apiVersion: 'v1', kind: 'A', metadata: {}, spec };
      const isSame =
        JSON.stringify(sorted(conformObject(schema, object).value)) === JSON.stringify(sorted(object));
      expect(isConforming(schema, object), JSON.stringify(object)).to.equal(isSame);
      if (isSame) unchanged++;
    }
    expect(unchanged).to.be.greaterThan(20);
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

describe('An update', () => {
  const list: Schema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: { type: 'object', properties: { k: text, n: { type: 'integer', minimum: 5 } } },
  };
  const object: Schema = {
    type: 'object',
    required: ['r'],
    properties: {
      r: text,
      n: { type: 'integer', minimum: 5 },
      s: text,
      list,
      plain: { type: 'array', items: { ...text, minLength: 2 } },
    },
  };
  const low = 'FieldValueInvalid v.n: Invalid value: 1: v.n in body should be greater than or equal to 5';
  const rows: readonly (readonly [what: string, value: unknown, old: unknown, said: readonly string[]])[] = [
    ['may leave a wrong field as it is', { r: '', n: 1, s: 'new' }, { r: '', n: 1, s: 'old' }, []],
    ['may not make it wrong in another way', { r: '', n: 1 }, { r: '', n: 2 }, [low]],
    ['may not make a right one wrong', { r: '', n: 1 }, { r: '', n: 7 }, [low]],
    ['may not add a wrong one', { r: '', n: 1 }, { r: '' }, [low]],
    [
      'finds items of a map list by their keys',
      {
        r: '',
        list: [
          { k: 'b', n: 9 },
          { k: 'a', n: 1 },
        ],
      },
      { r: '', list: [{ k: 'a', n: 1 }] },
      [],
    ],
    [
      'has nothing to go by in any other list',
      { r: '', plain: ['a', 'bb'] },
      { r: '', plain: ['a'] },
      [
        'FieldValueInvalid v.plain[0]: Invalid value: "a": v.plain[0] in body should be at least 2 chars long',
      ],
    ],
    ['may leave such a list alone', { r: '', plain: ['a'], s: 'x' }, { r: '', plain: ['a'] }, []],
    [
      'must give what is required where it changes something',
      { s: 'x' },
      { s: 'y' },
      ['FieldValueRequired v.r: Required value'],
    ],
  ];
  for (const [what, value, old, said] of rows) {
    it(what, () => expect(problems(object, value, old)).to.deep.equal(said));
  }

  it('is not stopped by a rule about what it does not touch, unless the rule is about changes', () => {
    const rules: ValidationRule[] = [
      { rule: 'self.n > 5', message: 'low' },
      { rule: 'self.n > oldSelf.n', message: 'must grow' },
    ];
    const part: Schema = {
      type: 'object',
      properties: { n: { type: 'integer' } },
      'x-kubernetes-validations': rules,
    };
    const whole: Schema = { type: 'object', properties: { part, other: text } };
    const value = { part: { n: 1 }, other: 'x' };
    expect(problems(whole, value, { part: { n: 1 }, other: 'y' })).to.deep.equal([
      'FieldValueInvalid v.part: Invalid value: {"n":1}: must grow',
    ]);
  });
});
