/** Which JSON Schemas may describe parameters, and what a template may refer to. */
import { expect } from 'chai';
import { openWorld, type World } from '../../../world.ts';
import { create, patch } from './saying.ts';

type Fields = Readonly<Record<string, unknown>>;

const template = (parameters: unknown, ...args: readonly string[]): Fields => ({
  ...(parameters === undefined ? {} : { parameters }),
  template: { spec: { image: 'x', args } },
});
const of = (schema: unknown, more: Fields = {}): Fields =>
  template({ type: 'object', properties: { n: schema }, ...more });
const N = 'spec.parameters.properties[n]';

/** Each is four times the one before: thousands of schemas in a few lines. */
const explosive: Fields = Object.fromEntries(
  Array.from({ length: 7 }, (_, at) => [
    `d${at}`,
    at === 0
      ? { type: 'string' }
      : { anyOf: Array.from({ length: 4 }, () => ({ $ref: `#/$defs/d${at - 1}` })) },
  ]),
);
const deep = (levels: number): Fields =>
  levels === 0 ? { type: 'string' } : { type: 'array', items: deep(levels - 1) };

describe('TaskTemplates', () => {
  let world: World;
  before(async () => (world = await openWorld()));
  after(() => world.close());

  let made = 0;
  for (const [what, spec, ...problems] of [
    ['no parameters', template(undefined, 'echo')],
    [
      'parameters of every form',
      template(
        {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          type: 'object',
          required: ['a'],
          additionalProperties: false,
          $defs: { port: { type: 'integer', minimum: 1, maximum: 65535 } },
          properties: {
            a: { type: 'string', pattern: '^a+$', maxLength: 9 },
            b: { $ref: '#/$defs/port', default: 80 },
            c: { type: 'array', items: { $ref: '#/$defs/port' }, uniqueItems: true, maxItems: 3 },
            d: { anyOf: [{ type: 'null' }, { type: 'string', format: 'date' }] },
          },
        },
        '$(parameters.a)',
        '$(run.name)',
        '$(parameters.d)',
      ),
    ],
    [
      'no type',
      template({ properties: {} }),
      'spec.parameters.type: Required value: must be object: it has the parameters as its properties',
    ],
    [
      'another type',
      template({ type: 'array' }),
      'spec.parameters.type: Invalid value: "array": must be object: it has the parameters as its properties',
    ],
    [
      'a type that is none',
      of({ type: 'int' }),
      `${N}.type: Invalid value: "int": must be one of array, boolean, integer, null, number, object, string, or a list of these, each once, found string`,
    ],
    [
      'a keyword that is none',
      of({ type: 'string', length: 3 }),
      `${N}: Invalid value: "length": is no keyword of JSON Schema (draft 2020-12) that may be used here; a parameter belongs into properties`,
    ],
    [
      'parameters beside properties',
      template({ type: 'object', n: { type: 'string' } }),
      'spec.parameters: Invalid value: "n": is no keyword of JSON Schema (draft 2020-12) that may be used here; a parameter belongs into properties',
    ],
    [
      'a keyword of another type',
      of({ type: 'integer', minLength: 3 }),
      `${N}.minLength: Invalid value: "minLength": says nothing about type "integer"; it is for string`,
    ],
    [
      'a range that is empty',
      of({ type: 'integer', minimum: 5, maximum: 4 }),
      `${N}.minimum: Invalid value: 5: must not be more than maximum, which is 4: nothing would fit`,
    ],
    [
      'a pattern that is none',
      of({ type: 'string', pattern: '(' }),
      /^spec\.parameters\.properties\[n\]\.pattern: Invalid value: "\(": must be a valid regular expression \(RE2\), but isn't: /,
    ],
    ['a pattern that takes for ever elsewhere', of({ type: 'string', pattern: '^(a+)+$' })],
    [
      'a pattern that looks back',
      of({ type: 'string', pattern: '(a)\\1' }),
      /must be a valid regular expression \(RE2\)/,
    ],
    [
      'a format that is not known',
      of({ type: 'string', format: 'phone' }),
      /^spec\.parameters\.properties\[n\]\.format: Unsupported value: "phone"/,
    ],
    [
      'a schema somewhere else',
      of({ $ref: 'https://example.com/schema.json' }),
      `${N}.$ref: Invalid value: "https://example.com/schema.json": must be #/$defs/NAME, a definition in this schema; nothing else is looked up`,
    ],
    [
      'a definition that is not there',
      of({ $ref: '#/$defs/x' }),
      `${N}.$ref: Invalid value: "#/$defs/x": there is no spec.parameters.$defs[x]`,
    ],
    [
      'a schema that contains itself',
      of({ $ref: '#/$defs/x' }, { $defs: { x: { type: 'array', items: { $ref: '#/$defs/x' } } } }),
      'spec.parameters.$defs[x].items.$ref: Invalid value: "#/$defs/x": must not lead back to where it stands: a schema cannot contain itself',
    ],
    [
      'a schema that explodes',
      of({ $ref: '#/$defs/d6' }, { $defs: explosive }),
      'spec.parameters: Invalid value: "a schema": must not hold more than 2000 schemas, each counted where it is referred to',
    ],
    ['a schema that is too deep', of(deep(20)), /must not be more than 16 schemas deep$/],
    [
      'a schema that is too large',
      of({ type: 'string', description: 'x'.repeat(40_000) }),
      'spec.parameters: Invalid value: "a schema": must be no more than 32768 bytes of JSON; make it simpler',
    ],
    [
      'an address of its own',
      template({ type: 'object', $id: 'https://example.com/x' }),
      /^spec\.parameters: Invalid value: "\$id": is no keyword/,
    ],
    [
      'a default that does not fit',
      of({ type: 'integer', maximum: 3, default: 4 }),
      `${N}.default: Invalid value: 4: must be 3 or less`,
    ],
    [
      'a reference to no parameter',
      template({ type: 'object', properties: { position: {} } }, '$(parameters.positoin)'),
      'spec.template.spec.args[0]: Invalid value: "$(parameters.positoin)": there is no parameter "positoin" in spec.parameters.properties; there are position',
    ],
    [
      'a reference without parameters',
      template(undefined, '$(parameters.n)'),
      'spec.template.spec.args[0]: Invalid value: "$(parameters.n)": there is no parameter "n" in spec.parameters.properties; there are none',
    ],
    [
      'a reference where others are let pass',
      template({ type: 'object', additionalProperties: { type: 'string' } }, '$(parameters.n)'),
    ],
    [
      'a reference to a job',
      template(undefined, '$(config.k)'),
      /^spec\.template\.spec\.args\[0\]: .*\$\(config\.…\) is of the job that a step is in/,
    ],
  ] as const) {
    it(`with ${what} ${problems.length === 0 ? 'are taken' : 'are refused'}`, async () => {
      const found = (await create(world, 'tasktemplates', `t${made++}`, spec)).problems;
      expect(found).to.have.length(problems.length, found.join('\n'));
      found.forEach((text, index) => {
        const wanted = problems[index];
        if (wanted instanceof RegExp) expect(text).to.match(wanted);
        else expect(text).to.equal(wanted);
      });
    });
  }

  it('are judged again when they change, and not when something else does', async () => {
    await create(
      world,
      'tasktemplates',
      'kept',
      template({ type: 'object', properties: { n: {} } }, '$(parameters.n)'),
    );
    expect((await patch(world, 'tasktemplates', 'kept', { spec: { priority: 5 } })).problems).to.deep.equal(
      [],
    );
    expect(
      (
        await patch(world, 'tasktemplates', 'kept', {
          spec: { parameters: { properties: { n: null, m: {} } } },
        })
      ).problems,
    ).to.have.length(1);
  });

  it('have a name that a step may have', async () => {
    expect(
      (await create(world, 'tasktemplates', 'a'.repeat(41), template(undefined))).problems,
    ).to.deep.equal(['metadata.name: Invalid value: "object": must be no more than 40 characters']);
  });
});
