/** Every request in docs/doors.md is run as it stands there, ports aside; what comes back must be what is shown. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, GantryProcess } from './process.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'doors.md');
const WEB = '6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e';

interface Example {
  readonly line: number;
  readonly command: string;
  readonly shown: string;
}

/** `$ ` begins a command, which goes on after a backslash and within quotes; what follows is what it prints. */
function examplesIn(page: string): Example[] {
  const examples: Example[] = [];
  for (const block of page.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    const first = page.slice(0, block.index).split('\n').length;
    const lines = (block[1] ?? '').split('\n').slice(0, -1);
    for (let at = 0; at < lines.length; ) {
      const line = first + 1 + at;
      let words = (lines[at++] ?? '').replace(/^\$ /, '');
      while (words.endsWith('\\') || words.split("'").length % 2 === 0) words += `\n${lines[at++] ?? ''}`;
      const from = at;
      while (at < lines.length && !lines[at]?.startsWith('$ ')) at++;
      examples.push({ line, command: words, shown: lines.slice(from, at).join('\n') });
    }
  }
  return examples;
}

/** `…` stands for anything. */
function pattern(shown: string): RegExp {
  const parts = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`);
}

describe('docs/doors.md', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  it('D0.11 shows requests that do what it says, each of them', async () => {
    const examples = examplesIn(readFileSync(PAGE, 'utf8'));
    expect(examples.length).to.be.greaterThan(12);
    for (const { line, command: words, shown } of examples) {
      expect(words, `line ${line}`).to.match(/^curl /);
      const here = words
        .replaceAll('localhost:8000', `localhost:${gantry.managerPort}`)
        .replaceAll('localhost:8888', `localhost:${gantry.workerPort}`);
      if (words.includes('fields=all')) await untilWebRuns();
      const { stdout } = await command('bash', ['-c', here.replace(/^curl /, 'curl --silent ')]);
      const found = stdout.replaceAll('\r', '').trimEnd();
      expect(found, `docs/doors.md, line ${line}: ${words}`).to.match(pattern(shown.trimEnd()));
    }
  });

  /** The page tells of a task that has been started before. */
  async function untilWebRuns(): Promise<void> {
    await eventually('the task of the page runs', async () => {
      const answer = await fetch(`http://localhost:${gantry.managerPort}/tasks/${WEB}`);
      return ((await answer.json()) as { State?: number }).State === 2 ? true : undefined;
    });
  }
});
