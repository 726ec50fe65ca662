import { connect } from 'node:net';
import { expect } from 'chai';
import { openRegistry } from '../../../api/registry/open.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { taskManifest } from '../../builders.ts';
import { at, type Lines, openServer, serve, type TestServer } from './harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const TABLE = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

describe('watches over HTTP', () => {
  let server: TestServer;
  const open: Lines[] = [];
  beforeEach(async () => {
    server = await openServer();
  });
  afterEach(async () => {
    for (const lines of open.splice(0)) lines.close();
    await server.close();
  });

  const create = (name: string, metadata = {}) =>
    server.ask('POST', TASKS, { body: taskManifest(name, {}, metadata) });
  const label = (name: string, labels: Record<string, string | null>) =>
    server.ask('PATCH', `${TASKS}/${name}`, {
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: JSON.stringify({ metadata: { labels } }),
    });
  const watch = async (query: string, headers = {}, path = TASKS): Promise<Lines> => {
    const lines = await server.stream(`${path}?${query}`, headers);
    open.push(lines);
    return lines;
  };
  const told = async (lines: Lines): Promise<readonly unknown[]> => {
    const frame = await lines.next();
    return [frame?.type, at(frame, 'object.metadata.name')];
  };

  it('sends its headers at once, before anything happens', async () => {
    const list = (await server.ask('GET', TASKS)).json();
    const lines = await watch(`watch=1&resourceVersion=${String(at(list, 'metadata.resourceVersion'))}`);
    expect(lines.status).to.equal(200);
    expect(lines.headers).to.include({ 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
  });

  for (const query of ['watch=1', 'watch=true', 'watch=True', 'watch']) {
    it(`is asked for by ${query}, and begins with what there is`, async () => {
      await create('hello');
      const lines = await watch(query);
      expect(await told(lines)).to.deep.equal(['ADDED', 'hello']);
    });
  }
  for (const query of ['watch=0', 'watch=false', 'watch=False']) {
    it(`is not asked for by ${query}`, async () => {
      expect((await server.ask('GET', `${TASKS}?${query}`)).json().kind).to.equal('TaskList');
    });
  }

  it('tells every change once, in order, and goes on after the version it is given', async () => {
    await create('hello');
    const lines = await watch('watch=1&resourceVersion=0');
    expect(await told(lines)).to.deep.equal(['ADDED', 'hello']);
    await label('hello', { a: 'b' });
    const changed = await lines.next();
    expect(changed?.type).to.equal('MODIFIED');
    const version = String(at(changed, 'object.metadata.resourceVersion'));
    await create('world');
    await server.ask('DELETE', `${TASKS}/hello`);
    const rest = [await told(lines), await told(lines)];
    expect(rest).to.deep.equal([
      ['ADDED', 'world'],
      ['DELETED', 'hello'],
    ]);
    const resumed = await watch(`watch=1&resourceVersion=${version}`);
    expect([await told(resumed), await told(resumed)]).to.deep.equal(rest);
  });

  it('tells entering and leaving a selection as ADDED and DELETED', async () => {
    await create('hello');
    const lines = await watch('watch=1&labelSelector=app%3Dweb');
    await label('hello', { app: 'web' });
    expect(await told(lines)).to.deep.equal(['ADDED', 'hello']);
    await label('hello', { app: null });
    expect(await told(lines)).to.deep.equal(['DELETED', 'hello']);
  });

  it('watches one object by its path', async () => {
    await create('other');
    await create('hello');
    const lines = await watch('watch=1', {}, `${TASKS}/hello`);
    expect(await told(lines)).to.deep.equal(['ADDED', 'hello']);
  });

  it('answers a past that is gone with 200 and an ERROR frame of Status 410, then ends', async () => {
    await create('hello');
    const { store } = server.world;
    await store.compact(store.revision());
    // A registry that starts now knows nothing of the past.
    const metrics = newMetrics();
    const registry = await openRegistry({ ...server.world, metrics, log: silentLog });
    const later = await serve({ ...server.world, metrics, registry });
    try {
      const lines = await later.stream(`${TASKS}?watch=1&resourceVersion=1`);
      open.push(lines);
      expect(lines.status).to.equal(200);
      const frame = await lines.next();
      expect(frame?.type).to.equal('ERROR');
      expect(frame?.object).to.deep.include({ kind: 'Status', code: 410, reason: 'Expired' });
      expect(await lines.next()).to.equal(undefined);
    } finally {
      await later.close();
      await registry.close();
    }
  });

  it('sends the initial objects, then a bookmark that says so', async () => {
    await create('hello');
    const lines = await watch(
      'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    );
    expect(await told(lines)).to.deep.equal(['ADDED', 'hello']);
    const mark = await lines.next();
    expect(mark?.type).to.equal('BOOKMARK');
    expect(mark?.object).to.deep.include({ kind: 'Task', apiVersion: 'gantry.dev/v1' });
    expect(at(mark, 'object.metadata.annotations')).to.deep.equal({ 'k8s.io/initial-events-end': 'true' });
  });

  it('sends Table frames with the columns in the first only', async () => {
    await create('hello');
    await create('world');
    const lines = await watch('watch=1', TABLE);
    const first = await lines.next();
    const second = await lines.next();
    expect(at(first, 'object.kind')).to.equal('Table');
    expect(at(first, 'object.columnDefinitions')).to.be.an('array');
    expect(at(first, 'object.rows.0.cells.0')).to.equal('hello');
    expect(at(second, 'object.columnDefinitions')).to.equal(null);
    expect(at(second, 'object.rows.0.cells.0')).to.equal('world');
  });

  it('sends metadata frames when asked', async () => {
    await create('hello');
    const lines = await watch('watch=1', {
      Accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    });
    const frame = await lines.next();
    expect(frame?.object).to.have.all.keys('kind', 'apiVersion', 'metadata');
  });

  it('ends properly when its time is up', async () => {
    const lines = await watch('watch=1&timeoutSeconds=5');
    server.world.clock.advance(5_000);
    expect(await lines.next()).to.equal(undefined);
  });

  it('says an empty line now and then, so that nobody takes it for dead', async () => {
    await create('hello');
    const raw = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1');
      let text = '';
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('"ADDED"')) server.world.clock.advance(40_000);
        if (text.includes('\r\n1\r\n\n\r\n')) {
          socket.destroy();
          resolve(text);
        }
      });
      socket.write(`GET ${TASKS}?watch=1 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    });
    expect(raw).to.include('HTTP/1.1 200 OK');
  });

  it('lets go of everything when the client leaves', async () => {
    const lines = await watch('watch=1');
    expect(await openWatches(server)).to.equal(1);
    lines.close();
    while ((await openWatches(server)) !== 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('cuts a reader that takes nothing, and keeps serving the others', async () => {
    const stuck = connect(server.port, '127.0.0.1');
    stuck.on('error', () => undefined);
    stuck.pause();
    stuck.write(`GET ${TASKS}?watch=1 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const lines = await watch('watch=1');
    const big = { a: 'x'.repeat(200_000) };
    // More than the kernel buffers on both sides hold.
    for (let at = 0; at < 80; at++) await create(`big-${at}`, { annotations: big });
    for (let at = 0; at < 80; at++) expect((await told(lines))[0]).to.equal('ADDED');
    const closed = new Promise<void>((resolve) => stuck.once('close', () => resolve()));
    server.world.clock.advance(30_000);
    while ((await openWatches(server)) !== 1) await new Promise((resolve) => setImmediate(resolve));
    stuck.resume();
    await closed;
  });

  it('ends with a proper last chunk when the server stops', async () => {
    await create('hello');
    const lines = await watch('watch=1');
    expect(await told(lines)).to.deep.equal(['ADDED', 'hello']);
    const stopped = server.listener.stop(10_000);
    expect(await lines.next()).to.equal(undefined);
    await stopped;
  });

  async function openWatches(of: TestServer): Promise<number> {
    const metric = await of.world.metrics.getSingleMetric('apiserver_longrunning_requests')?.get();
    return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
  }
});
