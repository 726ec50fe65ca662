/** The engine itself dies and returns: Gantry says so, keeps serving, and puts right what the restart broke. */
import { expect } from 'chai';
import { PrivateEngine } from './privateengine.ts';
import { eventually, GantryProcess } from './process.ts';

describe('The engine dies and returns', function () {
  this.timeout(120_000);
  let engine: PrivateEngine;
  let gantry: GantryProcess | undefined;

  before(async () => {
    engine = await PrivateEngine.open({ number: 7 });
    gantry = await GantryProcess.open({ flags: ['--docker-host', engine.host] });
  });
  after(async () => {
    if (gantry !== undefined) {
      await gantry.stop('SIGKILL');
      await gantry.dispose();
    }
    await engine.dispose();
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
