/** The floor plan, held: who may import whom, no circles, no rooms without a name. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..');

/** Each room, and the rooms it may import besides itself. ARCHITECTURE.md shows the same table. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  machinery: [],
  schemas: ['machinery'],
  store: ['machinery'],
  net: ['machinery'],
  client: ['machinery', 'schemas', 'net'],
  runtime: ['machinery', 'schemas'],
  api: ['machinery', 'schemas', 'store', 'net'],
  controllers: ['machinery', 'schemas', 'client', 'runtime'],
  agent: ['machinery', 'schemas', 'net', 'client', 'runtime', 'controllers'],
  cli: ['machinery', 'schemas', 'store', 'net', 'client', 'runtime', 'api', 'controllers', 'agent'],
};
const UNNAMED = /^(utils?|common|shared|helpers?|misc|lib|index)(\.ts)?$/;
const LONGEST_FILE_LINES = 450;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sourcesOf(room: string): Source[] {
  return readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const full = join(root, room, path);
      const text = readFileSync(full, 'utf8');
      const specifiers = [...text.matchAll(/(?:^|\n)(?:import|export)\b[^;'"]*?from\s+'(\.[^']+)'/g)].map(
        (match) => match[1] ?? '',
      );
      const dynamic = [...text.matchAll(/\bimport\('(\.[^']+)'\)/g)].map((match) => match[1] ?? '');
      return {
        path: relative(root, full),
        text,
        imports: [...specifiers, ...dynamic].map((specifier) =>
          relative(root, join(dirname(full), specifier)),
        ),
      };
    });
}

const sources = Object.keys(MAY_IMPORT).flatMap(sourcesOf);
const roomOf = (path: string): string => path.split('/')[0] ?? '';

describe('The house is tidy', () => {
  it('finds the rooms it speaks of', () => {
    expect(sources.length).to.be.greaterThan(40);
    for (const room of Object.keys(MAY_IMPORT)) {
      expect(
        sources.some((source) => roomOf(source.path) === room),
        `room ${room} is empty`,
      ).to.equal(true);
    }
  });

  it('lets every room import only what the floor plan allows', () => {
    const breaches = sources.flatMap((source) =>
      source.imports
        .filter((target) => roomOf(target) !== roomOf(source.path))
        .filter((target) => MAY_IMPORT[roomOf(source.path)]?.includes(roomOf(target)) !== true)
        .map(
          (target) =>
            `${source.path} imports ${target}, but ${roomOf(source.path)}/ may import only ${MAY_IMPORT[roomOf(source.path)]?.join(', ') || 'nothing of ours'}`,
        ),
    );
    expect(breaches).to.deep.equal([]);
  });

  it('has no circle of files', () => {
    const imports = new Map(sources.map((source) => [source.path, source.imports]));
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path);
      if (at >= 0) {
        circles.push([...trail.slice(at), path].join(' -> '));
        return;
      }
      if (done.has(path)) return;
      for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const source of sources) visit(source.path, []);
    expect(circles).to.deep.equal([]);
  });

  it('keeps planners pure: no waiting, no clock, no chance, no I/O', () => {
    const breaches = sources
      .filter((source) => /^controllers\/[^/]+\/(?:plan\.ts|planning\/)/.test(source.path))
      .flatMap((source) =>
        [/\basync\b/, /\bawait\b/, /\bDate\.now\b/, /\bnew Date\(\)/, /\bMath\.random\b/, /from 'node:/]
          .filter((pattern) => pattern.test(source.text))
          .map((pattern) => `${source.path} has ${pattern.source}, but a planner only decides`),
      );
    expect(breaches).to.deep.equal([]);
  });

  it('takes time and chance as arguments', () => {
    const breaches = sources
      .filter((source) => !['machinery/clock.ts', 'machinery/random.ts'].includes(source.path))
      .flatMap((source) =>
        [
          /\bDate\.now\(/,
          /\bnew Date\(\)/,
          /\bperformance\.now\(/,
          /\bMath\.random\(/,
          // An HTTP/2 session has an idle timer of its own.
          /(?<!\bsession\.)\bset(?:Timeout|Interval)\(/,
        ]
          .filter((pattern) => pattern.test(source.text))
          .map((pattern) => `${source.path} has ${pattern.source}: take a Clock or a Random instead`),
      );
    expect(breaches).to.deep.equal([]);
  });

  it('names every room and file after what it is', () => {
    const unnamed = sources.filter((source) => source.path.split('/').some((part) => UNNAMED.test(part)));
    expect(unnamed.map((source) => `${source.path}: name it after the thing it owns`)).to.deep.equal([]);
  });

  it('has no barrels and no default exports', () => {
    const breaches = sources.flatMap((source) => [
      ...(/^export (\*|\{[^}]*\}) from /m.test(source.text)
        ? [`${source.path} re-exports: import the file that owns the thing`]
        : []),
      ...(/^export default /m.test(source.text) ? [`${source.path} has a default export: name it`] : []),
    ]);
    expect(breaches).to.deep.equal([]);
  });

  it('opens every file with what it is for, and ends it before it is two', () => {
    const breaches = sources
      .filter((source) => !source.path.endsWith('.gen.ts'))
      .flatMap((source) => [
        ...(/^(#![^\n]*\n)?\/\*\*/.test(source.text)
          ? []
          : [`${source.path} does not open with a comment that says what it is for`]),
        ...(source.text.split('\n').length <= LONGEST_FILE_LINES
          ? []
          : [`${source.path} is over ${LONGEST_FILE_LINES} lines: it is two files`]),
      ]);
    expect(breaches).to.deep.equal([]);
  });
});
