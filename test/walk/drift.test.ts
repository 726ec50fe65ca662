/** What was declared is what runs: whatever a hand does on the engine is put right, and nothing foreign is touched. */
import { expect } from 'chai';
import { command, eventually, GantryProcess } from './process.ts';

interface SeenTask {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly phase?: string;
    readonly restartCount?: number;
    readonly attempts?: number;
    readonly reason?: string;
    readonly nextRestartAt?: string;
    readonly container?: { readonly id?: string; readonly name?: string };
    readonly history?: readonly { readonly reason: string; readonly exitCode?: number }[];
  };
}

const manifest = (name: string, spec: Record<string, unknown> = {}): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1, ...spec },
  });

describe('Drift', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  const docker = async (...words: string[]): Promise<string> => {
    const answer = await command('docker', words);
    expect(answer.code, `docker ${words.join(' ')}\n${answer.stderr}`).to.equal(0);
    return answer.stdout.trim();
  };
  const get = async (name: string): Promise<SeenTask> => {
    const answer = await gantry.kubectl(['get', 'task', name, '-o', 'json']);
    expect(answer.code, answer.stderr).to.equal(0);
    return JSON.parse(answer.stdout) as SeenTask;
  };
  const applyAndWait = async (name: string, spec: Record<string, unknown> = {}): Promise<string> => {
    const applied = await gantry.kubectl(['apply', '-f', '-'], manifest(name, spec));
    expect(applied.code, applied.stderr).to.equal(0);
    return eventually(`${name} runs`, async () => {
      const { status } = await get(name);
      return status?.phase === 'Running' ? status.container?.id : undefined;
    });
  };
  const runsAgain = async (name: string, oldId: string): Promise<string> =>
    eventually(`${name} runs again`, async () => {
      const { status } = await get(name);
      const id = status.container?.id;
      return status.phase === 'Running' && id !== undefined && id !== oldId ? id : undefined;
    });

  it('killed: started again, with the end in its history', async () => {
    const id = await applyAndWait('killed');
    await docker('kill', id);
    await runsAgain('killed', id);
    const { status } = await get('killed');
    expect(status.restartCount).to.equal(1);
    expect(status.history?.[0]).to.include({ exitCode: 137, reason: 'Error' });
  });

  it('removed: made again', async () => {
    const id = await applyAndWait('removed');
    await docker('rm', '-f', id);
    await runsAgain('removed', id);
  });

  it('stopped: started again', async () => {
    const id = await applyAndWait('stopped');
    await docker('stop', '-t', '1', id);
    await runsAgain('stopped', id);
  });

  it('paused: unpaused, the same container', async () => {
    const id = await applyAndWait('paused');
    await docker('pause', id);
    await eventually('it is unpaused', async () =>
      (await docker('inspect', '-f', '{{.State.Status}}', id)) === 'running' ? true : undefined,
    );
    expect((await get('paused')).status.container?.id).to.equal(id);
  });

  it('renamed: renamed back', async () => {
    const id = await applyAndWait('renamed');
    const name = await docker('inspect', '-f', '{{.Name}}', id);
    await docker('rename', id, `not-${name.slice(1)}`);
    await eventually('it has its name back', async () =>
      (await docker('inspect', '-f', '{{.Name}}', id)) === name ? true : undefined,
    );
  });

  it('limits edited by hand: put back; limits edited in the Task: changed in place', async () => {
    const id = await applyAndWait('limited', { resources: { limits: { memory: '64Mi', cpu: '500m' } } });
    expect(await docker('inspect', '-f', '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}', id)).to.equal(
      '67108864 500000000',
    );
    await docker('update', '--memory', '128m', '--memory-swap', '256m', id);
    await eventually('the limit is back', async () =>
      (await docker('inspect', '-f', '{{.HostConfig.Memory}}', id)) === '67108864' ? true : undefined,
    );
    const patch = JSON.stringify({ spec: { resources: { limits: { memory: '96Mi' } } } });
    expect((await gantry.kubectl(['patch', 'task', 'limited', '--type=merge', '-p', patch])).code).to.equal(
      0,
    );
    await eventually('the new limit is set', async () =>
      (await docker('inspect', '-f', '{{.HostConfig.Memory}}', id)) === '100663296' ? true : undefined,
    );
    expect((await get('limited')).status.container?.id).to.equal(id);
  });

  it('a crashing task backs off, and says when it tries next', async () => {
    const applied = await gantry.kubectl(
      ['apply', '-f', '-'],
      manifest('crashing', { command: ['sh', '-c', 'exit 3'] }),
    );
    expect(applied.code, applied.stderr).to.equal(0);
    const { status } = await eventually('it is in CrashLoopBackOff', async () => {
      const seen = await get('crashing');
      return seen.status?.reason === 'CrashLoopBackOff' ? seen : undefined;
    });
    expect(status.nextRestartAt).to.match(/^\d{4}-/);
    expect(status.history?.[0]).to.include({ exitCode: 3, reason: 'Error' });
    // The tests after this one count what runs: a container that ends by itself must not be among them.
    expect((await gantry.kubectl(['delete', 'task', 'crashing'])).code).to.equal(0);
  });

  it('desiredState Stopped stops it and keeps the object; Running starts it again', async () => {
    await applyAndWait('resting');
    const to = (state: string) =>
      gantry.kubectl([
        'patch',
        'task',
        'resting',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { desiredState: state } }),
      ]);
    expect((await to('Stopped')).code).to.equal(0);
    await eventually('it is Stopped', async () =>
      (await get('resting')).status.phase === 'Stopped' ? true : undefined,
    );
    expect(
      await gantry.containers(['label=gantry.dev/task=default/resting', 'status=running']),
    ).to.deep.equal([]);
    expect((await to('Running')).code).to.equal(0);
    await eventually('it runs', async () =>
      (await get('resting')).status.phase === 'Running' ? true : undefined,
    );
  });

  it('kill -9 of gantry: no container restarted, none duplicated', async () => {
    const before = (await gantry.containers(['status=running'])).sort();
    const started = await docker('inspect', '-f', '{{.Id}} {{.State.StartedAt}}', ...before);
    expect(await gantry.stop('SIGKILL')).to.equal('SIGKILL');
    await gantry.start();
    // A task that is made after the restart shows that the loop has gone round.
    await applyAndWait('after-the-crash');
    const now = (await gantry.containers(['status=running'])).filter((id) => before.includes(id)).sort();
    expect(now).to.deep.equal(before);
    expect(await docker('inspect', '-f', '{{.Id}} {{.State.StartedAt}}', ...before)).to.equal(started);
    const names = (
      await docker(
        'ps',
        '--filter',
        `label=gantry.dev/cluster=${gantry.clusterId()}`,
        '--format',
        '{{.Label "gantry.dev/uid"}}',
      )
    ).split('\n');
    expect(new Set(names).size).to.equal(names.length);
  });

  it('a container killed while gantry is down is started again after its start', async () => {
    const id = await applyAndWait('missed');
    await gantry.stop('SIGTERM');
    await docker('kill', id);
    await gantry.start();
    await runsAgain('missed', id);
  });

  it('a second gantry on the same engine, and foreign containers, are left alone', async () => {
    const mine = await applyAndWait('shared');
    const foreign = await docker(
      'run',
      '-d',
      '--label',
      'gantry.dev/task=default/shared',
      'gantry/hello:1',
      'sleep',
      '600',
    );
    const other = await GantryProcess.open();
    try {
      expect((await other.kubectl(['apply', '-f', '-'], manifest('shared'))).code).to.equal(0);
      expect(
        (await other.kubectl(['wait', 'task/shared', '--for=condition=Ready', '--timeout=60s'])).code,
      ).to.equal(0);
      expect((await other.kubectl(['delete', 'task', 'shared'])).code).to.equal(0);
      expect(await other.containers()).to.deep.equal([]);
      const states = await docker('inspect', '-f', '{{.State.Status}}', mine, foreign);
      expect(states).to.equal('running\nrunning');
      expect((await get('shared')).status.container?.id).to.equal(mine);
    } finally {
      await other.dispose();
      await docker('rm', '-f', foreign);
    }
  });

  it('an orphan of our own is removed once its task is gone', async () => {
    const id = await applyAndWait('orphaned');
    const { metadata } = await get('orphaned');
    expect((await gantry.kubectl(['delete', 'task', 'orphaned'])).code).to.equal(0);
    const labels = [
      `gantry.dev/cluster=${gantry.clusterId()}`,
      'gantry.dev/task=default/orphaned',
      `gantry.dev/uid=${metadata.uid}`,
      'gantry.dev/attempt=7',
      'gantry.dev/epoch=1',
      `gantry.dev/worker=${(await gantry.kubectl(['get', 'workers', '-o', 'jsonpath={.items[0].metadata.name}'])).stdout}`,
    ];
    const orphan = await docker(
      'run',
      '-d',
      ...labels.flatMap((label) => ['--label', label]),
      'gantry/hello:1',
      'sleep',
      '600',
    );
    expect(orphan).to.not.equal(id);
    await eventually('the orphan is removed', async () => {
      const left = await gantry.containers(['label=gantry.dev/task=default/orphaned']);
      return left.length === 0 ? true : undefined;
    });
  });
});
