/** What judging parameters may take: a hostile schema or a hostile value is refused before it holds up everybody. */
import { expect } from 'chai';
import {
  defaultProblems,
  judgeTemplateValues,
} from '../../../../api/registry/admission/parameters/values.ts';
import { jobs } from '../../../../schemas/kinds.ts';
import { openWorld, type World } from '../../../world.ts';
import { create } from './saying.ts';

/** A machine that is busy takes its time; without the bounds these take from seven seconds to as long as there is memory. */
const SOON_MS = 4_000;

function soon<T>(work: () => T): T {
  const startMs = performance.now();
  const answer = work();
  expect(performance.now() - startMs).to.be.below(SOON_MS);
  return answer;
}

const listOf = (items: unknown): Record<string, unknown> => ({
  type: 'object',
  properties: { list: { type: 'array', items } },
});
const branches = (count: number): readonly unknown[] =>
  Array.from({ length: count }, (_, at) => ({ const: `x${at}` }));
const judged = (schema: unknown, given: Readonly<Record<string, unknown>>): string =>
  judgeTemplateValues(schema, given, 'task template "t"', 'spec.parameters')
    .problems.map(({ message }) => message)
    .join('; ');

describe('What judging parameters may take', function () {
  this.timeout(60_000);

  for (const [what, schema, item] of [
    ['a choice of many', listOf({ anyOf: branches(400) }), 1],
    ['one of a definition', { ...listOf({ $ref: '#/$defs/a' }), $defs: { a: { oneOf: branches(400) } } }, 1],
    [
      'a list of allowed values',
      listOf({ enum: Array.from({ length: 3_000 }, (_, at) => ({ at })) }),
      { at: -1 },
    ],
    ['long texts', listOf({ allOf: Array.from({ length: 300 }, () => ({ minLength: 1 })) }), 'x'.repeat(20)],
  ] as const) {
    it(`each of 10,000 items against ${what}: refused before it is begun`, () => {
      const list = Array.from({ length: 10_000 }, () => item);
      expect(soon(() => judged(schema, { list }))).to.contain(
        'takes too long to be compared with the schema of task template "t": give fewer items, or make the schema simpler',
      );
    });
  }

  it('many items against a schema of ordinary size are judged', () => {
    const host = {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' }, port: { type: 'integer' }, kind: { enum: ['a', 'b', 'c'] } },
    };
    const list = Array.from({ length: 4_000 }, (_, at) => ({ name: `h${at}`, port: 80, kind: 'b' }));
    expect(soon(() => judged(listOf(host), { list }))).to.equal('');
    expect(judged(listOf(host), { list: [...list, { name: 'h', port: 'x' }] })).to.contain('[4000].port');
  });

  it('fifteen hundred defaults are compiled at once, and each that does not fit is told', () => {
    const fine = Array.from({ length: 1_500 }, (_, at) => [`p${at}`, { default: 1 }] as const);
    const wrong = [
      ['a', { type: 'string', default: 1 }],
      ['b', { type: 'integer', maximum: 3, default: 4 }],
    ] as const;
    const schema = {
      type: 'object',
      required: ['missing'],
      properties: Object.fromEntries<unknown>([...fine, ...wrong]),
    };
    expect(soon(() => defaultProblems(schema, 'P').map(({ field }) => field))).to.deep.equal([
      'P.properties[a].default',
      'P.properties[b].default',
    ]);
  });

  describe('for one Job', () => {
    let world: World;
    before(async () => {
      world = await openWorld();
    });
    after(() => world.close());

    it('the schemas of all its templates together are bounded; one that is used twice counts once', async () => {
      const names = Array.from({ length: 12 }, (_, at) => `t${at}`);
      for (const name of names) {
        await create(world, 'tasktemplates', name, {
          parameters: {
            type: 'object',
            properties: { a: { type: 'string', description: 'x'.repeat(30_000) } },
          },
          template: { spec: { image: 'x' } },
        });
      }
      const steps = (of: readonly string[]): unknown => ({
        tasks: of.map((name, at) => ({ name: `s${at}`, templateRef: { name }, arguments: { a: 'x' } })),
      });
      const of = (name: string, spec: unknown) =>
        world.admin.create(jobs, {
          apiVersion: 'gantry.dev/v1',
          kind: 'Job',
          metadata: { name, namespace: 'default' },
          spec: spec as never,
        });
      await of('fits', steps([...names.slice(0, 8), ...names.slice(0, 8)]));
      const refusal = await of('large', steps(names)).then(
        () => 'it was made',
        (error: unknown) => String(error),
      );
      expect(refusal).to.contain('too large together; task template "t8" is one of them');
    });
  });
});
