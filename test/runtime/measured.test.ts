import { expect } from 'chai';
import { sleep } from '../../machinery/clock.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';
import { measuredRuntime } from '../../runtime/measured.ts';
import { collect, rejection } from './expectations.ts';

describe('measuredRuntime', () => {
  const { signal } = new AbortController();

  function make(): { fake: FakeRuntime; runtime: Runtime; clock: FakeClock; tell: () => Promise<string> } {
    const clock = new FakeClock();
    const metrics = newMetrics();
    const fake = new FakeRuntime({ clock, random: seededRandom(1) });
    return { fake, clock, runtime: measuredRuntime(fake, metrics, clock), tell: () => metrics.metrics() };
  }

  it('counts and times calls', async () => {
    const { fake, runtime, clock, tell } = make();
    fake.hooks = { before: () => sleep(clock, 300) };
    const listing = runtime.list({}, signal);
    clock.advance(300);
    await listing;
    const text = await tell();
    expect(text).to.include('gantry_runtime_operations_total{operation="list"} 1');
    expect(text).to.include('gantry_runtime_operation_duration_seconds_sum{operation="list"} 0.3');
    expect(text).to.include('gantry_runtime_operation_duration_seconds_bucket{le="0.25",operation="list"} 0');
    expect(text).to.include('gantry_runtime_operation_duration_seconds_bucket{le="0.5",operation="list"} 1');
    expect(text).to.not.include('gantry_runtime_operation_errors_total{');
  });

  it('counts failures by reason, and times them', async () => {
    const { fake, runtime, tell } = make();
    await rejection(runtime.start('missing', signal), 'NotFound');
    await rejection(runtime.start('missing', AbortSignal.abort()), 'Unavailable');
    fake.hooks = {
      before: () => {
        throw new TypeError('a bug');
      },
    };
    const thrown = await runtime.start('missing', signal).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(TypeError);
    const text = await tell();
    expect(text).to.include('gantry_runtime_operations_total{operation="start"} 3');
    for (const reason of ['NotFound', 'Aborted', 'Unknown']) {
      expect(text).to.include(
        `gantry_runtime_operation_errors_total{operation="start",reason="${reason}"} 1`,
      );
    }
    expect(text).to.include('gantry_runtime_operation_duration_seconds_count{operation="start"} 3');
  });

  it('counts streams and their failures, listens from the call on, and times none', async () => {
    const { fake, runtime, tell } = make();
    fake.engine.addImage('app:1');
    const reading = new AbortController();
    const stream = runtime.events({}, reading.signal);
    fake.engine.create({
      name: 'app',
      image: 'app:1',
      labels: {},
      env: [],
      ports: [],
      resources: {},
      networkMode: 'none',
      privileged: false,
      readOnlyRootFilesystem: false,
      capabilities: { add: [], drop: [] },
    });
    fake.cutEventStreams();
    const seen: string[] = [];
    const read = async (): Promise<void> => {
      for await (const event of stream) seen.push(event.action);
    };
    await rejection(read(), 'Unavailable');
    expect(seen).to.deep.equal(['create']);
    await rejection(collect(runtime.logs('missing', {}, signal)), 'NotFound');
    const text = await tell();
    expect(text).to.include('gantry_runtime_operations_total{operation="events"} 1');
    expect(text).to.include(
      'gantry_runtime_operation_errors_total{operation="events",reason="Unavailable"} 1',
    );
    expect(text).to.include('gantry_runtime_operation_errors_total{operation="logs",reason="NotFound"} 1');
    expect(text).to.not.include('gantry_runtime_operation_duration_seconds_count');
  });

  it('hands every operation on', async () => {
    const { fake, runtime } = make();
    const called: string[] = [];
    fake.hooks = { before: (call) => void called.push(call.operation) };
    fake.engine.publish('app:1');
    await runtime.pull('app:1', {}, signal);
    await runtime.image('app:1', signal);
    const { id } = await runtime.create(
      {
        name: 'app',
        image: 'app:1',
        labels: {},
        env: [],
        ports: [],
        resources: {},
        networkMode: 'none',
        privileged: false,
        readOnlyRootFilesystem: false,
        capabilities: { add: [], drop: [] },
      },
      signal,
    );
    await runtime.start(id, signal);
    await runtime.unpause(id, signal);
    const options = { stdin: false, stdout: true, stderr: true, tty: false };
    await (await runtime.exec(id, ['echo'], options, signal)).ended;
    (await runtime.attach(id, options, signal)).close();
    await runtime.stats(id, signal);
    await runtime.figures([id], signal);
    await rejection(runtime.dial(id, 80, signal), 'Failed');
    await runtime.update(id, { cpuShares: 2 }, signal);
    await runtime.rename(id, 'other', signal);
    await runtime.stop(id, { gracePeriodMs: 0 }, signal);
    await runtime.inspect(id, signal);
    await runtime.info(signal);
    await collect(runtime.logs(id, {}, signal));
    await runtime.remove(id, signal);
    expect(called).to.deep.equal([
      'pull',
      'image',
      'create',
      'start',
      'unpause',
      'exec',
      'attach',
      'stats',
      'figures',
      'dial',
      'update',
      'rename',
      'stop',
      'inspect',
      'info',
      'logs',
      'remove',
    ]);
  });
});
