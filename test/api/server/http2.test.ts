import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import Koa from 'koa';
import { tracesDoor } from '../../../api/doors/traces/traces.ts';
import type { AppState } from '../../../api/server/context.ts';
import { answeringErrors } from '../../../api/server/errors.ts';
import { type Listener, tlsListener } from '../../../api/server/listener.ts';
import { closesWhenIdle } from '../../../api/server/sessions.ts';
import { ResponseStream } from '../../../api/server/streams/stream.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { taskManifest } from '../../builders.ts';
import { Certificates } from '../../client/secureserver.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';
import { at, newTestApp } from './harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const certificates = new Certificates();
after(() => certificates.remove());

interface Served {
  readonly listener: Listener;
  readonly port: number;
  session(options?: { readonly isNobody?: boolean; readonly settings?: object }): Promise<ClientHttp2Session>;
}

async function serve(app: Koa<AppState, object>, isHttp1Only = false): Promise<Served> {
  const pki = await certificates.pki();
  const { certificate: cert, key } = await certificates.of(adminIdentity);
  const listener = tlsListener(app, {
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
    cert: pki.server.certificate,
    key: pki.server.key,
    ca: pki.authority,
    isHttp1Only,
  });
  const { port } = await listener.start();
  return {
    listener,
    port,
    async session({ isNobody = false, settings = {} } = {}) {
      const credentials = isNobody ? {} : { cert, key };
      const session = connect(`https://127.0.0.1:${port}`, { ca: pki.authority, settings, ...credentials });
      session.on('error', () => session.destroy());
      await once(session, 'remoteSettings');
      return session;
    },
  };
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly resetCode: number;
}

