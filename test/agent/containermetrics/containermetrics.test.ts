/** What a worker says of its containers: read when asked, once for all who ask, and of its own containers alone. */
import { expect } from 'chai';
import { ApiError, RuntimeError } from '../../../machinery/errors.ts';
import { openRig, type Rig, WORKER } from '../rig.ts';

const { signal } = new AbortController();

describe('Container metrics of a worker', () => {
  let rig: Rig;
  let readings: number;
  let isAway: boolean;
  let gate: Promise<void> | undefined;

  beforeEach(async () => {
    readings = 0;
    isAway = false;
    gate = undefined;
    rig = await openRig({
      images: { 'app:1': { cpuCores: 0.5, memoryBytes: 64_000_000 }, 'job:1': { exitAfterMs: 50 } },
      hooks: {
        async before({ operation }) {
          if (operation !== 'figures') return;
          readings++;
          await gate;
          if (isAway) throw new RuntimeError('Unavailable', 'away');
        },
      },
    });
  });
  afterEach(() => rig.close());

  it('say whose each is, what it uses, and what machine they share', async () => {
    const { metadata } = await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    await rig.world.advance(10_000);
    const told = await rig.agent.link.containerMetrics(WORKER, signal);
    expect(told).to.include({ worker: WORKER });
    expect(told.machineCores).to.be.greaterThan(0);
    expect(told.machineMemoryBytes).to.be.greaterThan(0);
    const [container] = told.containers;
    expect(told.containers.length).to.equal(1);
    expect(container).to.deep.include({
      task: { namespace: 'default', name: 'web', uid: metadata.uid },
      image: 'app:1',
      memoryUsageBytes: 64_000_000,
    });
    expect(container?.containerName).to.match(/^gantry\.default\.web\./);
    expect(container?.cpuSeconds).to.be.within(4.5, 10);
  });

  it('tell of what runs, and of nobody else’s containers', async () => {
    await rig.apply('done', { image: 'job:1', restartPolicy: 'Never' });
    await rig.untilPhase('done', 'Succeeded');
    const other = { 'gantry.dev/cluster': 'another', 'gantry.dev/worker': WORKER };
    const spec = {
      name: 'foreign',
      image: 'app:1',
      labels: other,
      env: [],
      ports: [],
      resources: {},
      networkMode: 'none',
    };
    const rights = { privileged: false, readOnlyRootFilesystem: false, capabilities: { add: [], drop: [] } };
    const { id } = await rig.runtime.create({ ...spec, ...rights }, signal);
    await rig.runtime.start(id, signal);
    expect((await rig.agent.link.containerMetrics(WORKER, signal)).containers).to.deep.equal([]);
  });

  it('are read once for all who ask at once, and go on for the others when one leaves', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const opened = Promise.withResolvers<void>();
    gate = opened.promise;
    const leaving = new AbortController();
    const left = rig.agent.link.containerMetrics(WORKER, leaving.signal).catch((error: unknown) => error);
    const asked = [1, 2, 3].map(() => rig.agent.link.containerMetrics(WORKER, signal));
    await rig.world.settle();
    leaving.abort();
    expect(await left)
      .to.be.instanceOf(ApiError)
      .and.include({ reason: 'ServiceUnavailable' });
    opened.resolve();
    const answers = await Promise.all(asked);
    expect(answers.map(({ containers }) => containers.length)).to.deep.equal([1, 1, 1]);
    expect(readings).to.equal(1);
    await rig.agent.link.containerMetrics(WORKER, signal);
    expect(readings).to.equal(2);
  });

  it('say so while the engine does not answer, and for another worker', async () => {
    isAway = true;
    const errorOf = (worker: string): Promise<unknown> =>
      rig.agent.link.containerMetrics(worker, signal).then(
        () => expect.fail('it answered'),
        (error: unknown) => error,
      );
    const away = await errorOf(WORKER);
    expect(away).to.be.instanceOf(ApiError).and.include({ reason: 'ServiceUnavailable' });
    expect(String(away)).to.include('does not answer');
    expect(String(await errorOf('w2'))).to.include('w2');
    isAway = false;
    expect((await rig.agent.link.containerMetrics(WORKER, signal)).worker).to.equal(WORKER);
  });
});
