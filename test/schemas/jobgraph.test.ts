/** The graph of a Job's steps: a table, and the law that a graph without a problem has an order. */
import { expect } from 'chai';
import fc from 'fast-check';
import { fromStep, graphProblem, type Step, upstreamsOf } from '../../schemas/jobgraph.ts';

/** `a:b,c d` is a after b and c, and d. */
const steps = (text: string): readonly Step[] =>
  text.split(' ').map((part) => {
    const [name = '', after] = part.split(':');
    return after === undefined ? { name } : { name, dependsOn: after.split(',') };
  });

describe("The graph of a Job's steps", () => {
  const rows: readonly [text: string, at: string | undefined, words: string][] = [
    ['a', undefined, ''],
    ['a b:a c:a d:b,c', undefined, ''],
    ['d:b,c c:a b:a a', undefined, ''],
    ['a b:a,b', '1.1 self', 'step "b" cannot depend on itself'],
    ['a b:x', '1.0 missing', 'step "b" depends on "x", which is no step of the job; its other steps are a'],
    ['a:x', '0.0 missing', 'its other steps are none'],
    ['a:b b:a', '0.0 cycle', 'in a circle: a -> b -> a;'],
    ['z a:z,c b:a c:b', '1.1 cycle', 'in a circle: a -> c -> b -> a;'],
    ['x:a a:b b:a', '1.0 cycle', 'in a circle: a -> b -> a;'],
    ['a:b b:c,d c:a d:a', '0.0 cycle', 'in a circle: a -> b -> c -> a;'],
  ];
  for (const [text, at, words] of rows) {
    it(`${text}: ${at ?? 'is one'}`, () => {
      const found = graphProblem(steps(text));
      expect(found && `${found.step}.${found.dependency} ${found.kind}`).to.equal(at);
      expect(found?.message ?? '').to.include(words);
    });
  }

  it('names no more steps than a person reads', () => {
    const many = Array.from({ length: 200 }, (_, at) => ({
      name: `s${at}`,
      dependsOn: [`s${(at + 1) % 200}`],
    }));
    expect(graphProblem(many)?.message).to.include('s0 -> s1 -> ').and.include(' -> … -> s0;');
    const lonely = [...many.map(({ name }) => ({ name })), { name: 'x', dependsOn: ['y'] }];
    expect(graphProblem(lonely)?.message).to.include('s19 and 180 more');
  });

  it('knows what a step comes after, and what comes after it', () => {
    const diamond = steps('a b:a c:a d:b,c e');
    expect([...(upstreamsOf(diamond).get('d') ?? [])].sort()).to.deep.equal(['a', 'b', 'c']);
    expect([...(upstreamsOf(diamond).get('e') ?? [])]).to.deep.equal([]);
    expect([...fromStep(diamond, 'b')]).to.deep.equal(['b', 'd']);
    expect([...fromStep(diamond, 'nobody')]).to.deep.equal([]);
  });

  it('law: steps have an order in which each comes after all it depends on, or a problem is told, never both', () => {
    const graph = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(graph, (drawn) => {
        const drawnSteps = drawn.map((after, at) => ({
          name: `s${at}`,
          dependsOn: [...new Set(after)].map((to) => `s${to}`),
        }));
        const placed = new Set<string>();
        for (const _ of drawnSteps) {
          for (const { name, dependsOn } of drawnSteps) {
            if (dependsOn.every((upstream) => placed.has(upstream))) placed.add(name);
          }
        }
        const found = graphProblem(drawnSteps);
        expect(found === undefined, found?.message).to.equal(placed.size === drawnSteps.length);
        if (found === undefined) {
          for (const { name } of drawnSteps)
            expect(upstreamsOf(drawnSteps).get(name)?.has(name)).to.equal(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
