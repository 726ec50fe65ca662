/** The Job controller on the real registry; a stand-in for the run controller ends the runs. */
import { expect } from 'chai';
import { findCondition } from '../../../machinery/conditions.ts';
import { jobs, runs, schedulerSettings } from '../../../schemas/kinds.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import { openWorld, type World } from '../../world.ts';
import { beginRuns, endRun, jobManifest, type Leader, runManifest, startLeader } from './world.ts';

const key = (name: string) => ({ namespace: 'default', name });

describe('Job controller', function () {
  this.timeout(60_000);
  let world: World;
  let leader: Leader;
  beforeEach(async () => {
    world = await openWorld();
    leader = await startLeader(world);
  });
  afterEach(async () => {
    await leader.stop();
    await world.close();
  });

  const create = (name: string, spec: Partial<Job['spec']>): Promise<Job> =>
    world.admin.create(jobs, jobManifest(name, spec));
  const order = (name: string, job: string, spec: Partial<Run['spec']> = {}): Promise<Run> =>
    world.admin.create(runs, runManifest(name, job, spec));
  const job = (name: string): Promise<Job> => world.admin.get(jobs, key(name));
  const run = (name: string): Promise<Run> => world.admin.get(runs, key(name));
  const all = async (): Promise<readonly Run[]> => (await world.admin.list(runs)).items;
  const names = async (): Promise<readonly string[]> =>
    (await all()).map(({ metadata }) => metadata.name).sort();
  const says = (name: string, state: string, reason: string): Promise<void> =>
    world.until(`${name} is ${state} for ${reason}`, async () => {
      const { status } = await run(name);
      return status?.state === state && status.reason === reason;
    });
  const active = async (name: string): Promise<readonly string[]> =>
    ((await job(name)).status?.active ?? []).map((entry) => entry.name);
  const activeIs = (name: string, ...wanted: readonly string[]): Promise<void> =>
    world.until(
      `active of ${name} is ${wanted.join(', ')}`,
      async () => String(await active(name)) === String(wanted),
    );
  const endAll = async (): Promise<void> => {
    for (const one of await beginRuns(world)) await endRun(world, one);
  };

  it('makes one run for each time of a schedule of every second, and writes the Job once a second', async () => {
    await create('tick', {
      schedule: '* * * * * *',
      concurrencyPolicy: 'Forbid',
      successfulRunsHistoryLimit: 1000,
    });
    await world.advance(10);
    const before = Number((await job('tick')).metadata.resourceVersion);
    let writes = 0;
    leader.informers.jobs.onChange(() => void writes++);
    writes = 0;
    for (let step = 0; step < 120; step++) {
      await world.advance(500);
      await endAll();
    }
    const times = (await all()).map(({ spec }) => spec.scheduledTime);
    expect(times).to.have.length(60);
    expect(new Set(times).size).to.equal(60);
    expect(Number((await job('tick')).metadata.resourceVersion)).to.be.greaterThan(before);
    expect(writes).to.be.lessThan(64);
    const { status, metadata } = await job('tick');
    expect(status?.nextScheduleTime).to.equal('2026-01-01T00:01:01Z');
    const [first] = await all();
    expect(first?.metadata.ownerReferences?.[0]?.uid).to.equal(metadata.uid);
    expect(first?.metadata.name).to.equal(`tick-${Date.parse(first?.spec.scheduledTime ?? '') / 1000}`);
  });

  it('a time of the schedule runs once, also where somebody has its name', async () => {
    await create('tick', { schedule: '* * * * *' });
    const seconds = Date.parse('2026-01-01T00:01:00Z') / 1000;
    await order(`tick-${seconds}`, 'tick', { scheduledTime: '2026-01-01T00:01:00Z' });
    await world.advance(61_000);
    await endAll();
    await world.advance(10_000);
    const uid = (await job('tick')).metadata.uid?.replaceAll('-', '').slice(0, 8);
    expect(await names()).to.deep.equal([`tick-${seconds}`, `tick-${seconds}-${uid}`]);
    expect((await run(`tick-${seconds}-${uid}`)).spec).to.include({ trigger: 'Schedule' });
    await endAll();
    await leader.stop();
    leader = await startLeader(world);
    await world.advance(10_000);
    expect(await names()).to.have.length(2);
    expect((await all()).map(({ status }) => status?.state)).to.deep.equal(['completed', 'completed']);
  });

  it('is silent once settled', async () => {
    await create('quiet', { schedule: '@yearly' });
    await world.advance(10_000);
    const { metadata } = await job('quiet');
    await world.advance(3_600_000);
    expect((await job('quiet')).metadata.resourceVersion).to.equal(metadata.resourceVersion);
  });

  it('Forbid: a made run is refused, a time of the schedule is left out with an Event', async () => {
    await create('one', { schedule: '* * * * *', concurrencyPolicy: 'Forbid' });
    await order('first', 'one');
    await activeIs('one', 'first');
    await beginRuns(world);
    await order('second', 'one');
    await says('second', 'failed', 'MaxConcurrentRunsExceeded');
    expect((await run('second')).status?.finishedAt).to.not.equal(undefined);
    await world.advance(61_000);
    expect(await names()).to.deep.equal(['first', 'second']);
    expect(leader.events.map(({ reason }) => reason)).to.include('MaxConcurrentRunsExceeded');
    await endRun(world, await run('first'));
    await world.advance(60_000);
    expect(await names()).to.have.length(3);
    expect((await job('one')).status).to.include({ activeCount: 1, lastRunState: 'completed' });
  });

  it('Queue: the highest priority first, then the oldest; what waits says so', async () => {
    await create('line', { concurrencyPolicy: 'Queue' });
    await order('a', 'line');
    await activeIs('line', 'a');
    await beginRuns(world);
    for (const [name, priority] of [
      ['b', 0],
      ['c', 5],
      ['d', 0],
    ] as const) {
      await order(name, 'line', { priority });
      await world.advance(1_000);
    }
    await says('b', 'pending', 'Queued');
    expect((await job('line')).status?.queued).to.equal(3);
    for (const [ending, next] of [
      ['a', 'c'],
      ['c', 'b'],
      ['b', 'd'],
    ] as const) {
      await endRun(world, await run(ending));
      await activeIs('line', next);
      await beginRuns(world);
    }
    expect((await job('line')).status?.queued).to.equal(0);
  });

  it('Queue: beyond a hundred that wait, the newest of the lowest priority is refused', async () => {
    await create('line', { concurrencyPolicy: 'Queue' });
    for (let count = 0; count < 102; count++) await order(`r${String(count).padStart(3, '0')}`, 'line');
    await says('r101', 'failed', 'MaxConcurrentRunsExceeded');
    expect((await job('line')).status).to.include({ queued: 100, activeCount: 1 });
  });

  it('Replace: the oldest is cancelled, and the new one begins once that has ended', async () => {
    await create('swap', { concurrencyPolicy: 'Replace' });
    await order('old', 'swap');
    await activeIs('swap', 'old');
    await beginRuns(world);
    await order('new', 'swap');
    await world.until('old is told to end', async () => (await run('old')).spec.cancel === true);
    expect(await active('swap')).to.deep.equal(['old']);
    await says('new', 'pending', 'Queued');
    await world.advance(2_000);
    await order('newer', 'swap');
    await says('new', 'cancelled', 'Cancelled');
    await endRun(world, await run('old'), 'cancelled');
    await activeIs('swap', 'newer');
  });

  it('a run that is cancelled before it began ends as cancelled', async () => {
    await create('line', { concurrencyPolicy: 'Queue' });
    await order('a', 'line');
    await order('b', 'line');
    await says('b', 'pending', 'Queued');
    await world.admin.patch(runs, key('b'), { type: 'merge', body: { spec: { cancel: true } } });
    await says('b', 'cancelled', 'Cancelled');
    expect(await active('line')).to.deep.equal(['a']);
  });

  it('dependsOn: a run is refused by name and finding, and each new set of upstream runs triggers once', async () => {
    await create('import', {});
    await create('report', { dependsOn: [{ job: 'import' }], successfulRunsHistoryLimit: 50 });
    await order('early', 'report');
    await says('early', 'failed', 'DependencyNotSatisfied');
    expect((await run('early')).status?.message).to.include('job "import" has no run that has ended');
    for (const name of ['i1', 'i2']) {
      await world.advance(2_000);
      await order(name, 'import');
      await activeIs('import', name);
      const [begun] = await beginRuns(world);
      if (begun !== undefined) await endRun(world, begun);
      await world.until('a run of report', async () => (await active('report')).length === 1);
      expect((await all()).filter(({ spec }) => spec.trigger === 'Dependency')).to.have.length(
        name === 'i1' ? 1 : 2,
      );
      for (const one of await beginRuns(world)) await endRun(world, one);
      await world.advance(5_000);
    }
    expect((await all()).filter(({ spec }) => spec.trigger === 'Dependency')).to.have.length(2);
    await order('i3', 'import');
    await activeIs('import', 'i3');
    const [begun] = await beginRuns(world);
    if (begun !== undefined) await endRun(world, begun, 'failed');
    await world.advance(5_000);
    await order('late', 'report');
    await says('late', 'failed', 'DependencyNotSatisfied');
    expect((await run('late')).status?.message).to.include('the last run "i3" of job "import" is failed');
  });

  it('suspended, by itself or by SchedulerSettings, nothing runs by schedule, and runs by hand do', async () => {
    await create('tick', { schedule: '* * * * *' });
    await world.admin.create(schedulerSettings, {
      apiVersion: 'gantry.dev/v1',
      kind: 'SchedulerSettings',
      metadata: { name: 'default' },
      spec: { suspended: true },
    });
    await world.advance(180_000);
    expect(await names()).to.deep.equal([]);
    expect((await job('tick')).status?.nextScheduleTime).to.equal(undefined);
    await order('byhand', 'tick');
    await activeIs('tick', 'byhand');
    await world.admin.patch(
      schedulerSettings,
      { name: 'default' },
      { type: 'merge', body: { spec: { suspended: false } } },
    );
    await world.advance(30_000);
    expect(await names()).to.deep.equal(['byhand']);
    await world.advance(31_000);
    expect(await names()).to.have.length(2);
    expect(findCondition((await job('tick')).status?.conditions, 'Suspended')).to.include({
      status: 'False',
      reason: 'Resumed',
    });
  });

  it('an edited schedule fires by the new one alone', async () => {
    await create('move', { schedule: '0 0 * * *' });
    await world.advance(1_000);
    await world.admin.patch(jobs, key('move'), {
      type: 'merge',
      body: { spec: { schedule: '*/5 * * * *' } },
    });
    await world.advance(1_000);
    const { status } = await job('move');
    expect(status?.schedule).to.equal('*/5 * * * * UTC');
    expect(status?.nextScheduleTime).to.equal('2026-01-01T00:05:00Z');
    await world.advance(300_000);
    expect(await names()).to.have.length(1);
  });

  it('old runs go by the history limits, and those under way stay', async () => {
    await create('hist', { successfulRunsHistoryLimit: 2, failedRunsHistoryLimit: 1 });
    for (let count = 0; count < 8; count++) {
      await order(`r${count}`, 'hist');
      await world.until('it is active', async () => (await active('hist')).includes(`r${count}`));
      const [begun] = await beginRuns(world);
      await world.advance(1_000);
      if (begun !== undefined && count < 7)
        await endRun(world, begun, count % 2 === 0 ? 'completed' : 'failed');
      await world.advance(2_000);
    }
    expect(await names()).to.deep.equal(['r4', 'r5', 'r6', 'r7']);
  });

  it('a run of no Job is told so', async () => {
    await create('gone', {});
    await world.admin.delete(jobs, key('gone'));
    await world.advance(1_000);
    await order('lost', 'gone').catch(() => undefined);
    if ((await names()).length === 0) return;
    await says('lost', 'failed', 'JobNotFound');
  });

  it('the wall clock is set an hour ahead or back: nothing runs twice, and nothing in a burst', async () => {
    await create('tick', {
      schedule: '* * * * * *',
      successfulRunsHistoryLimit: 1000,
      startingDeadlineSeconds: 7200,
    });
    await world.advance(10_000);
    expect(await names()).to.have.length(10);
    world.clock.jumpWall(3_600_000);
    await world.advance(6_000);
    const ahead = (await names()).length;
    expect(ahead).to.be.within(15, 19);
    await endAll();
    world.clock.jumpWall(-3_600_000);
    await world.advance(60_000);
    expect(await names()).to.have.length(ahead);
    await world.advance(3_600_000);
    expect((await names()).length).to.be.greaterThan(ahead);
  });

  it('a time that a jump of the wall clock brings nearer is met in time', async () => {
    await create('noon', { schedule: '0 12 * * *' });
    await world.advance(1_000);
    world.clock.jumpWall(11 * 3_600_000 + 59 * 60_000);
    await world.advance(62_000);
    expect(await names()).to.have.length(1);
  });
});
