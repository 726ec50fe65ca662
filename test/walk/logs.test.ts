/** Logs on the real engine: whole, marked where they are not, and kept after their container is gone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { kubectls } from '../kubectl/versions.ts';
import { PrivateEngine } from './privateengine.ts';
import { command, eventually, GantryProcess, type Output } from './process.ts';

const kubectl = process.env.KUBECTL ?? 'kubectl';

const task = (name: string, script: string, spec: Record<string, unknown> = {}): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: {
      image: 'gantry/hello:1',
      command: ['sh', '-c', script],
      terminationGracePeriodSeconds: 0,
      ...spec,
    },
  });

describe('Logs', function () {
  this.timeout(180_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const answer = await gantry.kubectl(words, input);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  const logs = async (words: readonly string[]): Promise<string> => {
    const answer = await gantry.gantry(['logs', ...words]);
    expect(answer.code, `gantry logs ${words.join(' ')}\n${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  const phase = (name: string, wanted: string): Promise<true> =>
    eventually(`task ${name} is ${wanted}`, async () => {
      const { stdout } = await gantry.kubectl(['get', 'task', name, '-o', 'jsonpath={.status.phase}']);
      return stdout === wanted || undefined;
    });
  /** Follows with kubectl until it ends, or `stop`. */
  const follow = (path: string, words: readonly string[], world: GantryProcess = gantry) => {
    const child = spawn(path, ['logs', '-f', ...words], {
      env: { ...process.env, KUBECONFIG: world.kubeconfig, HOME: world.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    const read = (): void => {
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    };
    return {
      child,
      read,
      text: () => text,
      ended: once(child, 'close'),
      async stop() {
        const ended = child.exitCode === null ? once(child, 'exit') : undefined;
        child.kill();
        await ended;
      },
    };
  };

  it('give every byte as it was written, and each stream alone', async () => {
    const bytes = 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done';
    await ok(
      ['create', '-f', '-'],
      task('bytes', `${bytes}; echo; echo err >&2`, { restartPolicy: 'Never' }),
    );
    await phase('bytes', 'Succeeded');
    // How two streams fall together is the engine's.
    const path = '/api/v1/namespaces/default/pods/bytes/log';
    const answer = await command(
      'sh',
      ['-c', `${kubectl} get --raw '${path}?stream=Stdout' | od -An -v -tu1 | tr -s ' \\n' ' '`],
      {
        env: { KUBECONFIG: gantry.kubeconfig, HOME: gantry.home },
      },
    );
    const all = Array.from({ length: 256 }, (_, byte) => byte).join(' ');
    expect(answer.stdout.trim()).to.equal(`${all} 10`);
    expect(await logs(['bytes', '--stream', 'stderr'])).to.equal('err\n');
  });

  for (const { minor, path } of kubectls()) {
    it(`kubectl 1.${minor} follows into the next container, and asks for what was before`, async () => {
      const name = `again-${minor}`;
      const script =
        'n=$(cat /proc/sys/kernel/random/uuid); echo "begin $n"; echo "more $n"; sleep 1; exit 3';
      await ok(['create', '-f', '-'], task(name, script));
      await eventually(
        'its log begins',
        async () => (await gantry.kubectl(['logs', name])).stdout.includes('begin') || undefined,
      );
      const following = follow(path, [name, '--all-containers']);
      following.read();
      const begins = (): readonly string[] => following.text().match(/begin .*/g) ?? [];
      await eventually('three containers were followed', () => begins().length >= 3 || undefined, 60_000);
      await following.stop();
      expect(new Set(begins()).size).to.equal(begins().length);
      const run = (words: readonly string[]): Promise<Output> =>
        command(path, ['logs', name, ...words], {
          env: { KUBECONFIG: gantry.kubeconfig, HOME: gantry.home },
        });
      await eventually('the last lines of the one before, with times', async () => {
        const { stdout } = await run(['--previous', '--tail=1', '--timestamps']);
        return /^\d{4}-\d\d-\d\dT[\d:.]+Z more [\w-]+\n$/.test(stdout) || undefined;
      });
      expect((await run(['--previous', '--limit-bytes=5'])).stdout).to.equal('begin');
      expect((await run(['--previous', '--since=1h'])).stdout).to.match(/^begin .*\nmore .*\n$/);
      // Replaced and gone from the engine, but kept.
      const attempts = await logs([name, '--attempts']);
      expect(attempts).to.match(/^1 +(?:archived|exited) .* 3 /m);
      expect(await logs([name, '--attempt', '1'])).to.equal(
        `${begins()[0]}\n${begins()[0]?.replace('begin', 'more')}\n`,
      );
      await ok(['delete', 'task', name]);
      await following.ended;
    });
  }

  it('are there after their Task is deleted, when one asks for a moment at which it was', async () => {
    await ok(['create', '-f', '-'], task('gone', 'echo here I was; echo and this >&2; sleep 3600'));
    await phase('gone', 'Running');
    await eventually('it has spoken', async () => (await logs(['gone'])).includes('and this') || undefined);
    const following = follow(kubectl, ['gone']);
    following.read();
    await eventually('it is followed', () => following.text().includes('here I was') || undefined);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await ok(['delete', 'task', 'gone']);
    await following.ended;
    const refused = await gantry.gantry(['logs', 'gone']);
    expect(refused.stderr).to.match(
      /not found: it was deleted about .*Z; to read what is still kept of its log/,
    );
    const at = /at=(\S+Z)/.exec(refused.stderr)?.[1] ?? '';
    expect((await logs(['gone', '--at', at])).split('\n').sort()).to.deep.equal([
      '',
      'and this',
      'here I was',
    ]);
    expect(await logs(['gone', '--at', at, '--stream', 'stderr'])).to.equal('and this\n');
    expect(await logs(['gone', '--at', at, '--attempts'])).to.match(/^1 +archived +\w+ +137 /m);
    expect(readdirSync(join(gantry.home, 'logs')).every((name) => name.endsWith('.log'))).to.equal(true);
  });

  it('say where a rotation was faster than their reader', async () => {
    const script =
      'echo begin; while ! test -e /tmp/go; do sleep 0.1; done; seq 1 300000; echo end; sleep 3600';
    await ok(['create', '-f', '-'], task('fast', script, { logs: { maxSize: '200k', maxFiles: 2 } }));
    await phase('fast', 'Running');
    const following = follow(kubectl, ['fast']);
    // Nothing is read of it: it fills the pipes, and the server waits for it.
    await eventually('it has begun', async () => (await logs(['fast'])).includes('begin') || undefined);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await ok(['exec', 'fast', '--', 'touch', '/tmp/go']);
    await eventually(
      'all is written',
      async () => (await logs(['fast', '--tail', '1'])) === 'end\n' || undefined,
      60_000,
    );
    following.read();
    await eventually('the end arrives', () => following.text().endsWith('\nend\n') || undefined);
    await following.stop();
    const lines = following.text().trimEnd().split('\n');
    expect(lines[0]).to.equal('begin');
    let last = 0;
    let marks = 0;
    for (const line of lines.slice(1, -1)) {
      if (line.startsWith('--- gantry: output is missing here')) {
        marks += 1;
        last = -1;
      } else {
        if (last >= 0) expect(Number(line)).to.equal(last + 1);
        last = Number(line);
      }
    }
    expect(marks).to.be.greaterThan(0);
    expect(last).to.equal(300_000);
  });
});

describe('Logs while the engine is killed', function () {
  this.timeout(180_000);
  let engine: PrivateEngine | undefined;
  let gantry: GantryProcess | undefined;
  after(async () => {
    await gantry?.dispose();
    await engine?.dispose();
  });

  it('go on when it is back, and nothing is missing without a mark', async () => {
    engine = await PrivateEngine.open({ number: 4 });
    await engine.stop();
    await engine.start({ liveRestore: true });
    gantry = await GantryProcess.open({ flags: ['--docker-host', engine.host] });
    const world = gantry;
    const script = 'i=0; while :; do i=$((i+1)); echo $i; [ $((i % 20)) = 0 ] && sleep 0.02; done';
    expect(
      (await world.kubectl(['create', '-f', '-'], task('counts', script, { network: { mode: 'none' } })))
        .code,
    ).to.equal(0);
    await eventually(
      'it counts',
      async () => (await world.kubectl(['logs', 'counts'])).stdout.includes('\n100\n') || undefined,
    );
    const child = spawn(kubectl, ['logs', '-f', 'counts'], {
      env: { ...process.env, KUBECONFIG: world.kubeconfig, HOME: world.home },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const newest = (): number => Number(text.split('\n').at(-2) ?? 0);
    await eventually('it is followed', () => newest() > 200 || undefined);
    await engine.kill();
    const before = newest();
    await engine.start({ liveRestore: true });
    await eventually('it goes on', () => newest() > before + 500 || undefined, 60_000);
    child.kill();
    await once(child, 'close');
    // Whoever follows may not even notice, if the engine is back soon: then nothing is missing.
    let last = 0;
    for (const line of text.split('\n').slice(0, -1)) {
      if (line.startsWith('--- gantry: ')) last = -1;
      else if (line !== '') {
        if (last >= 0) expect(Number(line), `after ${last}`).to.equal(last + 1);
        last = Number(line);
      }
    }
  });
});
