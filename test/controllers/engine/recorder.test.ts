/** The recorder on the real registry: folding, bounds, and never being in anybody's way. */
import { expect } from 'chai';
import type { EventInput } from '../../../controllers/engine/event.ts';
import { Recorder } from '../../../controllers/engine/recorder.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { ANNOTATION_DECISION, ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import { silentLog } from '../../../machinery/log.ts';
import { withTrace } from '../../../machinery/trace.ts';
import { events } from '../../../schemas/kinds.ts';
import type { Event } from '../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../builders.ts';
import { type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

const never = new AbortController().signal;

describe('Recorder', () => {
  let world: World;
  let hooks: ClientHooks;

  beforeEach(async () => {
    world = await openWorld();
    hooks = {};
  });

  afterEach(() => world.close());

  const newRecorder = (queueLimit?: number): Recorder =>
    new Recorder({
      client: intercept(world.controllerClient('scheduler'), {
        before: (call) => hooks.before?.(call),
        after: (call) => hooks.after?.(call),
      }),
      component: 'scheduler',
      clock: world.clock,
      log: silentLog,
      metrics: world.metrics,
      ...(queueLimit === undefined ? {} : { queueLimit }),
    });
  const input = (message: string, rest: Partial<EventInput> = {}): EventInput => ({
    object: newTask('t'),
    type: 'Normal',
    reason: 'Scheduled',
    message,
    decision: { inputs: {}, verdict: 'w1 fits', action: 'bind to w1' },
    ...rest,
  });
  const stored = async (): Promise<readonly Event[]> => (await world.admin.list(events)).items;

  it('writes an Event that kubectl describe finds, with the decision and the trace', async () => {
    const recorder = newRecorder();
    const decision = { inputs: { asks: 1 }, verdict: ['w1 fits'], action: 'bind to w1' };
    withTrace({ requestId: 'r', traceId: 'e'.repeat(32) }, () =>
      recorder.record(input('bound', { decision })),
    );
    await recorder.flush(never);
    const [event] = await stored();
    expect(event?.metadata.name).to.match(/^t\.[0-9a-f]{16}$/);
    expect(event?.metadata.namespace).to.equal('default');
    expect(event?.involvedObject).to.deep.equal({
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      namespace: 'default',
      name: 't',
      uid: 'uid-t',
      resourceVersion: '1',
    });
    expect(event).to.include({
      type: 'Normal',
      reason: 'Scheduled',
      message: 'bound',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      reportingComponent: 'scheduler',
    });
    expect(JSON.parse(event?.metadata.annotations?.[ANNOTATION_DECISION] ?? '')).to.deep.equal(decision);
    expect(event?.metadata.annotations?.[ANNOTATION_TRACE]).to.equal('e'.repeat(32));
  });

  it('D2.5 says of dispatched work what it is called', async () => {
    const recorder = newRecorder();
    const object = newTask('t', {}, { metadata: { annotations: { 'gantry.dev/task-id': 'Order 1' } } });
    recorder.record(input('bound', { object }));
    await recorder.flush(never);
    const [event] = await stored();
    expect(event?.metadata.annotations).to.include({ 'gantry.dev/task-id': 'Order 1' });
  });

  it('puts Events of cluster-scoped objects into namespace default', async () => {
    const recorder = newRecorder();
    recorder.record(input('silent', { object: newWorker('w1') }));
    await recorder.flush(never);
    expect((await stored())[0]?.metadata).to.include({ namespace: 'default' });
    expect((await stored())[0]?.involvedObject).not.to.have.property('namespace');
  });

  it('folds the same happening into one Event, keeps the latest decision, and counts from the first time', async () => {
    const recorder = newRecorder();
    for (let time = 1; time <= 3; time++) {
      const decision = { inputs: { time }, verdict: 'no', action: 'wait' };
      recorder.record(input('no room', { reason: 'FailedScheduling', type: 'Warning', decision }));
      if (time > 1) await recorder.flush(never);
      await world.advance(60_000);
    }
    const all = await stored();
    expect(all).to.have.length(1);
    expect(all[0]).to.include({
      count: 3,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:02:00Z',
    });
    expect(JSON.parse(all[0]?.metadata.annotations?.[ANNOTATION_DECISION] ?? '')).to.deep.include({
      inputs: { time: 3 },
    });
  });

  it('keeps apart what differs in object, type, reason or message', async () => {
    const recorder = newRecorder();
    recorder.record(input('a'));
    recorder.record(input('b'));
    recorder.record(input('a', { type: 'Warning' }));
    recorder.record(input('a', { reason: 'Other' }));
    recorder.record(input('a', { object: newTask('u') }));
    await recorder.flush(never);
    expect(await stored()).to.have.length(5);
  });

  it('begins a new Event ten minutes after the last time', async () => {
    const recorder = newRecorder();
    recorder.record(input('a'));
    await recorder.flush(never);
    await world.advance(10 * 60_000 + 1000);
    recorder.record(input('a'));
    await recorder.flush(never);
    expect((await stored()).map((event) => event.count)).to.deep.equal([1, 1]);
  });

  it('folds across a restart', async () => {
    for (let start = 0; start < 3; start++) {
      const recorder = newRecorder();
      recorder.record(input('a'));
      await recorder.stop(never);
      await world.advance(60_000);
    }
    expect((await stored()).map((event) => event.count)).to.deep.equal([3]);
  });

  it('writes it anew when the Event it would fold into was deleted', async () => {
    const recorder = newRecorder();
    recorder.record(input('a'));
    await recorder.flush(never);
    const [event] = await stored();
    await world.admin.delete(events, { namespace: 'default', name: event?.metadata.name ?? '' });
    recorder.record(input('a'));
    await recorder.flush(never);
    expect(await stored()).to.have.length(1);
  });

  it('tries again while the server is away, then gives up and counts it; nobody waits', async () => {
    const recorder = newRecorder();
    let tries = 0;
    hooks.before = () => {
      tries++;
      if (tries <= 2) throw new ApiError('ServiceUnavailable', 'starting');
    };
    recorder.record(input('late'));
    await world.until('the Event', async () => (await stored()).length === 1);
    hooks.before = () => {
      throw new ApiError('ServiceUnavailable', 'gone');
    };
    recorder.record(input('lost'));
    await world.advance(60_000);
    await recorder.flush(never);
    expect(await dropped()).to.contain(
      'gantry_events_dropped_total{component="scheduler",cause="write_failed"} 1',
    );
  });

  it('drops at once what the server refuses for good', async () => {
    const recorder = newRecorder();
    hooks.before = () => {
      throw new ApiError('Forbidden', 'the namespace is going away');
    };
    recorder.record(input('refused'));
    await recorder.flush(never);
    expect(await dropped()).to.contain('cause="write_failed"} 1');
  });

  it('drops what does not fit into the queue, and says how much', async () => {
    const recorder = newRecorder(3);
    for (let index = 0; index < 10; index++) recorder.record(input(`m${index}`));
    await recorder.flush(never);
    expect(await stored()).to.have.length(3);
    expect(await dropped()).to.contain('cause="queue_full"} 7');
  });

  it('lets one object cause a burst of different Events, then one now and then; others are not affected', async () => {
    const recorder = newRecorder();
    for (let index = 0; index < 40; index++) recorder.record(input(`m${index}`));
    recorder.record(input('other', { object: newTask('u') }));
    await recorder.flush(never);
    expect(await stored()).to.have.length(26);
    expect(await dropped()).to.contain('cause="spam"} 15');
    await world.advance(20_000);
    recorder.record(input('later'));
    await recorder.flush(never);
    expect(await stored()).to.have.length(27);
  });

  it('stops in bounded time and takes nothing afterwards', async () => {
    const recorder = newRecorder();
    hooks.before = () => new Promise(() => undefined);
    recorder.record(input('stuck'));
    recorder.record(input('waiting'));
    const impatient = new AbortController();
    const stopping = recorder.stop(impatient.signal);
    await world.settle();
    impatient.abort();
    await stopping;
    recorder.record(input('too late'));
    expect(await dropped()).to.contain('cause="stopped"} 2');
  });

  it('cuts messages and decisions that are too long instead of losing them', async () => {
    const recorder = newRecorder();
    const decision = { inputs: { all: 'x'.repeat(20_000) }, verdict: 'no', action: 'wait' };
    recorder.record(input('y'.repeat(9_000), { decision }));
    await recorder.flush(never);
    const [event] = await stored();
    expect(event?.message?.length).to.equal(4001);
    expect(JSON.parse(event?.metadata.annotations?.[ANNOTATION_DECISION] ?? '')).to.deep.include({
      action: 'wait',
    });
  });

  const dropped = async (): Promise<string> =>
    world.metrics.getSingleMetricAsString('gantry_events_dropped_total');
});
