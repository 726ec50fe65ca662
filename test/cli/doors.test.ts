/** Which doors a process has, and what they say on a listener of their own. */
import { expect } from 'chai';
import { DEV_IDENTITY, devListener } from '../../api/server/listener.ts';
import { newApps } from '../../api/server/server.ts';
import { resolveConfig } from '../../cli/config.ts';
import { openDoors } from '../../cli/doors.ts';
import { systemClock } from '../../machinery/clock.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { askPort, noWorkers } from '../api/server/harness.ts';
import { openWorld } from '../world.ts';

describe('The doors of a process', () => {
  it('D3.10 on the listener of the jobs API tell of an unknown path as the jobs API does', async () => {
    const world = await openWorld();
    const { settings } = await resolveConfig({ flags: {}, env: {}, directory: '/nowhere' });
    const { registry, clock, random } = world;
    const metrics = newMetrics();
    const parts = {
      registry,
      clock,
      random,
      metrics,
      log: silentLog,
      workerLink: noWorkers,
      productVersion: '0',
    };
    const doors = openDoors(settings, {
      ...parts,
      isScheduling: () => Promise.resolve(true),
      checkStore: () => Promise.resolve(),
      readStats: undefined,
    });
    const app = newApps({ ...parts, doors: doors.main }).doorsOnly(doors.jobs);
    const listen = { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog };
    const listener = devListener(app, { ...listen, identity: DEV_IDENTITY });
    const { port } = await listener.start();
    for (const path of ['/', '/api', '/api/nothing', '/tasks', '/api/v1/pods']) {
      const answer = await askPort(port, 'GET', path);
      expect([answer.status, answer.json()], path).to.deep.equal([
        404,
        { error: 'the server could not find the requested resource', code: 'NOT_FOUND' },
      ]);
    }
    expect((await askPort(port, 'GET', '/openapi/doors/jobs')).status).to.equal(200);
    expect((await askPort(port, 'GET', '/api/jobs')).json()).to.deep.equal({ jobs: [], count: 0 });
    await listener.stop(1_000);
    await doors.close();
    await world.close();
  });
});
