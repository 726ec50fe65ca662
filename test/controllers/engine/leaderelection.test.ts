/** Leader election over the real registry: one leads, losing is noticed in time, and what was lost is not written. */
import { expect } from 'chai';
import { LeaderElection } from '../../../controllers/engine/leaderelection.ts';
import { Recorder } from '../../../controllers/engine/recorder.ts';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { configMaps, events, leases } from '../../../schemas/kinds.ts';
import type { Lease } from '../../../schemas/types.gen.ts';
import { type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

const NAMESPACE = 'kube-system';
const NAME = 'gantry-controllers';
const LEASE_MS = 15_000;
const DEADLINE_MS = 10_000;

interface Server {
  readonly election: LeaderElection;
  readonly hooks: ClientHooks;
  readonly metrics: ReturnType<typeof newMetrics>;
  /** Leaderships so far, and whether one lasts. */
  readonly terms: AbortSignal[];
  readonly guarded: Client[];
  working: number;
  stop(): void;
  readonly running: Promise<void>;
}

describe('Leader election', () => {
  let world: World;
  const servers: Server[] = [];

  beforeEach(async () => {
    world = await openWorld();
  });

  afterEach(async () => {
    for (const server of servers) {
      server.hooks.before = () => undefined;
      server.stop();
    }
    await world.advance(LEASE_MS);
    await Promise.all(servers.splice(0).map(({ running }) => running));
    await world.close();
  });

  function start(identity: string, clock: Clock = world.clock): Server {
    const hooks: ClientHooks = {};
    const client = intercept(world.controllerClient('leader-election'), hooks);
    const metrics = newMetrics();
    const election = new LeaderElection({
      client,
      recorder: new Recorder({ client, component: 'leader-election', clock, log: silentLog, metrics }),
      clock,
      random: seededRandom(servers.length),
      log: silentLog,
      metrics,
      namespace: NAMESPACE,
      name: NAME,
      identity,
    });
    const stop = new AbortController();
    const server: Server = {
      election,
      hooks,
      metrics,
      terms: [],
      guarded: [],
      working: 0,
      stop: () => stop.abort(),
      running: election.run(stop.signal, async (signal) => {
        server.terms.push(signal);
        server.guarded.push(election.guard(world.admin));
        server.working++;
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        server.working--;
      }),
    };
    servers.push(server);
    return server;
  }

  const lease = (): Promise<Lease> => world.admin.get(leases, { namespace: NAMESPACE, name: NAME });
  const unreachable = (): never => {
    throw new ApiError('ServiceUnavailable', 'the store does not answer');
  };
  const leading = (): readonly string[] =>
    servers.filter(({ working }) => working > 0).map(({ election }) => election.identity);

  it('makes the first candidate leader at once, and all others know who leads', async () => {
    start('a');
    await world.settle();
    start('b');
    start('c');
    await world.advance(60_000);
    expect(leading()).to.deep.equal(['a']);
    expect(servers.map(({ election }) => election.leader)).to.deep.equal(['a', 'a', 'a']);
    expect(servers.map(({ election }) => election.isLeading)).to.deep.equal([true, false, false]);
    expect((await lease()).spec).to.deep.include({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    const told = await servers[0]?.metrics.metrics();
    expect(told).to.contain(`leader_election_master_status{name="${NAME}"} 1`);
  });

  it('gives the lease back when it stops, and a successor takes over in the same moment', async () => {
    const a = start('a');
    await world.settle();
    const b = start('b');
    await world.advance(5_000);
    const stoppedAtMs = world.clock.monotonicMs();
    a.stop();
    await world.until('b leads', () => b.working === 1);
    expect(world.clock.monotonicMs() - stoppedAtMs).to.be.at.most(1);
    expect(a.working).to.equal(0);
    expect((await lease()).spec).to.deep.include({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('takes over from a dead leader after the lease and no later than a retry period more', async () => {
    const a = start('a');
    await world.settle();
    const b = start('b');
    const c = start('c');
    await world.advance(7_300);
    a.hooks.before = () => new Promise(() => undefined);
    const diedAtMs = world.clock.monotonicMs();
    await world.until('somebody else leads', () => b.working + c.working === 1);
    const tookMs = world.clock.monotonicMs() - diedAtMs;
    expect(tookMs).to.be.within(LEASE_MS - 2_000, LEASE_MS);
    await world.advance(60_000);
    expect(b.working + c.working, 'two lead').to.equal(1);
    expect((await lease()).spec?.leaseTransitions).to.equal(1);
  });

  it('stops leading before anybody may take over, while the store does not answer', async () => {
    const a = start('a');
    await world.settle();
    const b = start('b');
    await world.advance(2_000);
    a.hooks.before = unreachable;
    await world.advance(DEADLINE_MS - 2_001);
    expect(a.working, 'gave up early').to.equal(1);
    await world.advance(2_001);
    expect(a.working).to.equal(0);
    expect(b.working, 'took over early').to.equal(0);
    await world.until('b leads', () => b.working === 1);
    a.hooks.before = () => undefined;
    await world.advance(60_000);
    expect(leading()).to.deep.equal(['b']);
  });

  it('leads on when answers to its renewals are lost', async () => {
    const a = start('a');
    await world.settle();
    start('b');
    let lost = 0;
    a.hooks.after = ({ operation, resource }) => {
      if (operation === 'update' && resource === 'leases' && lost++ % 2 === 0) unreachable();
    };
    await world.advance(120_000);
    expect(leading()).to.deep.equal(['a']);
    expect(a.terms).to.have.length(1);
    expect(lost).to.be.greaterThan(10);
  });

  it('judges by its own clock: wall clocks that differ by hours change nothing', async () => {
    start('a', shifted(world.clock, -5 * 3_600_000));
    await world.settle();
    start('b', shifted(world.clock, 7 * 3_600_000));
    await world.advance(120_000);
    expect(leading()).to.deep.equal(['a']);
    world.clock.jumpWall(24 * 3_600_000);
    await world.advance(120_000);
    expect(leading()).to.deep.equal(['a']);
  });

  it('writes nothing after its time is over, also when it does not know yet that it is', async () => {
    const frozen = new FrozenClock(world.clock);
    const a = start('a', frozen);
    await world.settle();
    const b = start('b');
    await world.advance(3_000);
    const [guarded] = a.guarded;
    const configMap = (name: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
    });
    await guarded?.create(configMaps, configMap('in-time'));
    frozen.freeze();
    await world.until('b leads', () => b.working === 1);
    expect(a.working, 'its timers have not fired yet').to.equal(1);
    const refused = await guarded?.create(configMaps, configMap('too-late')).catch((error: unknown) => error);
    expect(refused)
      .to.be.instanceOf(ApiError)
      .with.property(
        'message',
        `a does not hold the lease ${NAMESPACE}/${NAME} any more: nothing is written; whoever leads now does it`,
      );
    expect(a.election.isLeading).to.equal(false);
    frozen.thaw();
    await world.advance(60_000);
    expect(leading()).to.deep.equal(['b']);
  });

  it('D3.10 says that somebody leads only while a lease is seen to be renewed, here and elsewhere', async () => {
    const a = start('a');
    await world.settle();
    const b = start('b');
    await world.advance(5_000);
    expect([a.election.isLed, b.election.isLed]).to.deep.equal([true, true]);
    a.hooks.before = unreachable;
    b.hooks.before = unreachable;
    await world.advance(DEADLINE_MS);
    expect(a.election.isLed, 'a knows that it does not lead').to.equal(false);
    await world.advance(LEASE_MS - DEADLINE_MS + 1_000);
    expect([b.election.leader, b.election.isLed], 'b has heard nothing of a').to.deep.equal(['a', false]);
    b.hooks.before = () => undefined;
    await world.until('b leads', () => b.election.isLeading);
    expect([a.election.isLed, b.election.isLed], 'a hears of b').to.deep.equal([true, true]);
  });

  it('does not let the client of one leadership write in the next', async () => {
    const a = start('a');
    await world.settle();
    a.hooks.before = unreachable;
    await world.advance(DEADLINE_MS + 1);
    a.hooks.before = () => undefined;
    await world.until('a leads again', () => a.terms.length === 2 && a.working === 1);
    const of = (client: Client | undefined): Promise<unknown> | undefined =>
      client
        ?.delete(configMaps, { namespace: 'default', name: 'none' })
        .catch((error: ApiError) => error.reason);
    expect(await of(a.guarded[0])).to.equal('Conflict');
    expect(await of(a.guarded[1])).to.equal('NotFound');
  });

  it('steps down when somebody deletes the lease, and somebody leads again', async () => {
    const a = start('a');
    await world.settle();
    start('b');
    await world.advance(5_000);
    await world.admin.delete(leases, { namespace: NAMESPACE, name: NAME });
    await world.advance(10_000);
    expect(leading()).to.have.length(1);
    expect(a.terms[0]?.aborted).to.equal(true);
  });

  it('tells each change as an Event', async () => {
    const a = start('a');
    await world.settle();
    start('b');
    await world.advance(3_000);
    a.stop();
    await world.advance(3_000);
    const told = (await world.admin.list(events, { namespace: NAMESPACE })).items.map(
      ({ reason, message }) => `${reason}: ${message}`,
    );
    expect(told).to.have.members([
      'LeaderElection: a became leader',
      'LeaderElection: a stopped leading',
      'LeaderElection: b became leader',
    ]);
  });

  it('refuses a timing with which two could lead', () => {
    const { clock, random, metrics } = world;
    const client = world.admin;
    const recorder = { record: () => undefined };
    const parts = { client, recorder, clock, random, log: silentLog, metrics };
    const timing = { leaseDurationMs: 5_000, renewDeadlineMs: 6_000, retryPeriodMs: 1_000 };
    expect(() => new LeaderElection({ ...parts, namespace: 'n', name: 'x', identity: 'i', timing })).to.throw(
      RangeError,
      /two would lead/,
    );
  });
});

function shifted(clock: Clock, byMs: number): Clock {
  return {
    now: () => clock.now() + byMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
}

/** A process that is stopped: time goes on, and none of its timers fires until it is woken. */
class FrozenClock implements Clock {
  readonly #clock: Clock;
  #isFrozen = false;
  readonly #due: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void) {
    return this.#clock.after(delayMs, () => {
      if (this.#isFrozen) this.#due.push(callback);
      else callback();
    });
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const callback of this.#due.splice(0)) callback();
  }
}
