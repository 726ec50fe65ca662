import { expect } from 'chai';
import { newInformers } from '../../controllers/informers.ts';
import { listenForRunStats } from '../../controllers/runstats/listener.ts';
import { timestamp } from '../../machinery/clock.ts';
import { findExemplars } from '../../machinery/exemplars.ts';
import { silentLog } from '../../machinery/log.ts';
import { newTrace, withTrace } from '../../machinery/trace.ts';
import { jobs, runs } from '../../schemas/kinds.ts';
import type { Run } from '../../schemas/types.gen.ts';
import { seriesOf } from '../series.ts';
import { openWorld, type World } from '../world.ts';
import { jobManifest, runManifest } from './job/world.ts';

const ENDED = 'gantry_runs_ended_total';

describe('Ends of runs, counted', () => {
  let world: World;
  let stop: AbortController;
  let copying: Promise<void>;
  const listen = async (): Promise<void> => {
    stop = new AbortController();
    const { clock, random, metrics } = world;
    const informers = newInformers({
      clock,
      random,
      log: silentLog,
      client: world.controllerClient('informers'),
    });
    listenForRunStats(informers.runs, { clock, metrics });
    copying = informers.runs.start(stop.signal);
    await informers.runs.synced(stop.signal);
  };
  beforeEach(async () => {
    world = await openWorld();
    await world.admin.create(jobs, jobManifest('j'));
    await listen();
  });
  afterEach(async () => {
    stop.abort();
    await copying;
    await world.close();
  });
  const says = async (name: string, status: Run['status']): Promise<void> => {
    const run = await world.admin.get(runs, { namespace: 'default', name });
    await world.admin.update(
      runs,
      { ...run, status: { ...run.status, ...status } },
      { subresource: 'status' },
    );
    await world.settle();
  };
  const ended = async () =>
    (await seriesOf(world.metrics, ENDED))
      .filter(({ value }) => value > 0)
      .map(({ labels, value }) => [labels['state'], labels['trigger'], value]);

  it('every state and trigger begins at 0', async () => {
    const series = await seriesOf(world.metrics, ENDED);
    expect(series).to.have.length(20);
    expect(series.every(({ value }) => value === 0)).to.equal(true);
  });

  it('each counts once under its state and trigger, and its time from start to end, with its trace', async () => {
    const scheduled = runManifest('a', 'j', {
      trigger: 'Schedule',
      scheduledTime: '2026-01-01T00:00:00Z',
    });
    const trace = newTrace(world.random);
    await withTrace(trace, () => world.admin.create(runs, scheduled));
    await world.admin.create(runs, runManifest('b', 'j'));
    const startedAt = timestamp(world.clock.now());
    await says('a', { state: 'running', startedAt });
    await world.advance(7_000);
    const finishedAt = timestamp(world.clock.now());
    await says('a', { state: 'failed', finishedAt });
    await says('a', { message: 'told once more' });
    // Refused before it began: it has an end and took no time.
    await says('b', { state: 'cancelled', finishedAt });
    expect(await ended()).to.deep.equal([
      ['failed', 'Schedule', 1],
      ['cancelled', 'Manual', 1],
    ]);
    const sums = await seriesOf(world.metrics, 'gantry_run_duration_seconds_sum');
    expect(sums.map(({ labels, value }) => [labels['state'], value])).to.deep.equal([['failed', 7]]);
    const exemplar = findExemplars(world.metrics, 'gantry_run_duration_seconds')
      ?.find({ state: 'failed' })
      ?.at('10');
    expect(exemplar?.traceId).to.equal(trace.traceId);
  });

  it('those that ended before are not counted again by whoever leads next', async () => {
    await world.admin.create(runs, runManifest('a', 'j'));
    await says('a', { state: 'completed', finishedAt: timestamp(world.clock.now()) });
    stop.abort();
    await copying;
    await listen();
    await says('a', { message: 'told once more' });
    expect(await ended()).to.deep.equal([['completed', 'Manual', 1]]);
  });
});
