import { expect } from 'chai';
import Koa from 'koa';
import type { AppState } from '../../../../api/server/context.ts';
import { answeringErrors } from '../../../../api/server/errors.ts';
import { devListener, type Listener } from '../../../../api/server/listener.ts';
import { recordArrival } from '../../../../api/server/middleware/arrival.ts';
import { deadlined } from '../../../../api/server/middleware/deadline.ts';
import { flowControlled, levelOf } from '../../../../api/server/middleware/flowcontrol.ts';
import { becomeLongRunning, measured, newServerMetrics } from '../../../../api/server/middleware/metrics.ts';
import { traced } from '../../../../api/server/middleware/tracing.ts';
import { WatchLimit } from '../../../../api/server/middleware/watchlimit.ts';
import { systemClock } from '../../../../machinery/clock.ts';
import { FakeClock } from '../../../../machinery/fakeclock.ts';
import { controllerIdentity, workerIdentity } from '../../../../machinery/identity.ts';
import { silentLog } from '../../../../machinery/log.ts';
import { type Metrics, newMetrics } from '../../../../machinery/metrics.ts';
import { systemRandom } from '../../../../machinery/random.ts';
import { adminIdentity } from '../../../world.ts';
import { type Answer, askPort } from '../harness.ts';

const jane = { name: 'jane', groups: ['system:authenticated'] };
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/gantry-system/leases/w1';

describe('A request’s priority level', () => {
  for (const [who, identity, path, level] of [
    ['a worker', workerIdentity('w1'), '/apis/gantry.dev/v1/tasks', 'system'],
    ['a worker’s heartbeat', workerIdentity('w1'), LEASE, 'leases'],
    ['a controller', controllerIdentity('gc'), '/api/v1/pods', 'system'],
    ['a controller’s lease', controllerIdentity('gc'), LEASE, 'leases'],
    ['an administrator', adminIdentity, LEASE, 'masters'],
    ['anybody else', jane, LEASE, 'default'],
  ] as const) {
    it(`of ${who} is ${level}`, () => expect(levelOf(identity, path)).to.equal(level));
  }
});

