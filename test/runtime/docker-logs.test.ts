/** Every way to ask for a log, and their combinations, on a real engine: what it was before, and what is said of it. */
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import type { LogOptions } from '../../machinery/runtime.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { collect, eventually, rejection } from './expectations.ts';
import { TEST_LABEL } from './rig.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine, shell, sweep } from './sample-engine.ts';

const { signal } = new AbortController();
let counter = 0;

for (const readsLogFiles of [true, false]) {
  describeLogs(readsLogFiles ? 'read from its files' : 'read through the engine', readsLogFiles);
}

function describeLogs(how: string, readsLogFiles: boolean): void {
  (isLeftOut ? describe.skip : describe)(`DockerRuntime: logs, ${how}`, function () {
    this.timeout(60_000);
    const runtime = new DockerRuntime(endpoint, systemClock, { readsLogFiles });
    before(prepareEngine);
    after(sweep);

    async function run(script: string, settings: { readonly Tty?: boolean } = {}): Promise<string> {
      const container = await docker.createContainer({
        name: `gantry-rttest-${process.pid}-log-${++counter}`,
        Image: IMAGE,
        Cmd: shell(script),
        Labels: { [TEST_LABEL]: 'runtime' },
        HostConfig: {
          NetworkMode: 'none',
          LogConfig: { Type: 'local', Config: { 'max-size': '1000000', 'max-file': '3', compress: 'false' } },
        },
        ...settings,
      });
      await container.start();
      return container.id;
    }

    const ended = (id: string): Promise<true> =>
      eventually(
        async () => (await runtime.inspect(id, signal))?.state === 'exited' || undefined,
        `the end of ${id}`,
      );

    async function read(id: string, options: LogOptions = {}): Promise<string> {
      const chunks = await collect(runtime.logs(id, options, signal));
      return Buffer.concat(chunks.map(({ data }) => data)).toString();
    }

    it('gives each line its time in nanoseconds, which can be asked for again', async () => {
      const id = await run('for i in 1 2 3; do echo line $i; sleep 0.05; done');
      await ended(id);
      const lines = (await read(id, { timestamps: true })).trimEnd().split('\n');
      expect(lines).to.have.length(3);
      for (const [index, line] of lines.entries()) {
        expect(line).to.match(
          new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z line ${index + 1}$`),
        );
      }
      const second = Date.parse(lines[1]?.slice(0, 30) ?? '') / 1_000;
      expect(await read(id, { sinceSeconds: second })).to.equal('line 2\nline 3\n');
      expect(await read(id, { sinceSeconds: second, tailLines: 1 })).to.equal('line 3\n');
      expect(await read(id, { sinceSeconds: second, tailLines: 3 })).to.equal('line 2\nline 3\n');
      expect(await read(id, { sinceSeconds: second, follow: true })).to.equal('line 2\nline 3\n');
      expect(await read(id, { sinceSeconds: -5 })).to.equal('line 1\nline 2\nline 3\n');
      expect(await read(id, { timestamps: true, follow: true })).to.equal(`${lines.join('\n')}\n`);
      expect(await read(id, { timestamps: true, follow: true, tailLines: 1 })).to.equal(`${lines[2]}\n`);
    });

    it('gives nothing of a time to come, and nothing of a container that says nothing', async () => {
      const future = systemClock.now() / 1_000 + 3_600;
      const id = await run('echo now');
      const silent = await run('true');
      await Promise.all([ended(id), ended(silent)]);
      for (const follow of [false, true]) {
        expect(await read(id, { sinceSeconds: future, follow })).to.equal('');
        expect(await read(silent, { follow })).to.equal('');
        expect(await read(silent, { follow, tailLines: 5, timestamps: true })).to.equal('');
        expect(await read(id, { tailLines: 0, follow })).to.equal('');
        expect(await read(id, { tailLines: 100, follow })).to.equal('now\n');
      }
    });

    it('follows from now on when no line before is wanted, to the last word without its newline', async () => {
      for (const before of ['echo old; echo older', 'true']) {
        const id = await run(
          `${before}; while ! test -e /tmp/go; do sleep 0.02; done; sleep 0.7; printf "%s" last words`,
        );
        await eventually(
          async () => (before === 'true' || (await read(id)).includes('older') ? true : undefined),
          'what was said before',
        );
        const following = read(id, { follow: true, tailLines: 0 });
        const marked = read(id, { follow: true, tailLines: 0, timestamps: true });
        await eventually(async () => {
          const touch = await runtime.exec(
            id,
            ['touch', '/tmp/go'],
            { stdin: false, stdout: true, stderr: true, tty: false },
            signal,
          );
          return (await touch.ended).exitCode === 0 || undefined;
        }, 'the word to go on');
        expect(await following).to.equal('lastwords');
        expect(await marked).to.match(/^\d{4}-[^ ]{24,26}Z lastwords$/);
      }
    });

    it('follows the last lines and what comes after, each once', async () => {
      const id = await run('for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.05; done');
      await eventually(
        async () => ((await read(id)).includes('line 3') ? true : undefined),
        'the third line',
      );
      const text = await read(id, { follow: true, tailLines: 1 });
      expect(text)
        .to.match(/^line [34567]\n/)
        .and.to.match(/line 7\nline 8\n$/);
      const numbers = [...text.matchAll(/line (\d)/g)].map((match) => Number(match[1]));
      const [first = 0] = numbers;
      expect(numbers).to.deep.equal(numbers.map((_, index) => first + index));
    });

    it('gives a line longer than the engine keeps in one piece one time, at its beginning', async () => {
      const id = await run('head -c 40000 /dev/zero | tr "\\0" x; echo; echo short');
      await ended(id);
      for (const follow of [false, true]) {
        expect(await read(id, { follow })).to.equal(`${'x'.repeat(40_000)}\nshort\n`);
        const marked = (await read(id, { follow, timestamps: true })).trimEnd().split('\n');
        expect(marked.map((line) => line.slice(31))).to.deep.equal(['x'.repeat(40_000), 'short']);
      }
    });

    it('gives the log of a terminal as it is, with times when asked', async () => {
      const id = await run('echo one; echo two', { Tty: true });
      await ended(id);
      for (const follow of [false, true]) {
        expect(await read(id, { follow })).to.equal('one\r\ntwo\r\n');
        expect(await read(id, { follow, timestamps: true, tailLines: 1 })).to.match(/^\d{4}-[^ ]+Z two\r\n$/);
        expect(await read(id, { follow, tailLines: 0 })).to.equal('');
      }
    });

    it('says that a container is gone, before and in the middle', async () => {
      const id = await run('echo here; sleep 3600');
      await eventually(async () => ((await read(id)) === 'here\n' ? true : undefined), 'its first words');
      const reader = runtime.logs(id, { follow: true }, signal)[Symbol.asyncIterator]();
      expect(Buffer.from((await reader.next()).value?.data ?? []).toString()).to.equal('here\n');
      await runtime.remove(id, signal);
      expect((await reader.next()).done).to.equal(true);
      for (const follow of [false, true]) await rejection(read(id, { follow }), 'NotFound');
    });
  });
}
