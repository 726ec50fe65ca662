import { expect } from 'chai';
import { tasksDoor } from '../../../api/doors/tasks/tasks.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { document } from '../../../schemas/doors/tasks.gen.ts';
import { tasks } from '../../../schemas/kinds.ts';
import { at, type Lines, serve, type TestServer } from '../server/harness.ts';
import { type EventStream, openEvents } from './eventstream.ts';
import { conformsToSchema } from './openapi.ts';
import {
  askTasks,
  DOCUMENTED,
  event,
  expectError,
  ID,
  OTHER,
  openTasksRig,
  type TasksRig,
} from './tasksrig.ts';

const THIRD = 'a5c5b1a6-2a5a-4bd1-9d5c-0e6b5ed5c001';

describe('the /tasks door: GET /tasks?watch=true', () => {
  let rig: TasksRig;
  const opened: { close(): void }[] = [];
  beforeEach(async () => {
    rig = await openTasksRig();
  });
  afterEach(async () => {
    for (const stream of opened.splice(0)) stream.close();
    await rig.close();
  });

  const lines = async (query = '', server = rig.server): Promise<Lines> => {
    const stream = await server.stream(`/tasks?watch=true${query}`);
    opened.push(stream);
    return stream;
  };
  const events = async (
    query = '',
    headers: Record<string, string> = {},
    server = rig.server,
  ): Promise<EventStream> => {
    const stream = await openEvents(server.port, `/tasks${query}`, headers);
    opened.push(stream);
    return stream;
  };
  const frame = async (stream: Lines): Promise<Record<string, unknown>> => {
    const found = await stream.next();
    conformsToSchema(document, 'Frame', found);
    return found ?? {};
  };
  const told = async (
    stream: EventStream,
  ): Promise<[type: unknown, id: unknown, version: string | undefined]> => {
    const { id, data } = await stream.event();
    const found: unknown = JSON.parse(data);
    conformsToSchema(document, 'Frame', found);
    expect(at(found, 'resourceVersion')).to.equal(id);
    return [at(found, 'type'), at(found, 'object.ID'), id];
  };
  const version = async (): Promise<string> =>
    String((await rig.ask('GET', '/tasks')).headers['x-resource-version']);
  /** A second server on the same store, which has forgotten the past. */
  const withoutPast = async (run: (server: TestServer) => Promise<void>): Promise<void> => {
    const { world } = rig.server;
    await world.store.compact(world.store.revision());
    const metrics = newMetrics();
    const registry = await openRegistry({ ...world, metrics, log: silentLog });
    const later = await serve({ ...world, metrics, registry }, { identity: DEV_IDENTITY });
    try {
      await run(later);
    } finally {
      await later.close();
      await registry.close();
    }
  };

  it('D0.6 streams one frame a line and goes on from X-Resource-Version', async () => {
    const from = await version();
    expect(from).to.match(/^\d+$/);
    const stream = await lines(`&resourceVersion=${from}`);
    expect(stream.headers['content-type']).to.equal('application/json');
    await rig.post(DOCUMENTED);
    const added = await frame(stream);
    expect(added).to.have.all.keys('type', 'resourceVersion', 'object');
    expect(added).to.include({ type: 'ADDED' });
    expect(added.object).to.deep.equal((await rig.list())[0]);
    await rig.ask('DELETE', `/tasks/${ID}`);
    const changed = await frame(stream);
    expect([changed.type, at(changed, 'object.State')]).to.deep.equal(['MODIFIED', 3]);
    await rig.server.world.admin.delete(tasks, { namespace: 'default', name: ID });
    const gone = await frame(stream);
    expect([gone.type, at(gone, 'object.ID')]).to.deep.equal(['DELETED', ID]);
    expect(Number(gone.resourceVersion)).to.be.greaterThan(Number(changed.resourceVersion));

    const resumed = await lines(`&resourceVersion=${String(added.resourceVersion)}`);
    expect([await frame(resumed), await frame(resumed)]).to.deep.equal([changed, gone]);
  });

  it('D0.6 begins with what there is, oldest change first, when it is given no version or 0', async () => {
    await rig.post(event(OTHER));
    await rig.post(event(ID));
    await rig.post(event(THIRD));
    await rig.ask('DELETE', `/tasks/${ID}`);
    for (const query of ['&fields=all', '&fields=all&resourceVersion=0']) {
      const stream = await lines(query);
      const frames = [await frame(stream), await frame(stream), await frame(stream)];
      expect(frames.map((one) => [one.type, at(one, 'object.ID'), at(one, 'object.CPU')])).to.deep.equal([
        ['ADDED', OTHER, 0],
        ['ADDED', THIRD, 0],
        ['ADDED', ID, 0],
      ]);
    }
  });

  it('D0.6 whoever is cut off in the middle of the beginning goes on from there and misses nothing', async () => {
    for (const id of [OTHER, ID, THIRD]) await rig.post(event(id));
    const first = await lines();
    const { resourceVersion } = await frame(first);
    const resumed = await lines(`&resourceVersion=${String(resourceVersion)}`);
    expect([at(await frame(resumed), 'object.ID'), at(await frame(resumed), 'object.ID')]).to.deep.equal([
      ID,
      THIRD,
    ]);
  });

  it('D0.6 streams server-sent events to whoever accepts them; the id is the version', async () => {
    await rig.post(event(ID));
    const stream = await events();
    expect([stream.status, stream.headers['content-type'], stream.headers.vary]).to.deep.equal([
      200,
      'text/event-stream',
      'Accept',
    ]);
    expect((await stream.block())?.lines).to.deep.equal(['retry: 1000']);
    const added = await told(stream);
    expect(added.slice(0, 2)).to.deep.equal(['ADDED', ID]);
    // What was there is told: from here on a browser that is cut off misses nothing.
    expect(await stream.block()).to.deep.include({ id: await version(), data: undefined });
    await rig.post(event(OTHER));
    expect((await told(stream)).slice(0, 2)).to.deep.equal(['ADDED', OTHER]);
  });

  it('D0.6 goes on from Last-Event-ID, whatever version the address names', async () => {
    await rig.post(event(ID));
    const after = await version();
    await rig.post(event(OTHER));
    for (const query of ['', '?watch=true&resourceVersion=1', '?resourceVersion=0']) {
      const stream = await events(query, { 'Last-Event-ID': after });
      expect((await told(stream)).slice(0, 2)).to.deep.equal(['ADDED', OTHER]);
    }
  });

  it('D0.6 says with a comment that it is alive where nothing happens, and with an empty line to a script', async () => {
    const stream = await events('?watch=true');
    await stream.block();
    await stream.block();
    const script = await openEvents(rig.server.port, '/tasks?watch=true', { Accept: 'application/json' });
    opened.push(script);
    // Whoever was told something in the meantime is not told that there is nothing.
    await rig.server.world.advance(20_000);
    await rig.server.world.advance(20_000);
    expect((await stream.block())?.lines).to.deep.equal([': keep-alive']);
    // Two empty lines.
    expect((await script.block())?.lines).to.deep.equal(['']);
  });

  it('D0.6 is a list for whoever wants JSON, for watch=false, and for HEAD', async () => {
    await rig.post(event(ID));
    expect(await rig.list('?watch=false')).to.have.length(1);
    const list = await rig.ask('GET', '/tasks?watch=0', { headers: { Accept: 'text/event-stream' } });
    expect(list.headers['content-type']).to.equal('application/json');
    const head = await rig.server.ask('HEAD', '/tasks?watch=true');
    expect([head.status, head.headers['x-resource-version'], head.text]).to.deep.equal([
      200,
      await version(),
      '',
    ]);
  });

  it('D0.6 answers a version that is gone with 410 and the way on, to scripts and browsers', async () => {
    await rig.post(DOCUMENTED);
    await withoutPast(async (later) => {
      const ask = askTasks(later);
      const says = /too old resource version: 1 .*: watch without a version, or read GET \/tasks/;
      expectError(await ask('GET', '/tasks?watch=true&resourceVersion=1'), 410, says);
      const refused = await events('', { 'Last-Event-ID': '1' }, later);
      expect([refused.status, refused.headers['content-type']]).to.deep.equal([410, 'application/json']);
      expect(JSON.parse(await refused.rest())).to.have.all.keys('HTTPStatusCode', 'Message');
      const anew = await events('', {}, later);
      expect((await told(anew)).slice(0, 2)).to.deep.equal(['ADDED', ID]);
      expectError(await ask('GET', '/tasks?resourceVersion=1&resourceVersionMatch=Exact'), 410, /./);
    });
  });

  it('D0.6 ends a stream that cannot go on with a frame ERROR; a browser forgets the version', async () => {
    const { world } = rig.server;
    const broken = (client: Client): Client => ({
      ...client,
      list: (...words) => client.list(...words),
      // oxlint-disable-next-line require-yield -- it fails before it tells anything
      async *watch(_resource, { onStart } = {}) {
        onStart?.();
        await Promise.resolve();
        throw new ApiError('Expired', 'the reader was too slow');
      },
    });
    const clientOf = (): Client => broken(world.registry.as(DEV_IDENTITY));
    const doors = [tasksDoor({ ...world, clientOf })];
    const server = await serve({ ...world, metrics: newMetrics() }, { identity: DEV_IDENTITY, doors });
    try {
      const object = { HTTPStatusCode: 410, Message: 'the reader was too slow' };
      const script = await lines('', server);
      expect(await frame(script)).to.deep.equal({ type: 'ERROR', resourceVersion: '', object });
      expect(await script.next()).to.equal(undefined);
      const browser = await events('', {}, server);
      const { id, data } = await browser.event();
      expect([id, JSON.parse(data)]).to.deep.equal(['', { type: 'ERROR', resourceVersion: '', object }]);
      expect(await browser.block()).to.equal(undefined);
    } finally {
      await server.close();
    }
  });

  it('D0.6 ends properly when the server stops', async () => {
    const world = { ...rig.server.world, metrics: newMetrics() };
    const later = await serve(world, { identity: DEV_IDENTITY });
    const stream = await events('', {}, later);
    await stream.block();
    await stream.block();
    const closed = later.close();
    expect(await stream.block()).to.equal(undefined);
    await closed;
  });

  const refusals: readonly (readonly [query: string, headers: Record<string, string>, says: RegExp])[] = [
    ['?watch=true&resourceVersion=x', {}, /^resourceVersion: found "x", wanted a version such as "42"/],
    ['?resourceVersion=-1', {}, /^resourceVersion: found "-1", wanted a version/],
    ['?watch=true', { 'Last-Event-ID': 'x' }, /^Last-Event-ID: found "x", wanted a version/],
    ['?watch=true&at=-10m', {}, /^at: found it on a watch, wanted it only where tasks are read/],
    [
      '?watch=true&resourceVersionMatch=Exact',
      {},
      /^resourceVersionMatch: found "Exact", wanted it only where/,
    ],
    ['?at=soon', {}, /^at: found "soon", wanted a time such as/],
    ['?resourceVersionMatch=Roughly', {}, /resourceVersionMatch: .*"Roughly": supported values: "Exact"/],
    [
      '?resourceVersionMatch=Exact',
      {},
      /resourceVersionMatch: .*forbidden unless resourceVersion is provided/,
    ],
  ];
  for (const [query, headers, says] of refusals) {
    it(`D0.6 refuses ${query} ${Object.keys(headers).join('')} by the name of what is wrong`, async () => {
      expectError(await rig.ask('GET', `/tasks${query}`, { headers }), 400, says);
    });
  }

  it('D0.6 refuses `at` where something is written', async () => {
    await rig.post(event(ID));
    const says = (method: string): RegExp => new RegExp(`^at: found it on ${method}, wanted it only where`);
    expectError(await rig.ask('POST', '/tasks?at=-1m', { body: event(OTHER) }), 400, says('POST'));
    expectError(await rig.ask('DELETE', `/tasks/${ID}?at=-1m`), 400, says('DELETE'));
  });

  it('D0.6 gets one task by its id, also as it was', async () => {
    await rig.post(DOCUMENTED);
    const then = await version();
    expect((await rig.ask('GET', `/tasks/${ID}`)).json()).to.deep.equal((await rig.list())[0]);
    await rig.ask('DELETE', `/tasks/${ID}`);
    const was = await rig.ask('GET', `/tasks/${ID}?resourceVersion=${then}&resourceVersionMatch=Exact`);
    expect([was.json().State, was.headers['gantry-read-revision']]).to.deep.equal([0, then]);
    expectError(await rig.ask('GET', `/tasks/${OTHER}`), 404, /no task with ID/);
    expectError(await rig.ask('GET', '/tasks/42'), 400, /taskID: found "42", wanted a UUID/);
    expectError(await rig.ask('PATCH', `/tasks/${ID}`), 405, /does not allow/);
  });
});
