import { expect } from 'chai';
import type { Door } from '../../../../api/doors/door.ts';
import { ApiError } from '../../../../machinery/errors.ts';
import { taskManifest } from '../../../builders.ts';
import { openWorld } from '../../../world.ts';
import { openServer, serve, type TestServer } from '../harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';

async function series(server: TestServer, name: string): Promise<string[]> {
  const { text } = await server.ask('GET', '/metrics');
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('Requests by door', () => {
  const door = (name: string, path: string): Door => ({
    name,
    owns: (asked) => asked.startsWith(path),
    describeError: (error) => ({ code: error.code, body: {} }),
    middleware(ctx) {
      if (ctx.path.endsWith('/refused')) throw new ApiError('Forbidden', 'no');
      ctx.body = 'yes';
    },
  });
  let server: TestServer;
  before(async () => {
    server = await openServer({ doors: [door('tasks', '/tasks'), door('jobs', '/api/jobs')] });
  });
  after(() => server.close());

  for (const [path, name, code] of [
    ['/tasks', 'tasks', 200],
    ['/tasks/refused', 'tasks', 403],
    ['/api/jobs', 'jobs', 200],
    [TASKS, 'kubernetes', 200],
    ['/nowhere', 'kubernetes', 404],
  ] as const) {
    it(`${path} is counted and timed under ${name}`, async () => {
      const wanted = (line: string): boolean =>
        line.includes(`door="${name}"`) && line.includes(`code="${code}"`) && !line.includes('"/metrics"');
      const countOf = (lines: readonly string[]): number =>
        lines.filter(wanted).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      const before = countOf(await series(server, 'apiserver_request_total'));
      expect((await server.ask('GET', path)).status).to.equal(code);
      expect(countOf(await series(server, 'apiserver_request_total'))).to.equal(before + 1);
      const timed = await series(server, 'apiserver_request_duration_seconds_count');
      expect(timed.some((line) => line.includes(`door="${name}"`))).to.equal(true);
    });
  }
});

describe('Requests of clients', () => {
  const served = async (server: TestServer): Promise<string[]> =>
    (await series(server, 'gantry_served_requests_total')).map((line) => line.replace(/^.*result=/, ''));

  it('are counted from 0 on by whether they failed, without probes and scrapes', async () => {
    const failing: Door = {
      name: 'tasks',
      owns: (path) => path === '/fails',
      describeError: (error) => ({ code: error.code, body: {} }),
      middleware() {
        throw new ApiError('ServiceUnavailable', 'not now');
      },
    };
    const check = (): never => {
      throw new Error('not yet');
    };
    const server = await openServer({ doors: [failing], readinessChecks: [{ name: 'never', check }] });
    expect(await served(server)).to.deep.equal(['"answered"} 0', '"failed"} 0']);
    expect((await server.ask('GET', TASKS)).status).to.equal(200);
    expect((await server.ask('GET', '/nowhere')).status).to.equal(404);
    expect((await server.ask('GET', '/fails')).status).to.equal(503);
    expect((await server.ask('GET', '/readyz')).status).to.be.within(500, 599);
    await server.world.addWorker('w1');
    expect((await server.ask('GET', '/api/v1/nodes/w1/proxy/metrics/cadvisor')).status).to.equal(503);
    expect((await server.ask('GET', '/discovery/prometheus')).status).to.equal(200);
    expect(await served(server)).to.deep.equal(['"answered"} 2', '"failed"} 1']);
    await server.close();
  });
});

describe('Watches that end', () => {
  const ended = async (server: TestServer): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await series(server, 'gantry_watch_ended_total')).map((line): [string, number] => {
        const [, reason = '', count = ''] = /reason="(\w+)"\} (\d+)/.exec(line) ?? [];
        return [reason, Number(count)];
      }),
    );
  const NONE = { client: 0, timeout: 0, expired: 0, stalled: 0, stopping: 0, failed: 0 };

  it('are counted by why, each from 0 on', async () => {
    const world = await openWorld({ cacheLimits: { maxChanges: 2, maxChangeBytes: 1_000_000 } });
    const server = await serve(world);
    expect(await ended(server)).to.deep.equal(NONE);

    const timed = await server.stream(`${TASKS}?watch=1&timeoutSeconds=5`);
    await world.advance(5_000);
    expect(await timed.next()).to.equal(undefined);
    expect(await ended(server)).to.deep.equal({ ...NONE, timeout: 1 });

    for (const name of ['a', 'b', 'c', 'd']) {
      await server.ask('POST', TASKS, { body: taskManifest(name) });
    }
    await world.store.compact(world.store.revision());
    const past = await server.stream(`${TASKS}?watch=1&resourceVersion=1`);
    expect((await past.next())?.type).to.equal('ERROR');
    expect(await ended(server)).to.deep.equal({ ...NONE, timeout: 1, expired: 1 });

    const left = await server.stream(`${TASKS}?watch=1`);
    left.close();
    // The server hears of it when the connection closes, some turns later.
    for (let asked = 0; asked < 100 && (await ended(server))['client'] === 0; asked++);
    expect(await ended(server)).to.deep.equal({ ...NONE, timeout: 1, expired: 1, client: 1 });

    await server.stream(`${TASKS}?watch=1`);
    await server.close();
    const text = await world.metrics.getSingleMetricAsString('gantry_watch_ended_total');
    expect(text).to.include('gantry_watch_ended_total{reason="stopping"} 1');
    await world.close();
  });
});
