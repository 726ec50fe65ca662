/** What the scheduler does while its writes fail: each Task waits for its own backoff, and for nobody else's. */
import { expect } from 'chai';
import { ApiError } from '../../../machinery/errors.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { ClientCall } from '../../intercept.ts';
import { SchedulerRig } from './rig.ts';

/** Nothing sensible asks as often; what spins is stopped there, so that the test ends. */
const SPINNING = 5_000;
const LONGEST_BACKOFF_MS = 10_000;

describe('Scheduler, while its writes fail', function () {
  this.timeout(60_000);
  let rig: SchedulerRig;
  /** When each Task was tried, milliseconds. */
  let triesOf: Map<string, number[]>;

  let end: PromiseWithResolvers<void>;

  beforeEach(async () => {
    end = Promise.withResolvers();
    rig = await SchedulerRig.open();
    triesOf = new Map();
  });
  afterEach(() => {
    end.resolve();
    return rig.close();
  });

  /** Refuses the posts of these subresources, of all Tasks or of those named. */
  const refuse = (subresource: string, names?: readonly string[]): void => {
    let count = 0;
    rig.hooks = {
      before: (call: ClientCall) => {
        const { name = '' } = call.key ?? {};
        if (call.subresource !== subresource || call.operation !== 'post') return;
        triesOf.set(name, [...(triesOf.get(name) ?? []), rig.world.clock.monotonicMs()]);
        if (names?.includes(name) === false) return;
        if (count++ > SPINNING) return end.promise;
        throw new ApiError('ServiceUnavailable', 'the store is read-only');
      },
    };
  };
  const isBound = async (name: string): Promise<boolean> => (await rig.workerOf(name)) !== undefined;
  const cpu = (figure: string) => ({ resources: { requests: { cpu: figure } } });

  /** With a delay that doubles from 5 ms up to 10 s; rounds for freed room may come a little later. */
  const expectBackoff = (name: string, forMs: number): void => {
    const atMs = triesOf.get(name) ?? [];
    expect(atMs.length, `${name} was tried at ${atMs.join()}`).to.be.within(
      5,
      12 + forMs / LONGEST_BACKOFF_MS,
    );
    let leastMs = 5;
    for (const [at, ms] of atMs.slice(1).entries()) {
      expect(ms - (atMs[at] ?? 0), `${name} was tried at ${atMs.join()}`).to.be.within(
        leastMs,
        leastMs + 100,
      );
      leastMs = Math.min(leastMs * 2, LONGEST_BACKOFF_MS);
    }
  };

  for (const count of [1, 2, 5, 50]) {
    it(`${count} waiting: each is tried again after its own growing backoff, and bound soon after all is well`, async () => {
      await rig.world.addWorker('w1', { cpu: '100', memory: '100Gi' });
      refuse('binding');
      const names = Array.from({ length: count }, (_, at) => `t${at}`);
      for (const name of names) await rig.add(name, cpu('1'));
      await rig.world.advance(60_000);
      for (const name of names) expectBackoff(name, 60_000);
      rig.hooks = {};
      await rig.world.advance(LONGEST_BACKOFF_MS + 1_000);
      for (const name of names) expect(await isBound(name), name).to.equal(true);
    });
  }

  it('more waiting than one round places at once: each is tried after its own backoff', async () => {
    await rig.world.addWorker('w1', { cpu: '1', memory: '100Gi' });
    refuse('binding');
    for (let at = 0; at < 210; at++) await rig.add(`big${at}`, cpu('8'));
    for (const name of ['a', 'b', 'c']) await rig.add(name, cpu('0.1'));
    await rig.world.advance(60_000);
    for (const name of ['a', 'b', 'c']) expectBackoff(name, 60_000);
  });

  it('holds nobody else up: the others have the room meanwhile', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    refuse('binding', ['most']);
    await rig.add('most', { ...cpu('2'), priority: 100 });
    await rig.world.advance(20_000);
    const triesBefore = triesOf.get('most')?.length;
    const beforeMs = rig.world.clock.monotonicMs();
    await rig.add('a', cpu('1'));
    await rig.add('b', cpu('1'));
    await rig.world.until('both are bound', async () => (await isBound('a')) && (await isBound('b')), 1_000);
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.at.most(100);
    expect(triesOf.get('most')?.length).to.equal(triesBefore);
    rig.hooks = {};
    await rig.world.until(
      'it is said why the first waits',
      async () => (await rig.scheduled('most'))?.reason === 'Unschedulable',
      LONGEST_BACKOFF_MS + 1_000,
    );
  });

  it('says Stopped at once of one that is not wanted any more, and places it when it is wanted again', async () => {
    await rig.world.addWorker('w1');
    refuse('binding');
    await rig.add('t');
    await rig.world.advance(20_000);
    const wish = (desiredState: 'Running' | 'Stopped'): Promise<Task> =>
      rig.world.admin.patch(
        tasks,
        { namespace: 'default', name: 't' },
        { type: 'merge', body: { spec: { desiredState } } },
      );
    await wish('Stopped');
    await rig.world.advance(100);
    expect((await rig.get('t')).status?.phase).to.equal('Stopped');
    rig.hooks = {};
    await wish('Running');
    await rig.world.advance(100);
    expect(await isBound('t')).to.equal(true);
  });

  it('tries evictions again after a growing backoff as well', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    await rig.run('low1', cpu('1'));
    await rig.run('low2', cpu('1'));
    refuse('eviction');
    const urgent = { ...cpu('1'), priority: 100, preemptionPolicy: 'PreemptLowerPriority' as const };
    await rig.add('u1', urgent);
    await rig.add('u2', urgent);
    await rig.world.advance(60_000);
    const all = [...triesOf.values()].flat();
    expect(all.length, all.join()).to.be.within(5, 2 * (12 + 6));
    rig.hooks = {};
    await rig.world.until(
      'room is made',
      async () => !(await isBound('low1')) && !(await isBound('low2')),
      LONGEST_BACKOFF_MS + 1_000,
    );
  });
});
