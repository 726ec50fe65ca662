/** A Run among all that takes part in it: the whole control plane, and an agent with an engine that plays programs. */
import { expect } from 'chai';
import { startAgent } from '../../../agent/agent.ts';
import { openServices } from '../../../agent/services.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import { runs } from '../../../schemas/kinds.ts';
import { Life } from '../../sim/mortal.ts';
import { Shelf } from '../../sim/shelf.ts';
import { openWorld } from '../../world.ts';
import { Stage, statesOf } from './stage.ts';

const PROGRAMS = {
  'noop:1': { exitAfterMs: 50 },
  'fails:1': { exitAfterMs: 50, exitCode: 3 },
  'says:1': { exitAfterMs: 50, output: [{ atMs: 10, stream: 'stdout' as const, data: 'hello\n' }] },
};

const NO_HOOKS = {
  before: () => Promise.resolve(),
  after: () => Promise.resolve(),
  lateStart: () => undefined,
};

describe('A Run on a worker', () => {
  it('runs ten steps with a branch that fails, cleans up, and tells what was said', async function () {
    this.timeout(60_000);
    const world = await openWorld();
    const stage = new Stage(world);
    const stop = new AbortController();
    const life = new Life();
    const tools = { clock: world.clock, random: seededRandom(3), log: silentLog, metrics: newMetrics() };
    const running = new ControlPlane({ ...tools, clientOf: (name) => world.controllerClient(name) }).run(
      stop.signal,
    );
    const shelf = new Shelf();
    const runtime = new FakeRuntime({
      ...tools,
      images: PROGRAMS,
      info: { cpus: 8, memoryBytes: 8 * 2 ** 30, hostname: 'w1' },
    });
    const starting = startAgent({
      ...tools,
      client: world.workerClient('w1'),
      runtime,
      workerName: 'w1',
      clusterId: 'c1',
      agentVersion: '0.0.0',
      openServices: (deps) => ({ ...openServices(deps), volumes: shelf.openFor(life, NO_HOOKS) }),
      readMachine: () => Promise.resolve(undefined),
      readFileSystem: () => Promise.resolve(undefined),
    });
    await world.advance(1_000);
    const agent = await starting;
    const step = (name: string, image: string, ...dependsOn: string[]) => ({
      name,
      dependsOn,
      template: { spec: { image } },
    });
    await stage.createJob('j', [
      step('a', 'says:1'),
      step('b1', 'noop:1', 'a'),
      step('b2', 'noop:1', 'a'),
      step('b3', 'noop:1', 'a'),
      step('c', 'noop:1', 'b1', 'b2', 'b3'),
      step('x1', 'fails:1', 'a'),
      step('x2', 'noop:1', 'x1'),
      { ...step('cleanup', 'noop:1', 'x1', 'x2'), condition: 'OnFailure' },
      { ...step('report', 'noop:1', 'c', 'cleanup'), condition: 'AllDone' },
      { ...step('last', 'noop:1', 'report', 'x2'), condition: 'Always' },
    ]);
    await world.admin.create(runs, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Run',
      metadata: { name: 'r', namespace: 'default' },
      spec: { jobRef: { name: 'j' } },
    });
    await world.until(
      'the end',
      async () => (await stage.run('r')).status?.finishedAt !== undefined,
      120_000,
    );
    const run = await stage.run('r');
    expect(statesOf(run)).to.equal(
      'a completed, b1 completed, b2 completed, b3 completed, c completed, x1 failed, x2 skipped, cleanup completed, report completed, last completed',
    );
    expect(run.status).to.include({ state: 'failed', reason: 'TaskFailed' });
    expect((await stage.task('r-a-1'))?.status?.result?.stdout).to.equal('hello\n');
    const told = (await stage.task('r-last-1'))?.spec.env ?? [];
    expect(told.find(({ name }) => name === 'GANTRY_TASKS_A_STDOUT')?.value).to.equal('hello\n');
    expect(told.find(({ name }) => name === 'GANTRY_TASKS_X1_EXIT_CODE')?.value).to.equal('3');
    stop.abort();
    const ending = agent.stop();
    await world.advance(10_000);
    await Promise.all([running, ending]);
    await world.close();
  });
});