async function finished(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on('response', (found) => {
    headers = found;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  if (!stream.closed) await once(stream, 'close').catch(() => undefined);
  return { headers, text: Buffer.concat(chunks).toString(), resetCode: stream.rstCode };
}

function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  const answer = finished(stream);
  if (body !== undefined) stream.end(body);
  return answer;
}

/** The frames of a watch as they come. */
async function* frames(stream: ClientHttp2Stream): AsyncGenerator<Record<string, unknown>> {
  let held = '';
  for await (const chunk of stream) {
    const lines = (held + String(chunk)).split('\n');
    held = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Record<string, unknown>;
  }
}

describe('HTTP/2', () => {
  let world: World;
  let served: Served;
  const sessions: ClientHttp2Session[] = [];
  beforeEach(async () => {
    world = await openWorld();
    served = await serve(newTestApp(world));
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    await served.listener.stop(1_000);
    await world.close();
  });
  const open = async (options?: Parameters<Served['session']>[0]): Promise<ClientHttp2Session> => {
    const session = await served.session(options);
    sessions.push(session);
    return session;
  };
  const create = (session: ClientHttp2Session, name: string): Promise<Answer> =>
    ask(
      session,
      { ':method': 'POST', ':path': TASKS, 'content-type': 'application/json' },
      JSON.stringify(taskManifest(name)),
    );

  it('is what a client gets that offers it, HTTP/1.1 what another gets', async () => {
    const { authority: ca } = await certificates.pki();
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [[], false],
    ] as const) {
      const socket = tlsConnect({ port: served.port, host: '127.0.0.1', ca, ALPNProtocols: [...offered] });
      await once(socket, 'secureConnect');
      expect(socket.alpnProtocol).to.equal(chosen);
      socket.destroy();
    }
  });

  it('D2.9 asks for a WebSocket over HTTP/1.1 instead: 426, in the form of the door', async () => {
    const { registry, clock } = world;
    const door = tracesDoor({ registry, clock, log: silentLog, metrics: world.metrics });
    const withTraces = await serve(newTestApp({ ...world, metrics: newMetrics() }, { doors: [door] }));
    try {
      const session = await withTraces.session();
      const { headers, text } = await ask(session, { ':path': '/ws/4bf92f3577b34da6a3ce929d0e0e4736' });
      expect([headers[':status'], headers['content-type']]).to.deep.equal([426, 'application/json']);
      expect(JSON.parse(text)).to.include({ error_code: 1010 });
      session.destroy();
    } finally {
      await withTraces.listener.stop(1_000);
    }
  });

  /** HTTP/1.1 on the same port, as bytes. */
  const say = async (text: string): Promise<string> => {
    const { authority: ca } = await certificates.pki();
    const { certificate: cert, key } = await certificates.of(adminIdentity);
    const socket = tlsConnect({ port: served.port, host: '127.0.0.1', ca, cert, key });
    socket.write(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  };

  for (const [whose, origin, status] of [
    ['no page', () => '', 404],
    ['a page of this server', (port: number) => `Origin: https://127.0.0.1:${port}\r\n`, 404],
    ['a page of another site', () => 'Origin: https://evil.example\r\n', 403],
    ['a page of no site', () => 'Origin: null\r\n', 403],
  ] as const) {
    it(`a certificate opens a WebSocket for ${whose}: ${status}`, async () => {
      const answer = await say(
        `GET /api/v1/namespaces/default/pods/none/exec?command=id&stdout=true HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n${origin(served.port)}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`,
      );
      expect(answer).to.match(new RegExp(`^HTTP/1.1 ${status} `));
    });
  }

  it('leaves upgrades to HTTP/1.1 on the same port', async () => {
    const head = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(await say(`GET /api HTTP/1.1\r\n${head}`)).to.match(
      /^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/s,
    );
    expect(await say(`GET /nowhere HTTP/1.1\r\n${head}`)).to.match(/^HTTP\/1\.1 404 /);
  });

  it('takes long headers on HTTP/1.1, and refuses longer ones with 431', async () => {
    const get = (bytes: number): Promise<string> =>
      say(`GET /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: ${'x'.repeat(bytes)}\r\n\r\n`);
    expect(await get(50_000)).to.match(/^HTTP\/1\.1 200 /);
    expect(await get(70_000)).to.match(/^HTTP\/1\.1 431 /);
  });

  it('can be left out', async () => {
    const { authority: ca } = await certificates.pki();
    const plain = await serve(new Koa<AppState, object>(), true);
    const socket = tlsConnect({ port: plain.port, host: '127.0.0.1', ca, ALPNProtocols: ['h2', 'http/1.1'] });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).to.equal('http/1.1');
    socket.destroy();
    await plain.listener.stop(1_000);
  });

  it('knows who asks by certificate, on every stream, and nobody without one', async () => {
    const session = await open();
    for (const path of [TASKS, '/metrics'])
      expect((await ask(session, { ':path': path })).headers[':status'], path).to.equal(200);
    const nobody = await open({ isNobody: true });
    expect((await ask(nobody, { ':path': TASKS })).headers[':status']).to.equal(401);
    expect((await ask(nobody, { ':path': '/livez' })).text).to.equal('ok');
  });

  it('reads and writes with bodies, statuses and headers, none of them a connection’s', async () => {
    const session = await open();
    const made = await create(session, 'hello');
    expect(made.headers[':status']).to.equal(201);
    expect((await create(session, 'hello')).headers[':status']).to.equal(409);
    const read = await ask(session, { ':path': `${TASKS}/hello` });
    expect(at(JSON.parse(read.text), 'metadata.name')).to.equal('hello');
    const head = await ask(session, { ':method': 'HEAD', ':path': `${TASKS}/hello` });
    expect([head.headers[':status'], head.text]).to.deep.equal([200, '']);
    expect((await ask(session, { ':path': '/nowhere' })).headers[':status']).to.equal(404);
    for (const { headers } of [made, read, head]) {
      expect(Object.keys(headers)).to.not.include.members(['connection', 'transfer-encoding', 'keep-alive']);
    }
  });

  it('refuses a body that is too large with words, and goes on with the connection', async () => {
    const session = await open();
    const answer = await ask(
      session,
      { ':method': 'POST', ':path': TASKS },
      Buffer.alloc(4 * 1024 * 1024, 32),
    );
    expect(answer.headers[':status']).to.equal(413);
    expect(JSON.parse(answer.text)).to.include({ kind: 'Status', reason: 'RequestEntityTooLarge' });
    expect((await ask(session, { ':path': '/livez' })).text).to.equal('ok');
  });

  it('carries many watches on one connection, each with its own end', async () => {
    const session = await open();
    const streams = [1, 2, 3].map(() => session.request({ ':path': `${TASKS}?watch=1` }));
    const [first, second, third] = streams.map((stream) => frames(stream));
    for (const stream of streams) await once(stream, 'response');
    await create(session, 'a');
    for (const watch of [first, second, third])
      expect(at((await watch?.next())?.value, 'object.metadata.name')).to.equal('a');
    streams[0]?.close(constants.NGHTTP2_CANCEL);
    await once(streams[0] as ClientHttp2Stream, 'close');
    const watching = async (): Promise<number> => {
      const { values } = await (world.metrics.getSingleMetric('apiserver_longrunning_requests')?.get() ?? {
        values: [],
      });
      return values.reduce((sum, { value }) => sum + value, 0);
    };
    for (const deadlineMs = Date.now() + 2_000; (await watching()) !== 2; ) {
      if (Date.now() > deadlineMs) expect.fail(`${await watching()} watches are open, wanted 2`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await create(session, 'b');
    for (const watch of [second, third])
      expect(at((await watch?.next())?.value, 'object.metadata.name')).to.equal('b');
  });

  it('survives pings while a watch idles', async () => {
    const session = await open();
    const stream = session.request({ ':path': `${TASKS}?watch=1` });
    const watch = frames(stream);
    await once(stream, 'response');
    for (let count = 0; count < 5; count++) {
      await new Promise<void>((resolve, reject) => {
        session.ping((error) => (error === null ? resolve() : reject(error)));
      });
    }
    await create(session, 'after');
    expect(at((await watch.next()).value, 'object.metadata.name')).to.equal('after');
  });

  it('refuses CONNECT', async () => {
    const session = await open();
    const answer = await ask(session, { ':method': 'CONNECT', ':authority': 'example.org:443' });
    expect(answer.headers[':status']).to.equal(405);
  });

  it('bounds the streams of a connection, and cuts one that opens and resets them without end', async () => {
    const session = await open();
    expect(session.remoteSettings).to.include({ maxConcurrentStreams: 250, enablePush: false });
    const codes: number[] = [];
    session.on('goaway', (code) => codes.push(code));
    const gone = new Promise((resolve) => session.once('close', resolve));
    for (let count = 0; count < 3_000 && !session.closed; count += 50) {
      const streams = Array.from({ length: 50 }, () => session.request({ ':path': '/livez' }));
      for (const stream of streams) stream.on('error', () => undefined);
      // A round trip later, or the client would take back what it has not sent yet.
      await new Promise<void>((resolve) => {
        if (session.destroyed || !session.ping(() => resolve())) resolve();
      });
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    }
    await gone;
    expect(codes).to.have.length(1);
    expect(codes[0]).to.not.equal(constants.NGHTTP2_NO_ERROR);
    expect((await ask(await open(), { ':path': '/livez' })).text).to.equal('ok');
  });

  it('refuses headers that are too large', async () => {
    const session = await open();
    const answer = await ask(session, { ':path': '/livez', 'x-long': 'x'.repeat(100_000) });
    expect(answer.headers[':status']).to.equal(undefined);
    expect(answer.resetCode).to.not.equal(constants.NGHTTP2_NO_ERROR);
  });

  it('stops with a farewell: watches end properly, the client is told to go elsewhere', async () => {
    const session = await open();
    const goaway = once(session, 'goaway');
    const closed = once(session, 'close');
    const stream = session.request({ ':path': `${TASKS}?watch=1` });
    const answer = finished(stream);
    await once(stream, 'response');
    await served.listener.stop(10_000);
    expect((await answer).resetCode).to.equal(constants.NGHTTP2_NO_ERROR);
    expect(((await goaway) as [number])[0]).to.equal(constants.NGHTTP2_NO_ERROR);
    await closed;
  });

  it('stops in time, whoever holds a request', async () => {
    const session = await open();
    const stream = session.request({ ':method': 'POST', ':path': TASKS }, { endStream: false });
    const answer = finished(stream);
    await once(session, 'localSettings').catch(() => undefined);
    stream.write('{');
    await ask(session, { ':path': '/livez' });
    await served.listener.stop(50);
    expect((await answer).headers[':status']).to.equal(undefined);
  });
});

describe('An HTTP/2 connection without requests', () => {
  it('is closed with a farewell when it idled, and not while a request is open', async () => {
    const server = createServer((_request, response) => {
      response.write('open');
      open.push(response);
    });
    const open: Http2ServerResponse[] = [];
    server.on('session', (session) => closesWhenIdle(session, 40));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const goaway = once(session, 'goaway');
    const stream = session.request({ ':path': '/' });
    await once(stream, 'data');
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(session.closed).to.equal(false);
    const answer = finished(stream);
    open[0]?.end();
    await answer;
    expect(((await goaway) as [number])[0]).to.equal(constants.NGHTTP2_NO_ERROR);
    server.close();
  });
});

describe('An answer that goes on, over HTTP/2', () => {
  let served: Served;
  const results: (readonly [chunks: number, isOver: boolean])[] = [];

  before(async () => {
    const app = new Koa<AppState, object>();
    app.on('error', () => undefined);
    app.use(answeringErrors(silentLog, []));
    app.use(async (ctx) => {
      if (ctx.path === '/brief') {
        ctx.body = 'brief';
        return;
      }
      const stream = new ResponseStream(ctx, { clock: systemClock, stallMs: 50 });
      stream.begin('text/plain');
      if (ctx.path === '/broken') {
        await stream.write('part');
        throw new Error('broken');
      }
      let chunks = 0;
      while (chunks < 1_000 && (await stream.write(Buffer.alloc(16_384)))) chunks++;
      results.push([chunks, stream.signal.aborted]);
      stream.end();
    });
    served = await serve(app);
  });
  after(() => served.listener.stop(1_000));

  it('stops at a reader who takes nothing, cuts that stream alone, and holds next to nothing for it', async () => {
    const session = await served.session();
    const stalled = session.request({ ':path': '/flood' });
    stalled.on('error', () => undefined);
    await once(stalled, 'response');
    expect((await ask(session, { ':path': '/brief' })).text).to.equal('brief');
    await once(stalled, 'close').catch(() => undefined);
    expect(stalled.rstCode).to.not.equal(constants.NGHTTP2_NO_ERROR);
    expect(results).to.have.length(1);
    const [[chunks, isOver] = []] = results;
    expect(chunks).to.be.lessThan(100);
    expect(isOver).to.equal(true);
    expect((await ask(session, { ':path': '/brief' })).text).to.equal('brief');
    session.destroy();
  });

  it('says by a reset that it is not complete', async () => {
    const session = await served.session();
    const answer = await ask(session, { ':path': '/broken' });
    expect(answer.headers[':status']).to.equal(200);
    expect(answer.resetCode).to.equal(constants.NGHTTP2_INTERNAL_ERROR);
    expect((await ask(session, { ':path': '/brief' })).text).to.equal('brief');
    session.destroy();
  });
});
