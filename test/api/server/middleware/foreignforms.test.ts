/** What a page of another site may have a browser do with its user's certificate: the whole application, on a connection. */
import { createServer, type Server } from 'node:http';
import { expect } from 'chai';
import { recordArrival } from '../../../../api/server/middleware/arrival.ts';
import { tasks } from '../../../../schemas/kinds.ts';
import { adminIdentity, openWorld, type World } from '../../../world.ts';
import { type Answer, askPort, newTestApp } from '../harness.ts';

const EVENT = '{"State":2,"Task":{"Image":"busybox"}}';
const PAGE = 'https://elsewhere.example';

describe('Pages of other sites', () => {
  let world: World;
  let server: Server;
  let port: number;
  beforeEach(async () => {
    world = await openWorld();
    const handle = newTestApp(world).callback();
    server = createServer((request, response) => {
      // As a listener does that has seen a certificate, on a connection with TLS.
      Object.defineProperty(request.socket, 'encrypted', { value: true, configurable: true });
      recordArrival(request, {
        identity: adminIdentity,
        refusal: undefined,
        stopping: new AbortController().signal,
      });
      void handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterEach(async () => {
    server.close();
    await world.close();
  });
  const post = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    askPort(port, 'POST', '/tasks', { headers, body: EVENT });

  for (const type of [
    '',
    'text/plain',
    'Application/X-WWW-Form-Urlencoded; charset=utf-8',
    'multipart/form-data',
  ]) {
    it(`change nothing with a POST that a browser sends without asking: ${type === '' ? 'of no type' : type}`, async () => {
      const answer = await post({ Origin: PAGE, ...(type === '' ? {} : { 'Content-Type': type }) });
      expect([answer.status, answer.json()]).to.deep.equal([
        403,
        {
          HTTPStatusCode: 403,
          Message: `pages of ${PAGE} may change nothing here with the user's certificate`,
        },
      ]);
      expect((await world.admin.list(tasks)).items).to.have.length(0);
    });
  }

  it('are told nothing when the browser asks first; programs and our own pages go on as before', async () => {
    const asked = await askPort(port, 'OPTIONS', '/tasks', {
      headers: { Origin: PAGE, 'Access-Control-Request-Method': 'POST' },
    });
    expect(asked.headers['access-control-allow-origin']).to.equal(undefined);
    expect((await post({})).status).to.equal(201);
    expect((await post({ Origin: `https://127.0.0.1:${port}` })).status).to.equal(201);
    expect((await post({ Origin: PAGE, 'Content-Type': 'application/json' })).status).to.equal(201);
  });
});
