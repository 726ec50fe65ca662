/** The difference of two texts: a table of its form, and the law that it leads from one to the other. */
import { expect } from 'chai';
import { unifiedDiff } from '../../cli/linediff.ts';
import { seededRandom } from '../../machinery/random.ts';

const names = ['a/x', 'b/x'] as const;
const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** What `patch` would make of it: of the old lines outside hunks as they are, and of hunks as they say. */
function patched(before: string, diff: string): string {
  const old = before.split('\n').slice(0, -1);
  const lines: string[] = [];
  let at = 0;
  for (const line of diff.split('\n').slice(2, -1)) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+/.exec(line);
    if (hunk !== null) {
      const start = hunk[2] === '0' ? Number(hunk[1]) : Number(hunk[1]) - 1;
      while (at < start) lines.push(old[at++] ?? '');
    } else if (line.startsWith('+')) lines.push(line.slice(1));
    else {
      expect(line.slice(1), 'a line that is told of as old is there').to.equal(old[at]);
      if (line.startsWith(' ')) lines.push(line.slice(1));
      at++;
    }
  }
  while (at < old.length) lines.push(old[at++] ?? '');
  return text(...lines);
}

describe('the difference of two texts', () => {
  const rows: readonly (readonly [name: string, before: string, after: string, body: string])[] = [
    [
      'one line of many',
      text('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'),
      text('a', 'b', 'c', 'd', 'E', 'f', 'g', 'h', 'i'),
      '@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n',
    ],
    ['all of it new', '', text('a', 'b'), '@@ -0,0 +1,2 @@\n+a\n+b\n'],
    ['all of it gone', text('a'), '', '@@ -1 +0,0 @@\n-a\n'],
    [
      'two places that are far apart',
      text('1', ...'a b c d e f g h'.split(' '), '2'),
      text('x', ...'a b c d e f g h'.split(' '), 'y'),
      '@@ -1,4 +1,4 @@\n-1\n+x\n a\n b\n c\n@@ -7,4 +7,4 @@\n f\n g\n h\n-2\n+y\n',
    ],
    [
      'two places that touch',
      text('1', ...'a b c d'.split(' '), '2'),
      text('x', ...'a b c d'.split(' '), 'y'),
      '@@ -1,6 +1,6 @@\n-1\n+x\n a\n b\n c\n d\n-2\n+y\n',
    ],
  ];
  for (const [name, before, after, body] of rows) {
    it(`is told as diff -u tells it: ${name}`, () => {
      expect(unifiedDiff(before, after, names)).to.equal(`--- a/x\n+++ b/x\n${body}`);
    });
  }

  it('is nothing between texts that are the same', () => {
    expect(unifiedDiff(text('a'), text('a'), names)).to.equal('');
  });

  it('leads from the one to the other, whatever they are', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const lines = (): string =>
        text(
          ...Array.from(
            { length: Math.floor(random.next() * 30) },
            () => 'abcd'[Math.floor(random.next() * 4)] ?? '',
          ),
        );
      const [before, after] = [lines(), lines()];
      const diff = unifiedDiff(before, after, names);
      expect(before === after ? before : patched(before, diff)).to.equal(after);
    }
  });

  it('of texts that have nothing in common is the one and then the other, without an hour of looking', () => {
    const many = (mark: string): string => text(...Array.from({ length: 3000 }, (_, at) => `${mark}${at}`));
    const diff = unifiedDiff(many('a'), many('b'), names);
    expect(patched(many('a'), diff)).to.equal(many('b'));
  });
});
