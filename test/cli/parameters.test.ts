/** Parameters from the command line, typed by what describes them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Io } from '../../cli/io.ts';
import { parametersFrom } from '../../cli/parameters.ts';
import { systemClock } from '../../machinery/clock.ts';

const output = { write: (): Promise<void> => Promise.resolve() };
const ioIn = (directory: string, stdin = ''): Io => ({
  stdout: output,
  stderr: output,
  stdin: (async function* () {
    yield Buffer.from(stdin);
  })(),
  env: {},
  directory,
  userHome: directory,
  clock: systemClock,
  signal: new AbortController().signal,
});
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

describe('parameters', () => {
  const of = (property: unknown): unknown => ({ type: 'object', properties: { p: property } });
  const rows: [string, unknown, string, unknown][] = [
    ['an integer', of({ type: 'integer' }), '3', 3],
    ['a negative integer', of({ type: 'integer' }), '-3', -3],
    ['what is no integer stays text, for the server to refuse', of({ type: 'integer' }), '3x', '3x'],
    ['a fraction is no integer', of({ type: 'integer' }), '3.5', '3.5'],
    ['a number', of({ type: 'number' }), '3.5e2', 350],
    ['digits are text where text is wanted', of({ type: 'string' }), '3', '3'],
    ['a boolean', of({ type: 'boolean' }), 'false', false],
    ['what is no boolean', of({ type: 'boolean' }), 'yes', 'yes'],
    ['null, or else text', of({ type: ['null', 'string'] }), 'null', null],
    ['a number, or else text', of({ type: ['string', 'integer'] }), 'a1', 'a1'],
    ['an array', of({ type: 'array' }), '[1,"a"]', [1, 'a']],
    ['an object', of({ type: 'object' }), '{"a":1}', { a: 1 }],
    ['an array where an object is wanted', of({ type: 'object' }), '[1]', '[1]'],
    ['one of an enum, by its own type', of({ enum: [1, 'two', true] }), '1', 1],
    ['one of an enum of texts', of({ type: ['string', 'integer'], enum: ['1', '2'] }), '1', '1'],
    ['a constant', of({ const: 7 }), '7', 7],
    ['alternatives', of({ anyOf: [{ type: 'integer' }, { const: 'max' }] }), '12', 12],
    ['alternatives, the other', of({ anyOf: [{ type: 'integer' }, { const: 'max' }] }), 'max', 'max'],
    [
      'a reference',
      { properties: { p: { $ref: '#/$defs/a~1b' } }, $defs: { 'a/b': { type: 'integer' } } },
      '4',
      4,
    ],
    ['a reference to itself', { properties: { p: { $ref: '#/properties/p' } } }, '4', '4'],
    ['one that only additionalProperties describes', { additionalProperties: { type: 'integer' } }, '4', 4],
    ['one that nothing describes', undefined, '4', '4'],
    ['an empty text', of({ type: 'string' }), '', ''],
    ['a text with an equals sign', of({ type: 'string' }), 'a=b', 'a=b'],
    ['a name of every object', of({ type: 'integer' }), 'x', 'x'],
  ];
  for (const [name, schema, text, wanted] of rows) {
    it(`${name}: ${text}`, async () => {
      const found = await parametersFrom({ parameter: [`p=${text}`] }, async () => schema, ioIn('/'));
      expect(found).to.deep.equal({ p: wanted });
    });
  }

  it('takes JSON whole, from a file and from standard input, and -p goes over it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-parameters-'));
    try {
      writeFileSync(join(directory, 'p.json'), '{"a": 1, "p": 1}');
      const never = (): Promise<unknown> => Promise.reject(new Error('nothing was to be typed'));
      expect(await parametersFrom({ parameters: '{"a":"1"}' }, never, ioIn('/'))).to.deep.equal({ a: '1' });
      expect(await parametersFrom({ parameters: '@-' }, never, ioIn('/', '{"a":2}'))).to.deep.equal({ a: 2 });
      const flags = { parameters: '@p.json', parameter: ['p=2'] };
      const schema = async (): Promise<unknown> => of({ type: 'integer' });
      expect(await parametersFrom(flags, schema, ioIn(directory))).to.deep.equal({ a: 1, p: 2 });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  const mistakes: [string, Parameters<typeof parametersFrom>[0], RegExp][] = [
    ['no value', { parameter: ['p'] }, /^-p: found "p", wanted NAME=VALUE/],
    ['no name', { parameter: ['=1'] }, /^-p: found "=1", wanted NAME=VALUE/],
    ['twice', { parameter: ['p=1', 'p=2'] }, /^-p p is given twice/],
    [
      'more digits than JSON carries',
      { parameter: ['p=12345678901234567890'] },
      /^-p p: found 12345678901234567890, wanted a whole number of at most 9007199254740991/,
    ],
    ['no JSON', { parameters: '{a' }, /^--parameters: wanted a JSON object: /],
    ['no object', { parameters: '[1]' }, /^--parameters: found \[1\], wanted a JSON object such as/],
    ['no file', { parameters: '@nope.json' }, /^cannot read nope\.json: no such file/],
  ];
  for (const [name, flags, wanted] of mistakes) {
    it(`refuses ${name}`, async () => {
      const schema = async (): Promise<unknown> => of({ type: 'integer' });
      const said = await parametersFrom(flags, schema, ioIn('/')).then(() => 'nothing', message);
      expect(said).to.match(wanted);
    });
  }
});
