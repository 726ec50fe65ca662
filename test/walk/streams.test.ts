/** Exec, attach, cp, port-forward and the end of gantry under them: the real kubectl, the real engine. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, GantryProcess } from './process.ts';

const kubectl = process.env.KUBECTL ?? 'kubectl';

const task = (name: string, script: string): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { image: 'gantry/hello:1', command: ['sh', '-c', script], terminationGracePeriodSeconds: 1 },
  });

describe('streams into a running container', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    const found = await command(kubectl, ['version', '--client']).catch(() => undefined);
    if (found?.code !== 0) {
      throw new Error('no kubectl on PATH and none named by KUBECTL: hack/test.sh installs one');
    }
    gantry = await GantryProcess.open();
    await ok(['apply', '-f', '-'], task('web', 'trap "exit 0" TERM; httpd -f -p 8080 -h /www & wait'));
    await ok(
      ['apply', '-f', '-'],
      task('clock', 'trap "exit 0" TERM; while :; do echo tick; sleep 0.1; done'),
    );
    await ok(['wait', 'task/web', 'task/clock', '--for=condition=Ready', '--timeout=60s']);
  });
  after(async () => gantry.dispose());

  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const answer = await gantry.kubectl(words, input);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  /** How many processes of a Task's container have this in their command. */
  const inside = async (name: string, words: string): Promise<number> => {
    const [container = ''] = await gantry.containers([`label=gantry.dev/task=default/${name}`]);
    const { stdout } = await command('docker', ['top', container, '-eo', 'pid,args']);
    return stdout.split('\n').filter((line) => line.includes(words)).length;
  };
  const start = (words: readonly string[]) =>
    spawn(kubectl, [...words], {
      env: { ...process.env, KUBECONFIG: gantry.kubeconfig, HOME: gantry.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  it('exec: output, exit code, input with its end', async () => {
    const failed = await gantry.kubectl(['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3']);
    expect(failed).to.deep.equal({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\ncommand terminated with exit code 3\n',
    });
    expect(await ok(['exec', '-i', 'web', '--', 'wc', '-c'], 'x'.repeat(3_000_000))).to.match(/^3000000$/m);
  });

  it('exec of what the image does not have ends as the engine says', async () => {
    const { code, stdout, stderr } = await gantry.kubectl(['exec', 'web', '--', 'no-such-command']);
    expect(code).not.to.equal(0);
    expect(stdout).to.equal('');
    expect(stderr)
      .to.match(/executable file not found in \$PATH/)
      .and.match(/exit code 127/);
  });

  it('exec in what does not run is refused in words', async () => {
    await ok(
      ['apply', '-f', '-'],
      task('over', 'exit 0').replace('"terminationGrace', '"restartPolicy":"Never","terminationGrace'),
    );
    await ok(['wait', 'task/over', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s']);
    const { code, stderr } = await gantry.kubectl(['exec', 'over', '--', 'true']);
    expect(code).to.equal(1);
    expect(stderr).to.match(/cannot exec into a container in a completed pod|container not found \("over"\)/);
  });

  it('cp: there and back', async () => {
    const data = randomBytes(2_000_000);
    const [from, back] = [join(gantry.home, 'from'), join(gantry.home, 'back')];
    writeFileSync(from, data);
    await ok(['cp', from, 'web:/tmp/there']);
    const sum = await ok(['exec', 'web', '--', 'sha256sum', '/tmp/there']);
    expect(sum).to.contain(createHash('sha256').update(data).digest('hex'));
    await ok(['cp', 'web:/tmp/there', back]);
    expect(readFileSync(back).equals(data)).to.equal(true);
  });

  it('attach shows what the container writes', async () => {
    const child = start(['attach', 'clock']);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await eventually('three ticks', () => (said.split('tick\n').length > 3 ? true : undefined));
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  });

  it('port-forward reaches the port in the container, many times at once', async () => {
    const child = start(['port-forward', 'pod/web', ':8080']);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const port = await eventually('kubectl listens', () => /127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    const pages = await Promise.all(
      Array.from({ length: 20 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
    );
    for (const page of pages) expect(page).to.contain('Hello from Gantry');
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  });

  it('what exec started ends with the kubectl that asked for it', async () => {
    const child = start(['exec', 'web', '--', 'sh', '-c', 'echo more; sleep 7301 & sleep 7301; echo never']);
    const exited = once(child, 'exit');
    // The shell itself names it as well.
    await eventually('it runs', async () => ((await inside('web', 'sleep 7301')) === 3 ? true : undefined));
    child.kill('SIGKILL');
    await exited;
    await eventually('it has ended', async () => ((await inside('web', '7301')) === 0 ? true : undefined));
  });

  it('sessions end when gantry stops, and the containers stay', async () => {
    const child = start(['exec', 'clock', '--', 'sh', '-c', 'while :; do echo more; sleep 0.1; done']);
    let said = '';
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    }
    await eventually('it runs', () => (said.includes('more') ? true : undefined));
    const exited = once(child, 'exit') as Promise<[number]>;
    expect(await gantry.stop()).to.equal(0);
    const [code] = await exited;
    expect(code).to.equal(1);
    expect(said).to.match(/the server is shutting down/);
    expect((await gantry.containers(['status=running'])).length).to.equal(2);
    await eventually('what exec started has ended', async () =>
      (await inside('clock', 'echo more')) === 0 ? true : undefined,
    );
  });
});
