/** D2.9: what subscribers of the WebSocket door are told, and what they may say. */
import { expect } from 'chai';
import { FEED_IDENTITY } from '../../../api/doors/traces/feed.ts';
import { runs, tasks } from '../../../schemas/kinds.ts';
import {
  TraceClient as Client,
  OTHER,
  openTracesRig,
  TRACE,
  type TraceClient,
  type TracesRig,
  until,
} from './tracesrig.ts';

const UUID = '4bf92f35-77b3-4da6-a3ce-929d0e0e4736';

describe('the traces door', () => {
  let rig: TracesRig;
  beforeEach(async () => {
    rig = await openTracesRig();
  });
  afterEach(() => rig.close());

  const body = (client: TraceClient, at: number): Record<string, unknown> =>
    client.ofType('event')[at]?.['event'] as Record<string, unknown>;

  describe('D2.9 /ws/{trace_id}', () => {
    it('D2.9 begins with how things are, then says that it is live, then tells what happens', async () => {
      await rig.task('before');
      await rig.task('elsewhere', OTHER);
      const client = await rig.open(`/${TRACE}`);
      const live = await client.has('live');
      expect(client.frames.map(({ type }) => type)).to.deep.equal(['subscribed', 'event', 'live']);
      expect(client.frames[0]).to.deep.equal({
        type: 'subscribed',
        trace_id: TRACE,
        revision: live['revision'],
      });
      await rig.touch('before');
      await rig.touch('elsewhere');
      await rig.event('pulled');
      await rig.world.admin.delete(tasks, { namespace: 'default', name: 'before' });
      await client.has('event', 4);
      expect(client.told).to.deep.equal([
        'task current before',
        'task modified before',
        'event added pulled',
        'task deleted before',
      ]);
      const revisions = client.ofType('event').map(({ revision }) => revision as number);
      expect(revisions).to.deep.equal(revisions.toSorted((one, other) => one - other));
      expect(client.ofType('event').every((frame) => frame['trace_id'] === TRACE)).to.equal(true);
    });

    it('D2.9 tells the objects of three kinds in the words of the dispatch API, and no variables', async () => {
      const { admin } = rig.world;
      await rig.run('order', TRACE, { 'gantry.dev/task-id': 'Order 1', 'gantry.dev/request-id': 'r-1' });
      const run = await admin.get(runs, { namespace: 'default', name: 'order' });
      await admin.update(
        runs,
        {
          ...run,
          status: {
            state: 'running',
            startedAt: '2026-01-01T00:00:01Z',
            progress: 40,
            message: 'x'.repeat(2_000),
            tasks: [
              { name: 'a', state: 'completed' },
              { name: 'b', state: 'running' },
            ],
          },
        },
        { subresource: 'status' },
      );
      await admin.create(tasks, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: {
          name: 'order-b-1',
          namespace: 'default',
          labels: { 'gantry.dev/run': 'order', 'gantry.dev/step': 'b' },
        },
        spec: { image: 'busybox', env: [{ name: 'PASSWORD', value: 'hunter2' }] },
      });
      await rig.event('started');
      const client = await rig.open(`/${TRACE}`);
      await client.has('live');
      const [told, event] = [body(client, 0), body(client, 1)];
      expect(told).to.deep.include({
        change: 'current',
        namespace: 'default',
        name: 'order',
        task_id: 'Order 1',
        request_id: 'r-1',
        work_type: 'fib',
        trigger: 'Manual',
        status: 'running',
        progress: 40,
        steps: { total: 2, completed: 1, running: 1 },
        started_at: '2026-01-01T00:00:01Z',
        at: '2026-01-01T00:00:01Z',
      });
      expect(String(told['message'])).to.have.length(1_024);
      expect(event).to.deep.include({
        object: { kind: 'Task', namespace: 'default', name: 'hello' },
        level: 'normal',
        reason: 'Pulled',
        message: 'pulled it',
        count: 1,
        component: 'agent',
        at: '2026-01-01T00:00:05Z',
      });
      // Made in no trace of a request: it is not told at all.
      expect(client.told).to.deep.equal(['run current order', 'event current started']);
    });

    it('D2.9 tells a task with its run, step, worker and exit code, and never its environment', async () => {
      const { admin } = rig.world;
      await rig.task('t');
      const made = await admin.get(tasks, { namespace: 'default', name: 't' });
      await admin.update(tasks, {
        ...made,
        metadata: { ...made.metadata, labels: { 'gantry.dev/run': 'order', 'gantry.dev/step': 'b' } },
      });
      await rig.touch('t', {
        phase: 'Failed',
        reason: 'Error',
        workerName: 'w1',
        restartCount: 2,
        container: { id: 'c'.repeat(64), exitCode: 3, finishedAt: '2026-01-01T00:00:09Z' },
      });
      const client = await rig.open(`/${TRACE}`);
      await client.has('live');
      expect(body(client, 0)).to.deep.equal({
        change: 'current',
        namespace: 'default',
        name: 't',
        run: 'order',
        step: 'b',
        status: 'failed',
        reason: 'Error',
        worker: 'w1',
        container_id: 'c'.repeat(64),
        exit_code: 3,
        restart_count: 2,
        ended_at: '2026-01-01T00:00:09Z',
        at: '2026-01-01T00:00:09Z',
      });
    });

    it('D2.9 takes the id as a UUID and in capitals, too', async () => {
      for (const id of [UUID, TRACE.toUpperCase()]) {
        const client = await rig.open(`/${id}`);
        expect(await client.has('subscribed')).to.include({ trace_id: TRACE });
      }
    });

    it('D2.9 follows an object into another trace', async () => {
      await rig.task('moves');
      const [here, there] = [await rig.open(`/${TRACE}`), await rig.open(`/${OTHER}`)];
      await Promise.all([here.has('live'), there.has('live')]);
      const { admin } = rig.world;
      const { withTrace } = await import('../../../machinery/trace.ts');
      await withTrace({ requestId: 'r', traceId: OTHER }, () =>
        admin.patch(
          tasks,
          { namespace: 'default', name: 'moves' },
          { type: 'merge', body: { spec: { image: 'y' } } },
        ),
      );
      await there.has('event');
      expect([here.told, there.told]).to.deep.equal([['task current moves'], ['task modified moves']]);
      const late = await rig.open(`/${TRACE}`);
      await late.has('live');
      expect(late.told).to.deep.equal([]);
    });
  });

  describe('D2.9 what a client says', () => {
    it('D2.9 subscribes and unsubscribes as it likes on one connection', async () => {
      const client = await rig.open();
      client.say({ action: 'subscribe', trace_id: TRACE });
      client.say({ action: 'subscribe', trace_id: OTHER });
      await client.has('live', 2);
      await rig.task('one');
      await rig.task('two', OTHER);
      await client.has('event', 2);
      client.say({ action: 'unsubscribe', trace_id: UUID });
      const gone = await client.has('unsubscribed');
      expect(gone).to.include({ trace_id: TRACE });
      expect(gone['revision']).to.be.at.least(Number(client.ofType('event')[1]?.['revision']));
      await rig.touch('one');
      await rig.touch('two');
      await client.has('event', 3);
      expect(client.told).to.deep.equal(['task added one', 'task added two', 'task modified two']);
    });

    it('D2.9 pings, and hears where it could resume', async () => {
      const client = await rig.open();
      client.say({ action: 'ping' });
      expect(await client.has('pong')).to.deep.equal({ type: 'pong' });
      client.say({ action: 'subscribe', trace_id: TRACE });
      await client.has('live');
      await rig.task('one');
      const { revision } = await client.has('event');
      client.say({ action: 'ping' });
      expect((await client.has('pong', 2))['revision']).to.be.at.least(Number(revision));
    });

    it('D2.9 the idle feed moves on, so that a place to resume from stays young', async () => {
      const client = await rig.open(`/${TRACE}`);
      const { revision } = await client.has('live');
      const { revision: later } = await rig
        .task('x', OTHER)
        .then((task) => ({ revision: Number(task.metadata.resourceVersion) }));
      await until('a pong that is newer', async () => {
        client.say({ action: 'ping' });
        const pongs = client.ofType('pong').length;
        await client.has('pong', pongs + 1);
        return Number(client.ofType('pong').at(-1)?.['revision']) >= later;
      });
      expect(later).to.be.above(Number(revision));
    });

    for (const [what, message, code, says] of [
      ['no JSON', 'hello', 1009, /found no JSON/],
      ['no object', [1], 1009, /found no JSON object/],
      ['an unknown field', { action: 'ping', colour: 'red' }, 1009, /^colour: no such field/],
      ['no action', {}, 1009, /^action: found none, wanted subscribe, unsubscribe or ping/],
      ['another action', { action: 'dance' }, 1009, /^action: found "dance"/],
      ['no trace', { action: 'subscribe' }, 1006, /^trace_id: found none, wanted 32 hex digits/],
      ['a trace that is none', { action: 'unsubscribe', trace_id: 'x' }, 1006, /^trace_id: found "x"/],
      [
        'a revision that is none',
        { action: 'subscribe', trace_id: TRACE, from_revision: -1 },
        1007,
        /^from_revision: found -1/,
      ],
      [
        'a trace it never subscribed to',
        { action: 'unsubscribe', trace_id: TRACE },
        2001,
        /^not subscribed to/,
      ],
    ] as const) {
      it(`D2.9 that is ${what}, is told so and stays connected`, async () => {
        const client = await rig.open();
        client.say(message);
        const error = await client.has('error');
        expect(error).to.include({ error_code: code, trace_id: '' });
        expect(error['message']).to.match(says);
        client.say({ action: 'ping' });
        await client.has('pong');
      });
    }

    it('D2.9 that is binary, is told so', async () => {
      const client = await rig.open();
      client.webSocket.send(Buffer.from('{"action":"ping"}'));
      expect(await client.has('error')).to.include({
        error_code: 1009,
        message: 'found a binary message, wanted text',
      });
    });

    it('D2.9 subscribing twice is told, and changes nothing', async () => {
      const client = await rig.open(`/${TRACE}`);
      client.say({ action: 'subscribe', trace_id: TRACE });
      expect(await client.has('error')).to.include({ error_code: 2002, trace_id: TRACE });
      await client.has('live');
      await rig.task('one');
      await client.has('event');
      expect(client.told).to.deep.equal(['task added one']);
    });
  });

  describe('D2.9 resuming', () => {
    it('D2.9 replays what happened since, without gap or repeat, and then joins what happens', async () => {
      const first = await rig.open(`/${TRACE}`);
      await first.has('live');
      await rig.task('one');
      const { revision } = await first.has('event');
      await first.end();
      await rig.touch('one');
      await rig.task('else', OTHER);
      await rig.event('e');
      const again = await rig.open(`/${TRACE}?from_revision=${String(revision)}`);
      await again.has('live');
      await rig.touch('one', { phase: 'Succeeded' });
      await again.has('event', 3);
      expect(again.frames[0]).to.deep.equal({ type: 'subscribed', trace_id: TRACE, revision });
      expect(again.told).to.deep.equal(['task modified one', 'event added e', 'task modified one']);
    });

    it('D2.9 from now replays nothing', async () => {
      const first = await rig.open(`/${TRACE}`);
      const { revision } = await first.has('live');
      first.say({ action: 'unsubscribe', trace_id: TRACE });
      first.say({ action: 'subscribe', trace_id: TRACE, from_revision: revision });
      await first.has('live', 2);
      await rig.task('one');
      await first.has('event');
      expect(first.told).to.deep.equal(['task added one']);
    });

    it('D2.9 from a revision that nobody has written yet is told after some patience', async () => {
      const client = await rig.open();
      client.say({ action: 'subscribe', trace_id: TRACE, from_revision: 1_000_000 });
      await until('its patience to end', async () => {
        await rig.world.advance(100);
        return client.ofType('error').length > 0;
      });
      expect(await client.has('error')).to.include({ error_code: 5004, trace_id: TRACE });
      expect(await client.has('unsubscribed')).to.include({ trace_id: TRACE });
    });

    it('D2.9 from a revision that the store has forgotten is told how to go on', async () => {
      await rig.close();
      rig = await openTracesRig({ cacheLimits: { maxChanges: 2, maxChangeBytes: 1e6 } });
      const other = await rig.open();
      const made = await rig.task('one');
      for (let at = 0; at < 5; at++) await rig.touch('one', { phase: 'Running', message: String(at) });
      await rig.world.store.compact(rig.world.store.revision());
      other.say({
        action: 'subscribe',
        trace_id: TRACE,
        from_revision: Number(made.metadata.resourceVersion),
      });
      expect(await other.has('error')).to.include({ error_code: 2004, trace_id: TRACE });
      expect(String(other.ofType('error')[0]?.['message'])).to.match(/subscribe without from_revision/);
      expect(await other.has('unsubscribed')).to.deep.equal({ type: 'unsubscribed', trace_id: TRACE });
    });
  });

  describe('D2.9 before the connection is a WebSocket', () => {
    it('D2.9 a trace id that is none is 400', async () => {
      const { status, body: said } = await rig.refused('/xyz');
      expect(status).to.equal(400);
      expect(said).to.include({ error_code: 1006 });
      expect(said['message']).to.match(/^trace_id: found "xyz"/);
      expect(said['trace_id']).to.match(/^[0-9a-f]{32}$/);
    });

    it('D2.9 a revision that is none is 400', async () => {
      const { status, body: said } = await rig.refused(`/${TRACE}?from_revision=abc`);
      expect([status, said['error_code']]).to.deep.equal([400, 1007]);
    });

    it('D2.9 an ordinary request is 426 and says what is wanted', async () => {
      const answer = await rig.ask('GET', `/ws/${TRACE}`);
      expect(answer.status).to.equal(426);
      expect(answer.headers).to.include({ upgrade: 'websocket', 'content-type': 'application/json' });
      expect(answer.json()).to.have.all.keys('error_code', 'message', 'trace_id');
      expect(answer.json()['error_code']).to.equal(1010);
    });

    it('D2.9 a broken handshake is 400, other methods 405, deeper paths 404', async () => {
      const broken = await rig.ask('GET', `/ws/${TRACE}`, {
        headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '12' },
      });
      expect([broken.status, broken.json()['error_code']]).to.deep.equal([400, 1010]);
      expect((await rig.ask('POST', '/ws')).json()).to.include({ error_code: 1008 });
      expect((await rig.ask('GET', `/ws/${TRACE}/x`)).json()).to.include({ error_code: 2001 });
    });

    it('D2.9 the subprotocol that browsers need beside a token is answered with', async () => {
      const client = await Client.open(rig.url, ['traces.gantry.dev', 'other']);
      expect(client.webSocket.protocol).to.equal('traces.gantry.dev');
      await client.end();
    });
  });

  it('D2.9 the feed begins with the first subscriber and ends with the last', async () => {
    await rig.task('one');
    const watchers = async (): Promise<number> => rig.metric('gantry_trace_objects');
    expect(await watchers()).to.equal(0);
    const [one, two] = [await rig.open(`/${TRACE}`), await rig.open(`/${TRACE}`)];
    await Promise.all([one.has('live'), two.has('live')]);
    expect(await watchers()).to.equal(1);
    expect(await rig.metric('gantry_trace_subscriptions')).to.equal(2);
    await one.end();
    expect(await watchers()).to.equal(1);
    await two.end();
    await until('the feed to end', async () => (await watchers()) === 0);
    expect(FEED_IDENTITY.name).to.equal('system:controller:traces');
    const again = await rig.open(`/${TRACE}`);
    await again.has('live');
    expect(again.told).to.deep.equal(['task current one']);
  });
});
