/** D2.9: who is let go, who may see what, and what a busy trace costs those who do not listen to it. */
import type { Socket } from 'node:net';
import { expect } from 'chai';
import {
  BEAT_MS,
  MAX_AGE_MS,
  MAX_BUFFERED_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_SUBSCRIPTIONS,
} from '../../../api/doors/traces/connection.ts';
import type { FeedRegistry } from '../../../api/doors/traces/feed.ts';
import { TraceHub } from '../../../api/doors/traces/hub.ts';
import { GOOD_MS, Rights, type RightsRegistry } from '../../../api/doors/traces/rights.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { withTrace } from '../../../machinery/trace.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  roleBindings,
  tasks,
} from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';
import { OTHER, openTracesRig, TRACE, type TracesRig, until } from './tracesrig.ts';
import { connect } from './traceswire.ts';

const someone: Identity = { name: 'anna', groups: ['system:authenticated'] };

/** Lets anna watch Runs: in one namespace, or with none in all. */
async function allow(world: World, namespace?: string): Promise<void> {
  const { admin } = world;
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'watcher' },
  };
  await admin.create(clusterRoles, {
    ...role,
    rules: [{ verbs: ['watch'], apiGroups: ['gantry.dev'], resources: ['runs'] }],
  });
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    subjects: [{ kind: 'User' as const, apiGroup: 'rbac.authorization.k8s.io', name: 'anna' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole' as const, name: 'watcher' },
  };
  if (namespace === undefined) {
    await admin.create(clusterRoleBindings, {
      ...binding,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'anna' },
    });
  } else {
    await admin.create(roleBindings, {
      ...binding,
      kind: 'RoleBinding',
      metadata: { name: 'anna', namespace },
    });
  }
}

async function forbid({ admin }: World, namespace?: string): Promise<void> {
  if (namespace === undefined) await admin.delete(clusterRoleBindings, { name: 'anna' });
  else await admin.delete(roleBindings, { name: 'anna', namespace });
}

