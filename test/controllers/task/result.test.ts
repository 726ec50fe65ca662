/** What is made of what a container left: the name is the rule, the row is the file. Whatever is there, an answer comes of it. */
import { expect } from 'chai';
import { fitted, resultOf, type TaskResult, type Words } from '../../../controllers/task/planning/result.ts';

const MIB = 2 ** 20;
const text = (content: string | Buffer, isCut = false): Words['file'] => ({
  kind: 'file',
  bytes: Buffer.from(content),
  isCut,
});
const of = (words: Partial<Words>): TaskResult =>
  resultOf({ file: { kind: 'none' }, stdout: undefined, stdoutBytes: 0, ...words });
const many = (count: number, value: string): string =>
  Array.from({ length: count }, (_, index) => `k${index}=${value}\n`).join('');

interface Row {
  readonly name: string;
  readonly file: Words['file'];
  readonly outputs?: Readonly<Record<string, string>>;
  readonly message?: string;
}

const ROWS: readonly Row[] = [
  { name: 'no file', file: { kind: 'none' } },
  { name: 'an empty file', file: text('') },
  { name: 'two outputs', file: text('a=1\nb=two\n'), outputs: { a: '1', b: 'two' } },
  { name: 'a last line without a newline counts', file: text('a=1\nb=2'), outputs: { a: '1', b: '2' } },
  { name: 'of two with the same key the later', file: text('a=1\nb=2\na=3\n'), outputs: { a: '3', b: '2' } },
  {
    name: 'the first = divides, and an empty value is one',
    file: text('a=b=c\nd=\n'),
    outputs: { a: 'b=c', d: '' },
  },
  { name: 'blanks in a value stay', file: text('a= b \t\n'), outputs: { a: ' b \t' } },
  { name: 'empty lines are nothing', file: text('\n\na=1\n\n'), outputs: { a: '1' } },
  {
    name: 'what is not KEY=VALUE is told by its line',
    file: text('a=1\nnonsense\n=x\nb c=2\n'),
    outputs: { a: '1' },
    message: 'lines 2, 3, 4 of /run/gantry/output are not KEY=VALUE',
  },
  {
    name: 'a NUL can be given to no other process',
    file: text('a=x\0y\n'),
    message: 'line 1 of /run/gantry/output is not KEY=VALUE',
  },
  {
    name: 'a key that is none in other languages',
    file: text('__proto__=1\nconstructor=2\n'),
    outputs: { constructor: '2' },
    message: 'line 1 of /run/gantry/output is not KEY=VALUE',
  },
  {
    name: 'what is not UTF-8 is told by its line, and takes no other with it',
    file: text(
      Buffer.concat([Buffer.from('a=1\nb='), Buffer.from([0xff, 0xc3]), Buffer.from('\nc=\u00e9\n')]),
    ),
    outputs: { a: '1', c: '\u00e9' },
    message: 'line 2 of /run/gantry/output is not UTF-8',
  },
  {
    name: 'more than 64: the first 64',
    file: text(many(67, 'x')),
    outputs: Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, 'x'])),
    message: 'left out k64, k65, k66: a task has at most 64 outputs, of 65536 bytes together',
  },
  {
    name: 'more than 64 KiB together: what fits',
    file: text(`a=1\nbig=${'x'.repeat(70_000)}\nb=2\n`),
    outputs: { a: '1', b: '2' },
    message: 'left out big: a task has at most 64 outputs, of 65536 bytes together',
  },
  {
    name: 'of more than was looked at, whole lines only',
    file: text('a=1\nb=2', true),
    outputs: { a: '1' },
    message: 'of /run/gantry/output only the first 7 bytes were looked at',
  },
  {
    name: 'no file but something else',
    file: { kind: 'other', what: 'a symbolic link' },
    message: '/run/gantry/output is a symbolic link, wanted a file with lines KEY=VALUE',
  },
  {
    name: 'what could not be read',
    file: { problem: 'the disk is gone' },
    message: '/run/gantry/output could not be read: the disk is gone',
  },
];

describe('The result of a Task', () => {
  for (const { name, file, outputs, message } of ROWS) {
    it(name, () => {
      const wanted = {
        ...(outputs === undefined ? {} : { outputs }),
        ...(message === undefined ? {} : { message }),
      };
      expect(of({ file })).to.deep.equal(wanted);
    });
  }

  it('a mebibyte of NULs, and of anything, is answered in a message of bounded length', () => {
    for (const content of [
      Buffer.alloc(MIB),
      Buffer.alloc(MIB, '\n'),
      Buffer.alloc(MIB, 'x\n'),
      Buffer.alloc(MIB, 0xff),
    ]) {
      const { outputs, message = '' } = of({ file: text(content) });
      expect(outputs).to.equal(undefined);
      expect(message.length).to.be.at.most(1024);
    }
  });

  describe('the end of standard output', () => {
    const end = (bytes: string | Buffer, stdoutBytes: number): string | undefined =>
      of({ stdout: Buffer.from(bytes), stdoutBytes }).stdout;

    it('is all of it where it is short', () => expect(end('hello\n', 100)).to.equal('hello\n'));
    it('is its last bytes where there is more', () => expect(end('0123456789', 4)).to.equal('6789'));
    it('does not begin in the middle of a character', () =>
      expect(end('\u00e9\u00e9\u00e9', 5)).to.equal('\u00e9\u00e9'));
    it('shows what is no UTF-8 as U+FFFD', () =>
      expect(end(Buffer.from([0x61, 0xff, 0x62]), 100)).to.equal('a\ufffdb'));
    it('has no more bytes than asked for, also where U+FFFD is longer', () => {
      const shown = end(Buffer.alloc(1_000, 0xff), 100) ?? '';
      expect(shown).to.match(/^\ufffd+$/);
      expect(Buffer.byteLength(shown)).to.be.within(97, 100);
    });
    it('is empty for one that said nothing', () => expect(end('', 100)).to.equal(''));
    it('tells why where it could not be read', () =>
      expect(of({ stdout: { problem: 'no such container' } })).to.deep.equal({
        message: 'standard output could not be read: no such container',
      }));
  });

  describe('in an object that has no room', () => {
    const result: TaskResult = {
      outputs: { a: 'x'.repeat(60_000) },
      stdout: 'y'.repeat(60_000),
      message: 'told',
    };

    it('stays as it is where there is room', () => expect(fitted(result, 500_000)).to.equal(result));
    it('standard output goes first, and that is told', () => {
      const { outputs, stdout, message } = fitted(result, MIB - 128 * 1024 - 80_000);
      expect([outputs, stdout]).to.deep.equal([result.outputs, undefined]);
      expect(message).to.match(/^told; standard output is left out/);
    });
    it('then the outputs', () => {
      const { outputs, stdout, message } = fitted(result, MIB - 128 * 1024);
      expect([outputs, stdout]).to.deep.equal([undefined, undefined]);
      expect(message).to.match(/^told; outputs and standard output are left out/);
    });
  });
});
