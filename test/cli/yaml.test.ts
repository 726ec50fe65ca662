import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseYaml } from '../../cli/yaml.ts';
import { readPath } from '../../machinery/json.ts';

describe('cli/yaml', () => {
  const place = (text: string, path: string, document = 0): string =>
    parseYaml(text, 'f').documents[document]?.locate(path) ?? 'no document';

  const text = `# a comment
spec:
  ports:
    - containerPort: 80
      protocol: TCP
    - {containerPort: 81, "host.ip": x}
  env: &env
    a.b/c: 1
  more: *env
"quoted key": [1, [2, {deep: 3}]]
---
{"metadata": {"labels":
  {"app.kubernetes.io/name": "x"}}}
`;
  const places: [string, string, number?][] = [
    ['spec', '2:1'],
    ['spec.ports', '3:3'],
    ['spec.ports[0]', '4:7'],
    ['spec.ports[0].containerPort', '4:7'],
    ['spec.ports[0].protocol', '5:7'],
    ['spec.ports[1].host.ip', '6:27'],
    ['spec.ports[7].x', '3:3'],
    ['spec.nope.deeper', '2:1'],
    ['spec.env.a.b/c', '8:5'],
    ['spec.env[a.b/c]', '8:5'],
    ['spec.more.a.b/c', '8:5'],
    ['quoted key[1][1].deep', '10:24'],
    ['', '2:1'],
    ['metadata.labels.app.kubernetes.io/name', '13:4', 1],
    ['metadata.labels[app.kubernetes.io/name]', '13:4', 1],
  ];
  for (const [path, wanted, document] of places) {
    it(`finds ${path === '' ? 'the document' : path} at ${wanted}`, () => {
      expect(place(text, path, document)).to.equal(wanted);
    });
  }

  it('counts on from a byte order mark and over Windows line ends', () => {
    expect(place('\uFEFFa: 1\r\nb:\r\n  c: 2\r\n', 'b.c')).to.equal('3:3');
  });

  const mistakes: [string, string, string][] = [
    ['indentation', 'a: 1\n b: 2\n', 'f:2:3: bad indentation of a mapping entry'],
    ['a key given twice', 'a: 1\nb: 1\na: 2\n', 'f:3:1: duplicated mapping key'],
    ['an unknown alias', 'a: *x\n', 'f:1:5: unidentified alias "x"'],
    ['an unknown tag', 'a: !foo 1\n', 'f:1:4: unknown scalar tag !<!foo>'],
    ['broken JSON', '{"a": 1,,}', 'f:1:9:'],
  ];
  for (const [name, bad, wanted] of mistakes) {
    it(`names ${name}`, () => {
      const { documents, problems } = parseYaml(bad, 'f');
      expect(documents).to.deep.equal([]);
      expect(problems).to.have.length(1);
      expect(problems[0]?.startsWith(wanted), problems[0]).to.equal(true);
    });
  }

  it('refuses what is only made to blow up', () => {
    const bomb = `a: &a [x]\n${Array.from({ length: 300 }, (_, at) => `k${at}: *a`).join('\n')}\n`;
    expect(parseYaml(bomb, 'f').problems).to.have.length(1);
    expect(parseYaml('['.repeat(500), 'f').problems).to.have.length(1);
  });

  it('refuses what holds itself', () => {
    for (const text of ['a: 1\n---\nspec: &s {x: *s}\n', 'b: 1\n---\nlist: &l [1, [*l]]\n']) {
      expect(parseYaml(text, 'f')).to.deep.equal({
        documents: [],
        problems: ['f:3:1: an alias (*) stands inside what it stands for'],
      });
    }
    expect(parseYaml('a: &a [1]\nb: [*a, *a]\n', 'f').problems).to.deep.equal([]);
  });

  it('leaves empty documents out', () => {
    expect(
      parseYaml('---\n# nothing\n---\na: 1\n---\n', 'f').documents.map(({ value }) => value),
    ).to.deep.equal([{ a: 1 }]);
    expect(parseYaml('', 'f')).to.deep.equal({ documents: [], problems: [] });
  });

  it('reads plain values as kubectl does', () => {
    const values =
      '[y, N, yes, on, Off, TRUE, 010, 0o10, 0b11, 1_000, -0x1F, 12:30, 2020-01-01, .5, 1e3, ~, null, "yes", 08, +1, 1.0, -3, 0]';
    const directory = mkdtempSync(join(tmpdir(), 'gantry-yaml-'));
    try {
      const file = join(directory, 'f.yaml');
      writeFileSync(
        file,
        `apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: x}\nrevision: 1\ndata:\n  values: ${values}\n  base: &b {a: 1, b: 2}\n  merged: {<<: *b, b: 3}\n`,
      );
      const kubectl: unknown = JSON.parse(
        execFileSync('kubectl', ['annotate', '--local', '-f', file, 'a=b', '-o', 'json'], {
          encoding: 'utf8',
        }),
      );
      const ours = parseYaml(`values: ${values}\nbase: &b {a: 1, b: 2}\nmerged: {<<: *b, b: 3}\n`, 'f')
        .documents[0]?.value;
      expect(ours).to.deep.equal(readPath(kubectl, ['data']));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
