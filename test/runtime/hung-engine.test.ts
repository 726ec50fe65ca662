/** An engine that takes connections and answers none: what it costs, how long anybody waits, and that it passes. */
import { readdirSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import type { RuntimeError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { EngineProxy } from './engine-proxy.ts';
import { eventually, rejection } from './expectations.ts';
import { endpoint, isLeftOut, prepareEngine } from './sample-engine.ts';

const CALLERS = 300;
const MOST_AT_ONCE = 64;
const { signal } = new AbortController();
const plain = { stdin: false, stdout: true, stderr: true, tty: false };

function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith('socket:');
    } catch {
      // The one that reads the folder.
      return false;
    }
  }).length;
}

(isLeftOut ? describe.skip : describe)('DockerRuntime: an engine that hangs', function () {
  this.timeout(30_000);
  let proxy: EngineProxy;
  let clock: FakeClock;
  let runtime: DockerRuntime;

  before(prepareEngine);
  beforeEach(async () => {
    proxy = await EngineProxy.open(endpoint);
    proxy.isStalled = true;
    clock = new FakeClock();
    runtime = new DockerRuntime(proxy.endpoint, clock);
  });
  afterEach(() => proxy.close());

  /** As a controller goes on asking about each of its Tasks: one call at a time, in turn of several kinds. */
  const ask = (index: number, caller: AbortSignal): Promise<RuntimeError> => {
    const id = `task-${index}`;
    const calls = [
      () => runtime.inspect(id, caller),
      () => runtime.start(id, caller),
      () => runtime.exec(id, ['true'], plain, caller),
      () => runtime.stats(id, caller),
      () => runtime.dial(id, 80, caller),
    ];
    return rejection((calls[index % calls.length] ?? (() => runtime.list({}, caller)))(), 'Unavailable');
  };

  it(`costs ${MOST_AT_ONCE} connections for ${CALLERS} callers, and each waits for its own limit only`, async () => {
    const before = openSockets();
    let failed = 0;
    const asking = Array.from({ length: CALLERS }, async (_, index) => {
      const error = await ask(index, signal);
      failed++;
      return error;
    });
    await eventually(
      () => Promise.resolve(proxy.connections >= MOST_AT_ONCE || undefined),
      'the first calls',
    );
    // Both ends of each are this process's.
    expect(openSockets() - before).to.be.at.most(2 * MOST_AT_ONCE + 4);
    expect(failed).to.equal(0);
    clock.advance(29_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failed).to.equal(0);
    clock.advance(1_000);
    const errors = await Promise.all(asking);
    for (const { message } of errors) expect(message).to.match(/got no answer within 30 s/);
    // Those that waited gave up with the others: no second wave comes after the first.
    expect(proxy.connections).to.equal(MOST_AT_ONCE);
    await eventually(
      () => Promise.resolve(openSockets() <= before + 4 || undefined),
      'the connections to close',
    );
  });

  it('keeps nobody waiting who gives up, and lets the next one in', async () => {
    const leaving = new AbortController();
    const first = Array.from({ length: MOST_AT_ONCE }, (_, index) =>
      rejection(runtime.inspect(`task-${index}`, leaving.signal)),
    );
    await eventually(
      () => Promise.resolve(proxy.connections === MOST_AT_ONCE || undefined),
      'all places taken',
    );
    const impatient = new AbortController();
    const waiting = rejection(runtime.inspect('impatient', impatient.signal), 'Unavailable');
    const patient = runtime.inspect('patient', signal);
    impatient.abort();
    await waiting;
    expect(proxy.connections).to.equal(MOST_AT_ONCE);
    proxy.isStalled = false;
    leaving.abort();
    await Promise.all(first);
    // It is its turn, on an engine that answers again: there is no such container.
    expect(await patient).to.equal(undefined);
  });

  it('lets a stop wait for its grace period without taking a place of the others', async () => {
    const leaving = new AbortController();
    const stops = Array.from({ length: 100 }, (_, index) =>
      rejection(runtime.stop(`task-${index}`, { gracePeriodMs: 600_000 }, leaving.signal), 'Unavailable'),
    );
    await eventually(() => Promise.resolve(proxy.connections === 100 || undefined), '100 stops under way');
    proxy.isStalled = false;
    const patient = new DockerRuntime(proxy.endpoint, systemClock);
    expect(await patient.inspect('other', signal)).to.equal(undefined);
    expect(await runtime.inspect('other', signal)).to.equal(undefined);
    leaving.abort();
    await Promise.all(stops);
  });
});
