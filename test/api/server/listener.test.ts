import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { devListener, type Listener, tlsListener } from '../../../api/server/listener.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { systemRandom } from '../../../machinery/random.ts';
import { makeAuthority, newKey, signLeaf } from '../../../net/certificates.ts';
import { openPki, type Pki } from '../../../net/pki.ts';
import { openWorld, type World } from '../../world.ts';
import { newTestApp, openServer, type TestServer } from './harness.ts';

const options = { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog };

describe('the development listener', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  const rows: readonly (readonly [name: string, headers: Record<string, string>, status: number])[] = [
    ['localhost', { Host: 'localhost:8000' }, 200],
    ['127.0.0.1', { Host: '127.0.0.1:8000' }, 200],
    ['[::1]', { Host: '[::1]:8000' }, 200],
    ['a host without a port', { Host: 'localhost' }, 200],
    ['a page of this machine', { Host: 'localhost', Origin: 'http://localhost:3000' }, 200],
    ['a foreign host', { Host: 'evil.example:8000' }, 403],
    ['a host that begins like localhost', { Host: 'localhost.evil.example' }, 403],
    ['an address that is not of this machine', { Host: '10.0.0.1' }, 403],
    ['a host that is none', { Host: 'a b' }, 403],
    ['a page of another site', { Host: 'localhost', Origin: 'https://evil.example' }, 403],
    ['a page without an origin', { Host: 'localhost', Origin: 'null' }, 403],
    ['a page of another site, by fetch metadata', { Host: 'localhost', 'Sec-Fetch-Site': 'cross-site' }, 403],
  ];
  for (const [name, headers, status] of rows) {
    it(`${status === 200 ? 'answers' : 'refuses'} ${name}`, async () => {
      for (const path of ['/api', '/healthz']) {
        const answer = await server.ask('GET', path, { headers });
        expect(answer.status, path).to.equal(status);
        expect(
          Object.keys(answer.headers).filter((header) => header.startsWith('access-control')),
        ).to.deep.equal([]);
        if (status === 403) expect(answer.json()).to.include({ kind: 'Status', reason: 'Forbidden' });
      }
    });
  }

  it('takes writes from no page but its own', async () => {
    const { port } = server;
    for (const [origin, isOwn] of [
      [`http://localhost:${port}`, true],
      [`http://127.0.0.1:${port}`, true],
      [`https://localhost:${port}`, false],
      ['http://localhost:1', false],
      ['http://localhost', false],
    ] as const) {
      const { status } = await server.ask('POST', '/tasks', {
        headers: { Host: 'localhost', Origin: origin },
      });
      expect(status === 403, `${origin} answered ${status}`).to.equal(!isOwn);
    }
  });

  it('will not listen where others can reach it', () => {
    expect(() => devListener(newTestApp(server.world), { ...options, host: '0.0.0.0' })).to.throw();
  });

  it('says in one sentence which port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const world = await openWorld();
    try {
      await devListener(newTestApp(world), { ...options, port }).start();
      expect.fail('it listened');
    } catch (error) {
      expect(String(error)).to.match(
        new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use`),
      );
    } finally {
      await world.close();
      taken.close();
      await once(taken, 'close');
    }
  });
});

describe('the HTTPS listener', () => {
  let directory: string;
  let pki: Pki;
  let world: World;
  let listener: Listener;
  let port: number;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-listener-'));
    pki = await openPki({ directory, clock: systemClock, hostnames: [], addresses: [] });
    world = await openWorld();
    listener = tlsListener(newTestApp(world), {
      ...options,
      cert: pki.server.certificate,
      key: pki.server.key,
      ca: pki.authority,
    });
    ({ port } = await listener.start());
  });
  after(async () => {
    await listener.stop(1_000);
    await world.close();
    await rm(directory, { recursive: true });
  });

  const ask = (
    path: string,
    more: RequestOptions = {},
  ): Promise<{ status: number; text: string; reused: boolean }> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        { host: '127.0.0.1', port, path, ca: pki.authority, agent: false, ...more },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(chunks).toString(),
              reused:
                request.socket !== null && 'isSessionReused' in request.socket
                  ? (request.socket as { isSessionReused(): boolean }).isSessionReused()
                  : false,
            }),
          );
        },
      );
      request.on('error', reject);
      request.end();
    });
  const TASKS = '/apis/gantry.dev/v1/tasks';

  it('knows the admin by certificate', async () => {
    expect((await ask(TASKS, { cert: pki.admin.certificate, key: pki.admin.key })).status).to.equal(200);
  });

  it('reads every group of a certificate, and adds system:authenticated', async () => {
    const authority = await foreignAuthority();
    const key = await newKey();
    const subject = { commonName: 'jane', organizations: ['team-a', 'system:masters'] };
    const certificate = await leaf(authority, subject, key);
    const other = await openWorld();
    const own = tlsListener(newTestApp(other), {
      ...options,
      cert: pki.server.certificate,
      key: pki.server.key,
      ca: authority.certificate,
    });
    const started = await own.start();
    const answer = await ask(TASKS, { port: started.port, cert: certificate, key });
    expect(answer.status).to.equal(200);
    await own.stop(1_000);
    await other.close();
  });

  it('lets a worker do only what workers may', async () => {
    const { certificate: cert, key } = await pki.issueWorker('w1');
    const refused = await ask('/metrics', { cert, key });
    expect(refused.status).to.equal(403);
    expect(JSON.parse(refused.text)).to.include({ reason: 'Forbidden' });
    expect(refused.text).to.include('system:worker:w1');
  });

  it('knows nobody without a certificate, and answers only public paths', async () => {
    const { status, text } = await ask(TASKS);
    expect(status).to.equal(401);
    expect(JSON.parse(text)).to.deep.include({
      kind: 'Status',
      reason: 'Unauthorized',
      code: 401,
      message: 'Unauthorized',
    });
    for (const path of ['/livez', '/readyz', '/healthz', '/version'])
      expect((await ask(path)).status, path).to.equal(200);
    for (const path of ['/metrics', '/api', '/openapi/v3', '/nowhere'])
      expect((await ask(path)).status, path).to.equal(401);
  });

  it('tells the /tasks door’s clients in their own form that they are nobody', async () => {
    const { status, text } = await ask('/tasks');
    expect([status, JSON.parse(text)]).to.deep.equal([401, { HTTPStatusCode: 401, Message: 'Unauthorized' }]);
  });

  it('knows nobody by a certificate of another authority', async () => {
    const key = await newKey();
    const certificate = await leaf(
      await foreignAuthority(),
      { commonName: 'admin', organizations: ['system:masters'] },
      key,
    );
    expect((await ask(TASKS, { cert: certificate, key })).status).to.equal(401);
  });

  it('still knows who it is when a TLS session is resumed', async () => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 10 });
    const credentials = { cert: pki.admin.certificate, key: pki.admin.key, agent };
    const answers = [];
    for (let at = 0; at < 3; at++) answers.push(await ask(TASKS, credentials));
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
    expect(answers.at(-1)?.reused, 'the session was not resumed').to.equal(true);
    agent.destroy();
  });

  for (const maxVersion of ['TLSv1', 'TLSv1.1'] as const) {
    it(`refuses ${maxVersion}`, async () => {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port,
        ca: pki.authority,
        minVersion: 'TLSv1',
        maxVersion,
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).to.match(/SSL|PROTOCOL|ECONNRESET/);
    });
  }

  async function foreignAuthority(): Promise<{ certificate: string; key: string }> {
    const key = await newKey();
    const validity = { nowMs: Date.now(), days: 1 };
    return { key, certificate: await makeAuthority('another-ca', key, validity, systemRandom) };
  }

  function leaf(
    authority: { certificate: string; key: string },
    subject: { commonName: string; organizations: string[] },
    key: string,
  ): Promise<string> {
    return signLeaf(
      authority,
      { subject, usage: 'client' },
      key,
      { nowMs: Date.now(), days: 1 },
      systemRandom,
    );
  }
});

describe('a listener that stops', () => {
  it('finishes what runs, tells readiness no, and closes connections that idle', async () => {
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const server = await openServer({
      readinessChecks: [
        {
          name: 'slow',
          check() {
            entered.resolve();
            return gate.promise;
          },
        },
      ],
    });
    const idle = keepAliveConnection(server.port);
    await idle.ask('/livez');
    const busy = server.ask('GET', '/readyz');
    await entered.promise;

    const stopped = server.listener.stop(10_000);
    await idle.closed;
    const refused = await server.ask('GET', '/livez').then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).to.equal('ECONNREFUSED');
    gate.resolve();
    expect((await busy).status).to.equal(503);
    await stopped;
    await server.world.close();
  });

  it('cuts what does not end within the grace period', async () => {
    const entered = Promise.withResolvers<void>();
    const server = await openServer({
      readinessChecks: [
        {
          name: 'stuck',
          check() {
            entered.resolve();
            return new Promise(() => undefined);
          },
        },
      ],
    });
    const stuck = server.ask('GET', '/readyz').then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code,
    );
    await entered.promise;
    await server.listener.stop(20);
    expect(await stuck).to.equal('ECONNRESET');
    await server.world.close();
  });

  function keepAliveConnection(port: number): { ask(path: string): Promise<void>; closed: Promise<unknown> } {
    const closed = Promise.withResolvers<void>();
    return {
      closed: closed.promise,
      ask: (path) =>
        new Promise((resolve, reject) => {
          const request = httpRequest(
            { host: '127.0.0.1', port, path, headers: { Connection: 'keep-alive' } },
            (response) => {
              response.resume().on('end', resolve);
            },
          );
          request.on('socket', (socket) => socket.once('close', () => closed.resolve()));
          request.on('error', reject);
          request.end();
        }),
    };
  }
});
