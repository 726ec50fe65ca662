/** The agent beside its engine: enrolment, heartbeat, logs, an orderly stop. On the real registry and a fake engine. */
import { expect } from 'chai';
import { ApiError } from '../../machinery/errors.ts';
import type { TaskLogOptions } from '../../machinery/workerlink.ts';
import { leases, workers } from '../../schemas/kinds.ts';
import { openRig, type Rig, WORKER } from './rig.ts';

const plain: TaskLogOptions = { follow: false, previous: false, timestamps: false };

describe('agent', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig({
      images: {
        'app:1': { output: [{ atMs: 1, stream: 'stdout', data: 'one\ntwo\n' }] },
        'crash:1': { exitAfterMs: 10, exitCode: 3, output: [{ atMs: 1, stream: 'stderr', data: 'why\n' }] },
      },
    });
  });
  afterEach(() => rig.close());

  async function log(name: string, options: Partial<TaskLogOptions> = {}): Promise<string> {
    const uid = (await rig.read(name))?.metadata.uid ?? '';
    const key = { namespace: 'default', name, uid };
    const chunks = await rig.agent.link.logs(
      WORKER,
      key,
      { ...plain, ...options },
      new AbortController().signal,
    );
    return Buffer.concat(await Array.fromAsync(chunks)).toString();
  }

  async function refusal(work: Promise<unknown>): Promise<ApiError> {
    try {
      await work;
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error('it was not refused');
  }

  it('enrols with what the engine has', async () => {
    const worker = await rig.world.admin.get(workers, { name: WORKER });
    expect(worker.status?.capacity).to.deep.equal({ cpu: '4', memory: '8Gi' });
    expect(worker.status?.allocatable).to.deep.equal({ cpu: '4', memory: '8Gi' });
    expect(worker.status?.addresses?.[0]).to.deep.equal({ type: 'InternalIP', address: '127.0.0.1' });
    expect(worker.status?.conditions?.map(({ type, reason }) => [type, reason])).to.deep.equal([
      ['Ready', 'AgentReady'],
      ['RuntimeReady', 'RuntimeReady'],
    ]);
  });

  it('writes its Worker once and not again while nothing changes', async () => {
    await rig.world.advance(10_000);
    const before = await rig.world.admin.get(workers, { name: WORKER });
    await rig.world.advance(60_000);
    const after = await rig.world.admin.get(workers, { name: WORKER });
    expect(after.metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
  });

  /** Says of the worker that nothing is known of it, as who misses its lease does. */
  async function takeForLost(): Promise<void> {
    const worker = await rig.world.admin.get(workers, { name: WORKER });
    const conditions = (worker.status?.conditions ?? []).map((condition) =>
      condition.type === 'Ready'
        ? { ...condition, status: 'Unknown' as const, reason: 'LeaseExpired' }
        : condition,
    );
    const status = { ...worker.status, conditions };
    await rig.world.admin.update(workers, { ...worker, status }, { subresource: 'status' });
  }

  async function isReady(): Promise<boolean> {
    const now = await rig.world.admin.get(workers, { name: WORKER });
    return now.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  }

  it('contradicts whoever took it for lost, as soon as it hears of it', async () => {
    await takeForLost();
    await rig.world.until('Ready again', isReady, 1_000);
  });

  it('contradicts who goes on taking it for lost once a second, and no more often', async () => {
    let contradictions = 0;
    for (let step = 0; step < 100; step++) {
      if (await isReady()) {
        contradictions++;
        await takeForLost();
      }
      await rig.world.advance(100);
    }
    expect(contradictions).to.be.within(8, 12);
  });

  it('renews its lease every three seconds, whatever the engine does', async () => {
    rig.runtime.stopEngine({ containersDie: false });
    const renewals = new Set<string>();
    for (let second = 0; second < 30; second++) {
      await rig.world.advance(1_000);
      const lease = await rig.world.admin.get(leases, { namespace: 'gantry-system', name: WORKER });
      renewals.add(lease.spec?.renewTime ?? '');
      expect(lease.spec).to.include({ holderIdentity: WORKER, leaseDurationSeconds: 12 });
    }
    expect(renewals.size).to.be.within(10, 11);
  });

  it('makes its lease and its Worker again when somebody deletes them', async () => {
    await rig.world.admin.delete(leases, { namespace: 'gantry-system', name: WORKER });
    await rig.world.admin.delete(workers, { name: WORKER });
    await rig.world.until('both are back', async () => {
      const [workerList, leaseList] = await Promise.all([
        rig.world.admin.list(workers),
        rig.world.admin.list(leases, { namespace: 'gantry-system' }),
      ]);
      return workerList.items.length === 1 && leaseList.items.length === 1;
    });
  });

  it('reads the newest log, its tail and its first bytes', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    await rig.world.advance(10);
    expect(await log('web')).to.equal('one\ntwo\n');
    expect(await log('web', { tailLines: 1 })).to.equal('two\n');
    expect(await log('web', { limitBytes: 5 })).to.equal('one\nt');
  });

  it('reads the log of the container before', async () => {
    await rig.apply('crash', { image: 'crash:1' });
    await rig.world.until(
      'it has ended twice',
      async () => (await rig.read('crash'))?.status?.attempts === 2,
    );
    expect(await log('crash', { previous: true })).to.equal('why\n');
  });

  it('refuses in the words of Kubernetes', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const noPrevious = await refusal(log('web', { previous: true }));
    expect(noPrevious.reason).to.equal('BadRequest');
    expect(noPrevious.message).to.equal('previous terminated container "web" in pod "web" not found');
    await rig.apply('waits', { image: 'nowhere:1' });
    const notYet = await refusal(log('waits'));
    expect(notYet.message).to.equal(
      'container "waits" in pod "waits" is waiting to start: ContainerCreating',
    );
  });

  it('says 503 while the engine is away', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    rig.runtime.stopEngine({ containersDie: false });
    const away = await refusal(log('web'));
    expect(away.code).to.equal(503);
    expect(away.message).to.contain('worker "w1"');
  });

  it('follows a log until the agent stops, and leaves the container running', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    let isOver = false;
    const following = log('web', { follow: true }).then((text) => {
      isOver = true;
      return text;
    });
    await rig.world.advance(1_000);
    expect(isOver).to.equal(false);
    const { agent } = rig;
    await rig.restart();
    expect(await following).to.equal('one\ntwo\n');
    expect(rig.running('web')).to.have.length(1);
    const key = { namespace: 'default', name: 'web', uid: 'x' };
    const stopped = await refusal(agent.link.logs(WORKER, key, plain, new AbortController().signal));
    expect(stopped.code).to.equal(503);
  });
});
