/** The checklist of the doors: each line is a row of the table in docs/doors.md, which names tests that are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '..');
const PAGES = join(ROOT, 'docs', 'doors');
/** How many lines each door has. */
const CHECKLIST = { D0: 12, D2: 12, D3: 13, D4: 8 } as const;

interface Row {
  readonly line: string;
  readonly tests: readonly { readonly title: string; readonly file: string }[];
  readonly state: string;
}

function rowsOf(page: string): Row[] {
  const [, table = ''] = page.split('## Line by line');
  return table
    .split('\n')
    .map((text) => text.split(' | '))
    .flatMap(([line = '', tests = '', state = '']) => {
      const [number] = /(?<=^\| )D\d\.\d+/.exec(line) ?? [];
      if (number === undefined) return [];
      const named = [...tests.matchAll(/“(.+?)” \(`([^`]+)`\)/g)];
      return [
        {
          line: number,
          tests: named.map(([, title = '', file = '']) => ({ title, file })),
          state: state.replace(/ \|$/, ''),
        },
      ];
    });
}

describe('the checklist of the doors', () => {
  const page = readFileSync(join(ROOT, 'docs', 'doors.md'), 'utf8');
  const rows = rowsOf(page);

  for (const [door, count] of Object.entries(CHECKLIST)) {
    it(`${door}: every line has a row with tests that are there, and a state`, () => {
      const lines = Array.from({ length: count }, (_, at) => `${door}.${at + 1}`);
      expect(rows.map(({ line }) => line)).to.include.members(lines);
      for (const { line, tests, state } of rows.filter((row) => row.line.startsWith(`${door}.`))) {
        expect(tests, `${line} names no test`).not.to.deep.equal([]);
        expect(state, `${line} has no state`).not.to.equal('');
        for (const { title, file } of tests) {
          expect(existsSync(join(ROOT, file)), `${line} names ${file}, which is not there`).to.equal(true);
          const source = readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'");
          expect(source.includes(title), `${line}: ${file} has no test “${title}”`).to.equal(true);
          expect(title.split(/[^D.0-9]+/), `“${title}” does not say that it is for ${line}`).to.include(line);
        }
      }
    });
  }

  it('the page leads to the page of every door', () => {
    for (const name of readdirSync(PAGES)) expect(page).to.include(`(doors/${name})`);
    for (const [, name = ''] of page.matchAll(/\]\(doors\/([^)]+)\)/g)) {
      expect(
        existsSync(join(PAGES, name)),
        `docs/doors.md leads to doors/${name}, which is not there`,
      ).to.equal(true);
    }
  });
});
