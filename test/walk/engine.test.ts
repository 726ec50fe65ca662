/** The engine itself dies and returns: Gantry says so, keeps serving, and puts right what the restart broke. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, GantryProcess } from './process.ts';

const BRIDGE = 'gantrybr7';

/** A second Docker Engine of our own, which may be killed. It keeps its hands off the machine's packet filter. */
class Engine {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-engine-'));
  readonly host = `unix://${join(this.directory, 'docker.sock')}`;
  #child: ChildProcess | undefined;

  async start(): Promise<void> {
    writeFileSync(join(this.directory, 'daemon.json'), '{}');
    const log = openSync(join(this.directory, 'log'), 'a');
    const words = [
      '--data-root',
      'data',
      '--exec-root',
      'exec',
      '--pidfile',
      'pid',
      '--config-file',
      'daemon.json',
    ];
    const paths = words.map((word) => (word.startsWith('--') ? word : join(this.directory, word)));
    const child = spawn(
      'dockerd',
      [
        ...paths,
        '--host',
        this.host,
        '--iptables=false',
        '--bridge',
        BRIDGE,
        '--storage-driver',
        'overlay2',
        '--log-level',
        'warn',
      ],
      { stdio: ['ignore', log, log] },
    );
    this.#child = child;
    await eventually('the engine answers', async () => {
      if (child.exitCode !== null)
        throw new Error(`dockerd ended with ${child.exitCode}, see ${this.directory}/log`);
      return (await this.docker('version')).code === 0 ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  docker(...words: string[]) {
    return command('docker', words, { env: { DOCKER_HOST: this.host } });
  }

  async dispose(): Promise<void> {
    await this.stop();
    for (const mount of [join(this.directory, 'exec', 'netns', 'default'), join(this.directory, 'data')]) {
      await command('umount', [mount]);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describe('The engine dies and returns', function () {
  this.timeout(120_000);
  const engine = new Engine();
  let gantry: GantryProcess | undefined;

  before(async () => {
    await command('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
    await command('ip', ['addr', 'add', '172.37.0.1/24', 'dev', BRIDGE]);
    const up = await command('ip', ['link', 'set', BRIDGE, 'up']);
    expect(up.code, up.stderr).to.equal(0);
    await engine.start();
    const copied = await command('sh', ['-c', `docker save gantry/hello:1 | docker -H ${engine.host} load`]);
    expect(copied.code, copied.stderr).to.equal(0);
    gantry = await GantryProcess.open({ flags: ['--docker-host', engine.host] });
  });
  after(async () => {
    if (gantry !== undefined) {
      await gantry.stop('SIGKILL');
      await gantry.dispose();
    }
    await engine.dispose();
    await command('ip', ['link', 'del', BRIDGE]);
  });

  it('tasks run again after the engine returns, and the worker said RuntimeDown in between', async () => {
    const world = gantry;
    if (world === undefined) throw new Error('gantry did not start');
    const manifest = JSON.stringify({
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'survivor' },
      spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1 },
    });
    expect((await world.kubectl(['apply', '-f', '-'], manifest)).code).to.equal(0);
    expect(
      (await world.kubectl(['wait', 'task/survivor', '--for=condition=Ready', '--timeout=60s'])).code,
    ).to.equal(0);
    const ready = 'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].reason}';
    const reason = async (): Promise<string> => (await world.kubectl(['get', 'workers', '-o', ready])).stdout;
    await engine.stop();
    await eventually('the worker says RuntimeDown', async () =>
      (await reason()) === 'RuntimeDown' ? true : undefined,
    );
    await engine.start();
    await eventually('the worker is ready', async () =>
      (await reason()) === 'AgentReady' ? true : undefined,
    );
    await eventually('exactly one container runs', async () => {
      const { stdout } = await engine.docker(
        'ps',
        '-q',
        '--filter',
        'label=gantry.dev/task=default/survivor',
      );
      return stdout.split('\n').filter((line) => line !== '').length === 1 ? true : undefined;
    });
    const seen = await world.kubectl(['wait', 'task/survivor', '--for=condition=Ready', '--timeout=60s']);
    expect(seen.code, seen.stderr).to.equal(0);
  });
});