async function addNamespace({ admin }: World, name: string): Promise<void> {
  await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

describe('the traces door: rights', () => {
  let rig: TracesRig;
  beforeEach(async () => {
    rig = await openTracesRig({ identity: someone });
  });
  afterEach(() => rig.close());

  it('D2.9 who may watch no runs anywhere is refused before the connection is a WebSocket', async () => {
    const { status, body } = await rig.refused(`/${TRACE}`);
    expect([status, body['error_code']]).to.deep.equal([403, 4003]);
    expect(body['message']).to.match(/cannot watch resource "runs"/);
  });

  it('D2.9 nobody is 401 in the same form', () => {
    const { code, body } = rig.door.describeError(new ApiError('Unauthorized', 'Unauthorized'));
    expect([code, (body as { error_code: number }).error_code]).to.deep.equal([401, 4001]);
    expect(rig.door.describeError(new ApiError('InternalError', 'secret detail')).body).to.deep.equal({
      error_code: 5000,
      message: 'internal error: the server log tells more under this trace_id',
      trace_id: '',
    });
  });

  it('D2.9 what is in a namespace whose runs one may not watch is not told', async () => {
    await addNamespace(rig.world, 'mine');
    await allow(rig.world, 'mine');
    const make = (namespace: string, name: string) =>
      withTrace({ requestId: 'r', traceId: TRACE }, () =>
        rig.world.admin.create(tasks, taskManifest(name, {}, { namespace })),
      );
    await make('default', 'hidden');
    await make('mine', 'shown');
    const client = await rig.open(`/${TRACE}`);
    await client.has('live');
    await make('default', 'hidden-too');
    await make('mine', 'shown-too');
    await client.has('event', 2);
    expect(client.told).to.deep.equal(['task current shown', 'task added shown-too']);
  });

  it('D2.9 a right that is taken away ends the subscription when the next thing happens', async () => {
    await allow(rig.world);
    await rig.task('one');
    const client = await rig.open(`/${TRACE}`);
    await client.has('live');
    await forbid(rig.world);
    await rig.world.advance(GOOD_MS);
    await rig.touch('one');
    expect(await client.has('error')).to.include({ error_code: 4003, trace_id: TRACE });
    expect(await client.has('unsubscribed')).to.include({ trace_id: TRACE });
    expect(client.told).to.deep.equal(['task current one']);
    client.say({ action: 'subscribe', trace_id: TRACE });
    expect(await client.has('error', 2)).to.include({ error_code: 4003, trace_id: TRACE });
  });

  for (const [what, shows] of [
    ['of which something was told', true],
    ['of which nothing was told yet', false],
  ] as const) {
    it(`D2.9 and at the next beat when nothing happens in a trace ${what}`, async () => {
      await allow(rig.world, shows ? 'default' : undefined);
      if (shows) await rig.task('one');
      const client = await rig.open(`/${TRACE}`);
      await client.has('live');
      await rig.world.advance(BEAT_MS);
      expect(client.ofType('error')).to.deep.equal([]);
      await forbid(rig.world, shows ? 'default' : undefined);
      await rig.world.advance(BEAT_MS);
      expect(await client.has('error')).to.include({ error_code: 4003 });
    });
  }

  it('D2.9 many subscriptions of one connection ask once what their user may see', async () => {
    const { world } = rig;
    let lists = 0;
    const counting: RightsRegistry = {
      authorize: (...asked) => world.registry.authorize(...asked),
      as: (identity) => {
        lists++;
        return world.registry.as(identity);
      },
    };
    await allow(world, 'default');
    const rights = new Rights(counting, world.clock, someone);
    const asked = await Promise.all([rights.mayAnywhere(), rights.mayAnywhere(), rights.mayAnywhere()]);
    expect([asked, lists]).to.deep.equal([[true, true, true], 1]);
    await forbid(world, 'default');
    await world.advance(GOOD_MS);
    expect([await rights.mayAnywhere(), lists]).to.deep.equal([false, 2]);
  });

  it('D2.9 a fault of the authorizer is no permission', async () => {
    const { world } = rig;
    const broken: RightsRegistry = {
      as: (identity) => world.registry.as(identity),
      authorize: () => {
        throw new ApiError('InternalError', 'broken');
      },
    };
    const hub = new TraceHub(world.registry, silentLog);
    const { wire, connection } = connect(world, hub, [], {
      rights: new Rights(broken, world.clock, someone),
    });
    connection.subscribe(TRACE, undefined);
    await until('the refusal', () => wire.ofType('error').length === 1);
    expect(wire.ofType('error')[0]).to.include({ error_code: 5000 });
    wire.terminate();
  });
});

describe('the traces door: bounds', () => {
  let world: World;
  let hub: TraceHub;
  let drops: string[];
  beforeEach(async () => {
    world = await openWorld();
    hub = new TraceHub(world.registry, silentLog);
    drops = [];
  });
  afterEach(() => world.close());

  /** A feed begins, is put together and told in turns of their own. */
  const rest = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn++) await world.settle();
  };

  const task = (name: string, traceId = TRACE) =>
    withTrace({ requestId: 'r', traceId }, () => world.admin.create(tasks, taskManifest(name)));

  it('D2.9 a client that takes too little is let go with where to resume, and loses nothing', async () => {
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    await rest();
    const first = await task('one');
    await rest();
    wire.isStuck = true;
    wire.bufferedAmount = MAX_BUFFERED_BYTES;
    await task('two');
    for (let at = 0; at < 1_001; at++) await task(`more${at}`);
    await rest();
    const revision = Number(first.metadata.resourceVersion);
    expect(wire.goodbye?.code).to.equal(1013);
    expect(wire.goodbye?.reason).to.match(/^too slow; resume from revision \d+$/);
    const from = Number(wire.goodbye?.reason.split(' ').at(-1));
    expect(from).to.be.at.least(revision);
    expect(drops).to.deep.equal(['slow']);
    const again = connect(world, hub, drops);
    again.connection.subscribe(TRACE, from);
    await rest();
    const told = again.wire.ofType('event').map(({ event }) => (event as { name: string }).name);
    expect([told[0], told.at(-1), told.length]).to.deep.equal(['two', 'more1000', 1_002]);
    again.wire.terminate();
  });

  it('D2.9 one that catches up too slowly while much happens is let go as well', async () => {
    for (let at = 0; at < 3; at++) await task(`t${at}`);
    const { wire, connection } = connect(world, hub, drops);
    wire.bufferedAmount = 200_000;
    connection.subscribe(TRACE, undefined);
    await rest();
    expect(wire.ofType('event')).to.deep.equal([]);
    for (let at = 0; at < 1_001; at++) await task(`more${at}`);
    await rest();
    expect(wire.goodbye).to.deep.equal({ code: 1013, reason: 'too slow' });
  });

  it('D2.9 the past is sent no faster than it is taken', async () => {
    for (let at = 0; at < 5; at++) await task(`t${at}`);
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    wire.isStuck = true;
    wire.bufferedAmount = 128 * 1024;
    await rest();
    const sent = wire.ofType('event').length;
    expect(sent).to.be.below(5);
    wire.take();
    await rest();
    wire.take();
    await rest();
    expect([wire.ofType('event').length, wire.ofType('live').length]).to.deep.equal([5, 1]);
    wire.terminate();
  });

  it('D2.9 what happens while the past is sent waits its turn, once', async () => {
    for (let at = 0; at < 2; at++) await task(`t${at}`);
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    wire.isStuck = true;
    wire.bufferedAmount = 128 * 1024;
    await rest();
    await task('meanwhile');
    await task('and-then');
    await rest();
    wire.take();
    await rest();
    await task('live');
    await rest();
    const told = wire.ofType('event').map(({ event }) => (event as { name: string }).name);
    expect(told).to.deep.equal(['t0', 't1', 'meanwhile', 'and-then', 'live']);
    wire.terminate();
  });

  it('D2.9 a burst waits for the client to take it, and is told in order', async () => {
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    await rest();
    wire.isStuck = true;
    wire.bufferedAmount = MAX_BUFFERED_BYTES;
    for (let at = 0; at < 900; at++) await task(`t${at}`);
    await rest();
    expect([wire.ofType('event').length, drops]).to.deep.equal([0, []]);
    wire.take();
    await rest();
    await task('last');
    await rest();
    const told = wire.ofType('event').map(({ event }) => (event as { name: string }).name);
    expect(told).to.deep.equal([...Array.from({ length: 900 }, (_, at) => `t${at}`), 'last']);
    wire.terminate();
  });

  it('D2.9 all subscriptions of a connection go on once the client has taken what waits', async () => {
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    connection.subscribe(OTHER, undefined);
    await rest();
    wire.isStuck = true;
    wire.bufferedAmount = MAX_BUFFERED_BYTES;
    await task('one');
    await task('other', OTHER);
    await rest();
    wire.take();
    await rest();
    const told = wire.ofType('event').map(({ event }) => (event as { name: string }).name);
    expect(told.toSorted()).to.deep.equal(['one', 'other']);
    wire.terminate();
  });

  it('D2.9 a client that asks and asks and reads no answer is let go', async () => {
    const { wire } = connect(world, hub, drops);
    wire.isStuck = true;
    wire.bufferedAmount = MAX_BUFFERED_BYTES + 1;
    wire.say({ action: 'ping' });
    expect([wire.goodbye, drops]).to.deep.equal([{ code: 1013, reason: 'too slow' }, ['slow']]);
    await rest();
  });

  it('D2.9 a dead client is noticed by pings and let go', async () => {
    const { wire } = connect(world, hub, drops);
    await world.advance(BEAT_MS * 5);
    expect([wire.readyState, wire.pings]).to.deep.equal([1, 5]);
    wire.isDead = true;
    await world.advance(BEAT_MS * 3);
    expect([wire.readyState, drops]).to.deep.equal([3, ['dead']]);
  });

  it('D2.9 a client that cannot be sent to is let go', async () => {
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    await rest();
    wire.isFailing = true;
    await task('one');
    await rest();
    expect([wire.readyState, drops]).to.deep.equal([3, ['failed']]);
    await task('two');
    await rest();
    expect(hub.isRunning).to.equal(false);
  });

  it('D2.9 a client that says too much is let go, one that says it slowly is not', async () => {
    const { wire } = connect(world, hub, drops);
    for (let at = 0; at < 500; at++) {
      wire.say({ action: 'ping' });
      await world.advance(50);
    }
    expect(wire.goodbye).to.equal(undefined);
    for (let at = 0; at < 101; at++) wire.say({ action: 'ping' });
    expect(wire.goodbye).to.deep.equal({ code: 1008, reason: 'more than 20 messages a second' });
    expect(drops).to.deep.equal(['noisy']);
    for (let at = 0; at < 200; at++) wire.emit('ping');
    expect(drops).to.deep.equal(['noisy']);
  });

  it('D2.9 a connection has so many subscriptions and no more', async () => {
    const { wire, connection } = connect(world, hub, drops);
    for (let at = 0; at <= MAX_SUBSCRIPTIONS; at++) {
      connection.subscribe(at.toString(16).padStart(32, 'a'), undefined);
    }
    expect(wire.ofType('error')[0]).to.include({ error_code: 4029 });
    await rest();
    expect(wire.ofType('live')).to.have.length(MAX_SUBSCRIPTIONS);
    wire.terminate();
  });

  it('D2.9 after an hour who asks is asked for again', async () => {
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    await rest();
    await world.advance(MAX_AGE_MS);
    expect(wire.goodbye?.code).to.equal(1013);
    expect(wire.goodbye?.reason).to.match(/^connect again: .*; resume from revision \d+$/);
    expect(Buffer.byteLength(wire.goodbye?.reason ?? '')).to.be.at.most(123);
  });

  it('D2.9 who does not answer a goodbye is cut off', async () => {
    const { wire, connection } = connect(world, hub, drops);
    wire.isDead = true;
    connection.stop();
    expect(wire.goodbye).to.deep.equal({ code: 1001, reason: 'the server is stopping' });
    connection.stop();
    wire.say({ action: 'ping' });
    connection.overrun();
    await world.advance(2_000);
    expect(wire.readyState).to.equal(3);
    await connection.closed;
  });

  it('D2.9 unsubscribing while the past is read leaves nothing behind', async () => {
    const first = await task('one');
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, Number(first.metadata.resourceVersion) - 1);
    wire.say({ action: 'unsubscribe', trace_id: TRACE });
    await rest();
    expect(wire.sent.map(({ type }) => type)).to.deep.equal(['unsubscribed']);
    expect(hub.isRunning).to.equal(false);
    wire.emit('error', new Error('a broken frame'));
    wire.terminate();
  });

  it('D2.9 more than can be replayed is told, with how to go on', async () => {
    const many = 21;
    const name = { namespace: 'default', name: 'busy' };
    const first = await task('busy');
    for (let at = 0; at < many; at++) {
      const busy = await world.admin.get(tasks, name);
      await world.admin.update(
        tasks,
        { ...busy, status: { message: String(at) } },
        { subresource: 'status' },
      );
    }
    const { wire, connection } = connect(world, hub, drops, { mostReplayed: 20 });
    connection.subscribe(TRACE, Number(first.metadata.resourceVersion));
    await until('the refusal', () => wire.ofType('error').length === 1);
    expect(wire.ofType('error')[0]).to.include({ error_code: 2004 });
    expect(String(wire.ofType('error')[0]?.['message'])).to.match(
      /more than 20 .* subscribe without from_revision/,
    );
    expect(wire.ofType('event')).to.deep.equal([]);
    wire.terminate();
  });

  it('D2.9 when the feed breaks, every subscriber is told where to resume, and a new one begins anew', async () => {
    const { wire, connection } = connect(world, hub, drops);
    let breakFeed: (error: Error) => void = () => undefined;
    const breaking: FeedRegistry = {
      findKind: (...words) => world.registry.findKind(...words),
      watch: async (...words: Parameters<FeedRegistry['watch']>) => {
        const watch = await world.registry.watch(...words);
        const broken = new Promise<never>((_, reject) => {
          breakFeed = reject;
        });
        broken.catch(() => undefined);
        return {
          [Symbol.asyncIterator]: () => {
            const inner = watch[Symbol.asyncIterator]();
            return {
              next: () => Promise.race([inner.next(), broken]),
              return: () => inner.return?.() ?? Promise.resolve({ done: true as const, value: undefined }),
            };
          },
        };
      },
    };
    const fragile = new TraceHub(breaking, silentLog);
    const other = connect(world, fragile, drops);
    other.connection.subscribe(TRACE, undefined);
    connection.subscribe(TRACE, undefined);
    await rest();
    breakFeed(new ApiError('Expired', 'the watch is too slow'));
    await rest();
    expect(other.wire.sent.map(({ type }) => type)).to.deep.equal([
      'subscribed',
      'live',
      'error',
      'unsubscribed',
    ]);
    expect(fragile.isRunning).to.equal(false);
    other.connection.subscribe(TRACE, undefined);
    await rest();
    expect(other.wire.ofType('live')).to.have.length(2);
    breakFeed(new Error('something inside'));
    await rest();
    expect(other.wire.ofType('error')[1]).to.include({ error_code: 5000 });
    expect(other.wire.ofType('unsubscribed')[1]).to.have.property('revision');
    for (const one of [wire, other.wire]) one.terminate();
  });

  it('D2.9 a kind that is not served yet is told', async () => {
    const without: FeedRegistry = {
      watch: (...words) => world.registry.watch(...words),
      findKind: () => undefined,
    };
    const { wire, connection } = connect(world, new TraceHub(without, silentLog), drops);
    connection.subscribe(TRACE, undefined);
    await rest();
    expect(wire.ofType('error')[0]).to.include({
      error_code: 5003,
      message: 'runs are not served yet; try again',
    });
    wire.terminate();
  });

  it('D2.9 many objects are read in turns', async () => {
    for (let at = 0; at < 1_100; at++) await task(`t${at}`, at % 2 === 0 ? TRACE : OTHER);
    const { wire, connection } = connect(world, hub, drops);
    connection.subscribe(TRACE, undefined);
    await until('the beginning', () => wire.ofType('live').length === 1);
    expect([wire.ofType('event').length, hub.size]).to.deep.equal([550, 1_100]);
    wire.terminate();
  }).timeout(30_000);
});

