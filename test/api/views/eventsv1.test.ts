/** Events under two names are one stored object. */
import { expect } from 'chai';
import { at, openServer, type TestServer } from '../server/harness.ts';

const CORE = '/api/v1/namespaces/default/events';
const NEW = '/apis/events.k8s.io/v1/namespaces/default/events';

const event = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'default' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'example.com/c',
  reportingInstance: 'c-1',
  action: 'Doing',
  reason: 'Did',
  type: 'Normal',
  regarding: { kind: 'ConfigMap', namespace: 'default', name: 'x', apiVersion: 'v1' },
  note: 'It was done.',
  deprecatedSource: { component: 'c' },
};

describe('Events of events.k8s.io', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await openServer();
    const made = await server.ask('POST', NEW, { body: event });
    expect(made.status, made.text).to.equal(201);
  });
  afterEach(() => server.close());

  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await server.ask('GET', path)).json();

  it('are read as v1 Events, with the same uid and version', async () => {
    const [core, face] = [await get(`${CORE}/e`), await get(`${NEW}/e`)];
    expect(core).to.deep.include({
      kind: 'Event',
      message: 'It was done.',
      reportingComponent: 'example.com/c',
      source: { component: 'c' },
    });
    expect(at(core, 'involvedObject.name')).to.equal('x');
    expect(at(face, 'metadata.uid')).to.equal(at(core, 'metadata.uid'));
    expect(at(face, 'metadata.resourceVersion')).to.equal(at(core, 'metadata.resourceVersion'));
    expect(face).to.deep.include({ note: event.note, regarding: event.regarding, action: 'Doing' });
    expect(face).not.to.have.any.keys('message', 'involvedObject', 'source');
  });

  it('are changed under either name', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' };
    const body = '{"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"},"note":"Again."}';
    expect((await server.ask('PATCH', `${NEW}/e`, { headers, body })).status).to.equal(200);
    expect(await get(`${CORE}/e`)).to.deep.include({
      message: 'Again.',
      series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' },
    });
    await server.ask('PATCH', `${CORE}/e`, { headers, body: '{"message":"And again."}' });
    const face = await get(`${NEW}/e`);
    expect(face).to.include({ note: 'And again.' });
    const replaced = await server.ask('PUT', `${NEW}/e`, { body: { ...face, note: 'At last.' } });
    expect(replaced.status, replaced.text).to.equal(200);
    expect(await get(`${CORE}/e`)).to.include({ message: 'At last.' });
  });

  it('are found by the fields of their own name', async () => {
    const names = async (selector: string): Promise<unknown> =>
      (at(await get(`${NEW}?fieldSelector=${encodeURIComponent(selector)}`), 'items') as unknown[]).map(
        (item) => at(item, 'metadata.name'),
      );
    expect(await names('regarding.name=x,reportingController=example.com/c')).to.deep.equal(['e']);
    expect(await names('regarding.name=y')).to.deep.equal([]);
    expect((await server.ask('GET', `${NEW}?fieldSelector=involvedObject.name%3Dx`)).status).to.equal(400);
  });

  it('are printed alike and watched under their own name', async () => {
    const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const rows = async (path: string): Promise<unknown> =>
      at((await server.ask('GET', path, { headers })).json(), 'rows.0.cells');
    expect(await rows(NEW)).to.deep.equal(await rows(CORE));
    const watch = await server.stream(`${NEW}?watch=true`);
    const first = await watch.next();
    expect(at(first, 'object.apiVersion')).to.equal('events.k8s.io/v1');
    expect(at(first, 'object.note')).to.equal('It was done.');
    await server.ask('DELETE', `${CORE}/e`);
    expect(at(await watch.next(), 'type')).to.equal('DELETED');
    watch.close();
  });

  it('go under either name', async () => {
    expect((await server.ask('DELETE', `${NEW}/e`)).status).to.equal(200);
    expect((await server.ask('GET', `${CORE}/e`)).status).to.equal(404);
  });
});
