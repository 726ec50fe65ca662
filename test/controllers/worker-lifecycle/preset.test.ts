/** The preset `dispatch` of leases: an agent that beats once a minute, and is offline after three of silence. */
import { expect } from 'chai';
import { Heartbeat } from '../../../agent/heartbeat.ts';
import { LEASE_PRESETS, type LeasePreset } from '../../../cli/leasepresets.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { workers } from '../../../schemas/kinds.ts';
import { intercept } from '../../intercept.ts';
import { seriesOf } from '../../series.ts';
import { openWorld, type World } from '../../world.ts';

describe('D2.8 presets of leases', () => {
  for (const [preset, renewMs, lostMs] of [
    ['dispatch', 60_000, 180_000],
    ['default', 3_000, 12_000],
  ] as const) {
    describe(preset, () => {
      let world: World;
      let stop: AbortController;
      let fail: AbortController;
      let running: Promise<unknown>;
      let renewals: number;
      let isCutOff: boolean;

      beforeEach(async () => {
        world = await openWorld();
        stop = new AbortController();
        fail = new AbortController();
        renewals = 0;
        isCutOff = false;
        running = Promise.all([start(preset), world.addWorker('w1')]);
        await world.settle();
      });
      afterEach(async () => {
        fail.abort();
        stop.abort();
        await running;
        await world.close();
      });

      async function start(name: LeasePreset): Promise<void> {
        const { clock, random } = world;
        const { renewSeconds, durationSeconds } = LEASE_PRESETS[name];
        const controlPlane = new ControlPlane({
          clientOf: (controller) => world.controllerClient(controller),
          clock,
          random,
          log: silentLog,
          metrics: newMetrics(),
          lostAfterMs: durationSeconds * 1000,
        });
        const client = intercept(world.workerClient('w1'), {
          before: () => {
            if (isCutOff) throw new ApiError('ServiceUnavailable', 'cut off');
          },
          after: ({ operation }) => {
            if (operation !== 'get') renewals += 1;
          },
        });
        const heartbeat = new Heartbeat({
          client,
          clock,
          log: silentLog,
          worker: 'w1',
          renewMs: renewSeconds * 1000,
          leaseSeconds: durationSeconds,
          metrics: world.metrics,
        });
        await Promise.all([controlPlane.run(stop.signal), heartbeat.run(fail.signal)]);
      }

      const readiness = async (): Promise<string | undefined> => {
        const worker = await world.admin.get(workers, { name: 'w1' });
        return findCondition(worker.status?.conditions, 'Ready')?.status;
      };

      it(`D2.8 ${preset}: beats every ${renewMs / 1000} s and stays online for as long as it does`, async () => {
        await world.advance(10 * renewMs - 1);
        expect(renewals).to.equal(10);
        expect(await readiness()).to.equal('True');
      });

      it(`D2.8 ${preset}: an outage in which a beat falls costs the worker nothing once it is over`, async () => {
        isCutOff = true;
        await world.advance(renewMs + 4_000);
        const before = renewals;
        isCutOff = false;
        await world.advance(3_000);
        const figure = async (name: string): Promise<number | undefined> =>
          (await seriesOf(world.metrics, `gantry_heartbeat_${name}`))[0]?.value;
        expect(await figure('failures_total'), 'failures are counted').to.be.greaterThan(0);
        const lastMs = ((await figure('last_success_timestamp_seconds')) ?? 0) * 1000;
        expect(world.clock.now() - lastMs, 'the last success is told').to.be.within(0, 3_000);
        expect(renewals, 'the next attempt does not wait for the next beat').to.be.greaterThan(before);
        expect(await readiness()).to.equal('True');
      });

      it(`D2.8 ${preset}: is offline after ${lostMs / 1000} s of silence, and not before`, async () => {
        await world.advance(2 * renewMs + 1);
        fail.abort();
        await world.advance(lostMs - 2);
        expect(await readiness()).to.equal('True');
        await world.advance(1_000);
        expect(await readiness()).to.equal('Unknown');
      });
    });
  }
});