describe('Flow control', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let listener: Listener;
  let port: number;
  /** Requests that are being answered, each with what ends it. */
  let running: (() => void)[];
  let arrived: () => void;

  beforeEach(async () => {
    clock = new FakeClock();
    metrics = newMetrics();
    running = [];
    arrived = () => undefined;
    const app = new Koa<AppState, object>();
    const level = { name: 'tight', seats: 2, seatsPerUser: 1, queueLength: 1, waiting: 2, waitMs: 1_000 };
    app.use(traced(systemRandom));
    app.use(measured(newServerMetrics(metrics), clock, []));
    app.use(answeringErrors(silentLog, []));
    app.use((ctx, next) => {
      const name = ctx.get('X-User');
      recordArrival(ctx.req, {
        identity: name === 'admin' ? adminIdentity : { name, groups: [] },
        refusal: undefined,
        stopping: new AbortController().signal,
      });
      return next();
    });
    app.use(flowControlled({ clock, metrics, levels: { default: level } }));
    app.use(deadlined(clock, silentLog));
    app.use(async (ctx) => {
      if (ctx.path === '/watch') becomeLongRunning(ctx);
      await new Promise<void>((resolve) => {
        running.push(resolve);
        arrived();
      });
      ctx.body = 'done';
    });
    listener = devListener(app, { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog });
    ({ port } = await listener.start());
  });
  afterEach(async () => {
    for (const end of running) end();
    await listener.stop(100);
  });

  const ask = (user: string, path = '/'): Promise<Answer> =>
    askPort(port, 'GET', path, { headers: { 'X-User': user } });
  const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (const deadlineMs = Date.now() + 2_000; !(await condition()); ) {
      if (Date.now() > deadlineMs) expect.fail(`not in time: ${what}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const figure = async (name: string): Promise<number> => {
    const { values = [] } = (await metrics.getSingleMetric(`apiserver_flowcontrol_${name}`)?.get()) ?? {};
    return values.find(({ labels }) => labels.priority_level === 'tight')?.value ?? 0;
  };

  it('queues, refuses with 429 and when to come again, and goes on', async () => {
    const first = ask('a');
    await until('the first runs', () => running.length === 1);
    const second = ask('a');
    await until('the second waits', async () => (await figure('current_inqueue_requests')) === 1);
    const refused = await ask('a');
    expect(refused.status).to.equal(429);
    expect(refused.headers['retry-after']).to.equal('1');
    expect(refused.json()).to.deep.include({ kind: 'Status', reason: 'TooManyRequests', code: 429 });
    const other = ask('b');
    await until('another user is served', () => running.length === 2);
    for (const end of running) end();
    await until('the second runs', () => running.length === 3);
    running[2]?.();
    expect((await Promise.all([first, second, other])).map(({ status }) => status)).to.deep.equal([
      200, 200, 200,
    ]);
    expect(await figure('dispatched_requests_total')).to.equal(3);
    expect(await figure('rejected_requests_total')).to.equal(1);
    expect(await figure('current_executing_requests')).to.equal(0);
  });

  it('refuses who waited too long', async () => {
    const first = ask('a');
    await until('the first runs', () => running.length === 1);
    const second = ask('a');
    await until('the second waits', async () => (await figure('current_inqueue_requests')) === 1);
    clock.advance(1_000);
    expect((await second).status).to.equal(429);
    running[0]?.();
    expect((await first).status).to.equal(200);
  });

  it('keeps nobody of another level out', async () => {
    for (const user of ['a', 'b']) void ask(user).catch(() => undefined);
    await until('all seats are taken', () => running.length === 2);
    const admin = ask('admin');
    await until('the administrator is served', () => running.length === 3);
    running[2]?.();
    expect((await admin).status).to.equal(200);
  });

  it('gives the seat of a request that goes on to others, and lets it go on past the deadline', async () => {
    const watch = ask('a', '/watch');
    await until('the watch runs', () => running.length === 1);
    const next = ask('a');
    await until('another runs', () => running.length === 2);
    clock.advance(120_000);
    expect((await next).status).to.equal(504);
    running[0]?.();
    expect((await watch).text).to.equal('done');
  });

  for (const [query, ms] of [
    ['', 60_000],
    ['?timeout=5s', 5_000],
    ['?timeout=10m', 60_000],
    ['?timeout=0s', 60_000],
  ] as const) {
    it(`ends a request with 504 after ${ms} ms${query === '' ? '' : ` for ${query}`}`, async () => {
      const asked = ask('a', `/${query}`);
      let isOver = false;
      void asked.then(() => (isOver = true));
      await until('it runs', () => running.length === 1);
      clock.advance(ms - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(isOver).to.equal(false);
      clock.advance(1);
      const answer = await asked;
      expect(answer.status).to.equal(504);
      expect(answer.json()).to.include({
        reason: 'Timeout',
        message: 'Timeout: request did not complete within the allotted timeout',
      });
    });
  }

  it('refuses a timeout that is none', async () => {
    expect((await ask('a', '/?timeout=soon')).status).to.equal(400);
  });
});

describe('The bound on watches', () => {
  it('refuses one too many of a user, and of all, until one ends', async () => {
    const limit = new WatchLimit({ perUser: 2, all: 3 });
    const ends: (() => void)[] = [];
    const open = (user: string): Promise<void> =>
      limit.run(user, () => new Promise((resolve) => ends.push(resolve)));
    const refused = (user: string): Promise<unknown> =>
      open(user).then(
        () => 'open',
        (error: { code?: number }) => error.code,
      );
    const first = open('a');
    const others = [open('a')];
    expect(await refused('a')).to.equal(429);
    others.push(open('b'));
    expect(await refused('b')).to.equal(429);
    ends[0]?.();
    await first;
    others.push(open('b'));
    expect(await refused('c')).to.equal(429);
    for (const end of ends) end();
    await Promise.all(others);
  });
});
