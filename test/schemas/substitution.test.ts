/** References in templates: what is one, what it stands for, and that data is never taken for one. */
import { expect } from 'chai';
import fc from 'fast-check';
import { expand } from '../../controllers/task/inputs/expansion.ts';
import {
  type MalformedReference,
  type Reference,
  Room,
  references,
  substitute,
  substituteValue,
} from '../../schemas/substitution.ts';

const told = (found: Reference | MalformedReference): string => {
  switch (found.kind) {
    case 'parameter':
      return `parameter ${found.name}`;
    case 'config':
      return `config ${found.key}`;
    case 'run':
      return `run ${found.field}`;
    case 'task':
      return `task ${found.step} ${found.field}${found.field === 'outputs' ? ` ${found.key}` : ''}`;
    case 'malformed':
      return `malformed ${found.problem}`;
  }
};

const VALUES: Readonly<Record<string, unknown>> = {
  'parameter x': 'X',
  'parameter n': 3,
  'parameter b': false,
  'parameter list': ['a', 1],
  'parameter nothing': null,
  'parameter money': 'a$$b$(HOME)$',
  'config k.1': 'K',
  'run name': 'nightly-1',
  'task build exitCode': 0,
  'task build stdout': 'done\n',
  'task build outputs image.tag': '1.2',
};
const lookup = (reference: Reference): unknown => VALUES[told(reference)];

describe('References of a template', () => {
  const rows: readonly [name: string, text: string, found: readonly string[]][] = [
    ['none', 'plain', []],
    ['a parameter', 'a $(parameters.x) b', ['parameter x']],
    ['several', '$(parameters.a-b)$(config.k.1)', ['parameter a-b', 'config k.1']],
    ['the run', '$(run.name) $(run.scheduledTime)', ['run name', 'run scheduledTime']],
    [
      'a step',
      '$(tasks.b-1.stdout)$(tasks.b-1.exitCode)$(tasks.b-1.outputs.x.y)',
      ['task b-1 stdout', 'task b-1 exitCode', 'task b-1 outputs x.y'],
    ],
    ["the Task's and the shell's own are none", '$(HOME) $(date +%s) $HOME ${x} $(parameter.x)', []],
    ['two dollars are none', '$$(parameters.x)', []],
    ['three dollars are', '$$$(parameters.x)', ['parameter x']],
    ['inside the shell', '$(echo $(parameters.x))', ['parameter x']],
  ];
  for (const [name, text, found] of rows) {
    it(`${name}: ${text}`, () => expect(references(text).map(told)).to.deep.equal(found));
  }

  const malformed: readonly [text: string, words: string][] = [
    ['$(parameters.)', 'write $(parameters.NAME)'],
    ['$(parameters.a b)', 'write $(parameters.NAME)'],
    ['$(parameters.x', 'close it'],
    ['$(config.)', 'write $(config.KEY)'],
    ['$(run.uid)', 'a run has $(run.name) and $(run.scheduledTime)'],
    ['$(tasks.a)', 'a step has $(tasks.STEP.exitCode)'],
    ['$(tasks.a.outputs)', 'a step has'],
    ['$(tasks.a.stdout.x)', 'a step has'],
    ['$(tasks.A.stdout)', 'a step has'],
  ];
  for (const [text, words] of malformed) {
    it(`is none and says so: ${text}`, () => {
      const [found] = references(`x ${text}`);
      expect(found?.kind).to.equal('malformed');
      expect(found === undefined ? '' : told(found))
        .to.include(`"${text}"`)
        .and.include(words)
        .and.include('$$(');
    });
  }
});

describe('Substitution', () => {
  const rows: readonly [name: string, text: string, image: string, argument?: string][] = [
    ['text', 'a $(parameters.x) b', 'a X b'],
    ['numbers, booleans and lists as JSON', '$(parameters.n),$(parameters.b)', '3,false'],
    ['a list as JSON', '$(parameters.list)', '["a",1]'],
    ['nothing is empty', '<$(parameters.nothing)$(parameters.unknown)>', '<>'],
    ['what a step said', '$(tasks.build.exitCode) $(tasks.build.outputs.image.tag)', '0 1.2'],
    ['two dollars stay', '$$(parameters.x)', '$$(parameters.x)'],
    ['three dollars', '$$$(parameters.x)', '$$X'],
    ["others' stay", '$(HOME) $(parameters', '$(HOME) $(parameters'],
    ['malformed ones stay', '$(run.uid)', '$(run.uid)'],
    ['dollars in data', '$(parameters.money)', 'a$$b$(HOME)$', 'a$$$$b$$(HOME)$$'],
  ];
  for (const [name, text, image, argument = image] of rows) {
    it(`${name}: ${text}`, () => {
      expect(substitute(text, lookup, { escape: false, room: new Room(1_000) })).to.equal(image);
      expect(substitute(text, lookup, { escape: true, room: new Room(1_000) })).to.equal(argument);
    });
  }

  it('keeps the type of a value that a text is nothing but', () => {
    const given = { a: '$(parameters.n)', b: '$(parameters.n)!', c: ['$(parameters.b)', 7, null], d: 'x' };
    expect(substituteValue(given, lookup, new Room(1_000))).to.deep.equal({
      a: 3,
      b: '3!',
      c: [false, 7, null],
      d: 'x',
    });
  });

  it('puts no more in than there is room for, in all texts together', () => {
    const room = new Room(100);
    const long = (): string => 'x'.repeat(10);
    const text = '$(parameters.x)'.repeat(5);
    expect(substitute(text, long, { escape: true, room })).to.have.length(50);
    expect(substituteValue(['$(parameters.x)'], long, room)).to.deep.equal([long()]);
    expect(() => substitute(text, long, { escape: false, room }))
      .to.throw('more than 100 characters')
      .with.property('reason', 'RequestEntityTooLarge');
    expect(() => substituteValue('$(parameters.x)', long, new Room(9))).to.throw('more than 9 characters');
  });

  it('law: a Task reads escaped data as the data it is, whatever stands around it', () => {
    const around = fc.stringMatching(/^[a-z ]*$/);
    const data = fc.string({ unit: fc.constantFrom('$', '(', ')', 'HOME', 'parameters.x', 'a', '\n') });
    fc.assert(
      fc.property(around, data, around, data, (before, value, after, other) => {
        const text = `${before}$(parameters.v)${after}$(parameters.o)`;
        const put = substitute(
          text,
          (reference) => (reference.kind === 'parameter' && reference.name === 'v' ? value : other),
          { escape: true, room: new Room(1_000_000) },
        );
        expect(expand(put, () => 'EXPANDED')).to.equal(`${before}${value}${after}${other}`);
      }),
    );
  });
});