describe('the traces door: connections', function () {
  this.timeout(60_000);
  let rig: TracesRig;
  beforeEach(async () => {
    rig = await openTracesRig();
  });
  afterEach(() => rig.close());

  it('D2.9 a message that is too long ends the connection', async () => {
    const client = await rig.open();
    client.say('x'.repeat(MAX_MESSAGE_BYTES + 1));
    expect(await client.closed).to.deep.include({ code: 1009 });
  });

  it('D2.9 a server that stops says goodbye and where to resume', async () => {
    const client = await rig.open(`/${TRACE}`);
    await client.has('live');
    const stopped = rig.listener.stop(5_000);
    const { code, reason } = await client.closed;
    expect(code).to.equal(1001);
    expect(reason).to.match(/^the server is stopping; resume from revision \d+$/);
    await stopped;
  });

  it('D2.10 a door that closes ends every connection, and says so', async () => {
    const clients = [await rig.open(`/${TRACE}`), await rig.open()];
    await clients[0]?.has('live');
    await rig.door.close();
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    expect(codes).to.deep.equal([1001, 1001]);
  });

  it('D2.11 a busy trace writes to its own 10 of 1,000 subscribers and to nobody else, and forgets them', async () => {
    const SUBSCRIBERS = 1_000;
    const LISTENERS = 10;
    const CHANGES = 200;
    const quiet = (at: number): string => at.toString(16).padStart(32, 'a');
    const clients = [];
    for (let at = 0; at < SUBSCRIBERS; at++) {
      clients.push(await rig.open(`/${at < LISTENERS ? TRACE : quiet(at)}`));
    }
    await Promise.all(clients.map((client) => client.has('live')));
    const sockets = clients.map(({ webSocket }) => (webSocket as unknown as { _socket: Socket })._socket);
    const before = sockets.map(({ bytesRead }) => bytesRead);
    const framesBefore = await rig.metric('gantry_trace_frames_total');
    await rig.task('busy');
    for (let at = 1; at < CHANGES; at++) await rig.touch('busy', { phase: 'Running', message: String(at) });
    await Promise.all(clients.slice(0, LISTENERS).map((client) => client.has('event', CHANGES)));
    const written = sockets.map(({ bytesRead }, at) => bytesRead - (before[at] ?? 0));
    expect(written.slice(0, LISTENERS).every((bytes) => bytes > 0)).to.equal(true);
    expect(written.slice(LISTENERS).filter((bytes) => bytes !== 0)).to.deep.equal([]);
    expect((await rig.metric('gantry_trace_frames_total')) - framesBefore).to.equal(CHANGES * LISTENERS);
    expect(await rig.metric('gantry_trace_connections')).to.equal(SUBSCRIBERS);
    expect(await rig.metric('gantry_trace_objects')).to.equal(1);
    for (const client of clients) client.webSocket.terminate();
    await Promise.all(clients.map(({ closed }) => closed));
    await until('all to be forgotten', async () => (await rig.metric('gantry_trace_connections')) === 0);
    expect(await rig.metric('gantry_trace_subscriptions')).to.equal(0);
    expect(await rig.metric('gantry_trace_objects')).to.equal(0);
  });
});
