/** What came of the times of schedules, counted. */
import { expect } from 'chai';
import { jobs, resourceQuotas } from '../../../schemas/kinds.ts';
import { seriesOf } from '../../series.ts';
import { openWorld, type World } from '../../world.ts';
import { beginRuns, endRun, jobManifest, type Leader, startLeader } from './world.ts';

describe('Times of schedules, counted', function () {
  this.timeout(30_000);
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
  const told = async () => {
    const fires = await seriesOf(world.metrics, 'gantry_cron_fires_total');
    const [missed] = await seriesOf(world.metrics, 'gantry_cron_missed_total');
    const [delays] = await seriesOf(world.metrics, 'gantry_cron_fire_delay_seconds_count');
    const byResult = Object.fromEntries(fires.map(({ labels, value }) => [labels['result'], value]));
    return { ...byResult, missed: missed?.value, delays: delays?.value };
  };
  const NONE = { made: 0, caught_up: 0, refused: 0, skipped: 0, missed: 0, delays: 0 };
  const endAll = async (): Promise<void> => {
    for (const run of await beginRuns(world)) await endRun(world, run);
  };

  it('begin at 0', async () => {
    expect(await told()).to.deep.equal(NONE);
  });

  it('each that runs counts once, with how late it was, whoever leads', async () => {
    await world.admin.create(jobs, jobManifest('tick', { schedule: '* * * * *' }));
    await world.advance(61_000);
    await endAll();
    await leader.stop();
    leader = await startLeader(world);
    await world.advance(60_000);
    expect(await told()).to.deep.equal({ ...NONE, made: 2, delays: 2 });
    const [sum] = await seriesOf(world.metrics, 'gantry_cron_fire_delay_seconds_sum');
    expect(sum?.value).to.be.within(0, 1);
  });

  it('one whose run is refused counts as refused, once', async () => {
    await world.admin.create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none', namespace: 'default' },
      spec: { hard: { 'count/runs.gantry.dev': '0' } },
    });
    await world.settle();
    await world.admin.create(jobs, jobManifest('tick', { schedule: '* * * * *' }));
    await world.advance(70_000);
    expect(await told()).to.deep.equal({ ...NONE, refused: 1 });
  });

  it('one that concurrencyPolicy leaves out counts as skipped', async () => {
    await world.admin.create(
      jobs,
      jobManifest('tick', { schedule: '* * * * *', concurrencyPolicy: 'Forbid' }),
    );
    await world.advance(61_000);
    await beginRuns(world);
    await world.advance(60_000);
    expect(await told()).to.deep.equal({ ...NONE, made: 1, skipped: 1, delays: 1 });
  });

  for (const [catchUp, wanted] of [
    ['Skip', { missed: 10 }],
    ['Latest', { missed: 9, caught_up: 1 }],
    ['All', { missed: 0, caught_up: 10 }],
  ] as const) {
    it(`of ten that passed while nobody led, catchUp ${catchUp} counts ${JSON.stringify(wanted)}`, async () => {
      await world.admin.create(
        jobs,
        jobManifest('tick', { schedule: '*/10 * * * *', catchUp, startingDeadlineSeconds: 86_400 }),
      );
      await world.advance(1_000);
      await leader.stop();
      await world.advance(100 * 60_000 + 300_000);
      leader = await startLeader(world);
      await world.advance(2_000);
      expect(await told()).to.deep.equal({ ...NONE, ...wanted });
    });
  }
});
