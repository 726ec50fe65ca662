/**
 * Connections that are no good: bytes without sense, requests that never end, floods of frames, clients that leave in
 * the middle. The server goes on answering everybody else, says nothing of it as an error, and keeps nothing of it.
 */
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { askPort } from '../api/server/harness.ts';
import { Certificates } from '../client/secureserver.ts';
import { Chance } from './chance.ts';
import { openSocket } from './rawhttp.ts';
import { eventually } from './round.ts';
import { type FuzzTarget, openTarget } from './target.ts';

const { GANTRY_TEST_LONG } = process.env;
const IDLE = GANTRY_TEST_LONG === '1' ? 3_000 : 300;
const SESSIONS = GANTRY_TEST_LONG === '1' ? 400 : 40;
const SEED = Number(process.env['GANTRY_FUZZ_SEED'] ?? '1');
const EXEC = '/api/v1/namespaces/default/pods/hello/exec?command=cat&stdin=1&stdout=1&stderr=1';
const FORWARD = '/api/v1/namespaces/default/pods/hello/portforward';
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

describe('connections that are no good', function () {
  this.timeout(60_000);
  const certificates = new Certificates();
  let target: FuzzTarget;
  before(async () => {
    target = await openTarget(certificates);
    await target.prepare();
  });
  after(async () => {
    await target.close();
    certificates.remove();
  });
  afterEach(async () => {
    expect((await askPort(target.plain.port, 'GET', '/api/v1/namespaces')).status).to.equal(200);
    await eventually('the server to be rid of every request', isQuiet);
    expect(target.takeFaults()).to.deep.equal([]);
  });

  /** Nothing runs but the question itself, and what controllers watch is none of HTTP's. */
  async function isQuiet(): Promise<boolean> {
    const { text } = await askPort(target.plain.port, 'GET', '/metrics');
    const sum = (name: string): number =>
      [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, 'gm'))].reduce(
        (total, [, figure]) => total + Number(figure),
        0,
      );
    return sum('apiserver_longrunning_requests') === 0 && sum('apiserver_current_inflight_requests') <= 1;
  }

  async function open(): Promise<Socket> {
    const socket = openSocket(target.plain);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  async function openSecurely(protocol: 'h2' | 'http/1.1'): Promise<Socket> {
    const { port, secure } = target.secure;
    const socket = connectTls({ host: '127.0.0.1', port, ALPNProtocols: [protocol], ...secure });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Everything the server says until it closes, or until `isEnough`. */
  async function heard(socket: Socket, isEnough: (text: string) => boolean = () => false): Promise<string> {
    let text = '';
    const done = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (isEnough(text)) resolve();
      });
      socket.on('close', () => resolve());
    });
    await done;
    return text;
  }

  it('idle by the hundred: others are answered', async () => {
    const sockets = await Promise.all(Array.from({ length: IDLE }, open));
    for (const socket of sockets.slice(0, IDLE / 2)) socket.write('GET /api HTTP/1.1\r\nHost: local');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => askPort(target.plain.port, 'GET', '/apis')),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    for (const socket of sockets) socket.destroy();
  });

  it('pipelining: every request is answered, in order', async () => {
    const socket = await open();
    const paths = ['/version', '/api', '/nowhere', '/livez', '/api/v1/namespaces/default'];
    const requests = paths.map(
      (path, index) =>
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${index === paths.length - 1 ? 'Connection: close\r\n' : ''}\r\n`,
    );
    const answer = heard(socket);
    socket.write(requests.join(''));
    const statuses = [...(await answer).matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    expect(statuses).to.deep.equal(['200', '200', '404', '200', '200']);
  });

  it('closing one half within a body: it is no request', async () => {
    const socket = await open();
    const answer = heard(socket);
    socket.end(
      'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"kind":',
    );
    expect(await answer).to.match(/^(?:HTTP\/1\.1 400 |$)/);
  });

  it('leaving within headers, bodies and answers', async () => {
    const request = `POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 64\r\n\r\n${'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"cut"}}'}`;
    for (let length = 1; length < request.length; length += 7) {
      const socket = await open();
      socket.write(request.slice(0, length));
      socket.resetAndDestroy();
    }
    for (const path of ['/openapi/v2', '/api/v1/events?watch=1', '/metrics']) {
      const socket = await open();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await once(socket, 'data');
      socket.resetAndDestroy();
    }
  });

  it('bytes without sense, in plain and in TLS', async () => {
    const chance = new Chance(SEED);
    for (let turn = 0; turn < 30; turn++) {
      for (const socket of [await open(), await openSecurely('http/1.1'), await openSecurely('h2')]) {
        const closed = heard(socket);
        socket.write(chance.of([chance.bytes(chance.between(1, 300)), Buffer.from(PREFACE)]));
        socket.end(chance.bytes(chance.between(1, 3_000)));
        setTimeout(() => socket.destroy(), 100);
        await closed;
      }
    }
  });

  it('lengths that contradict each other: refused, and the rest is no second request', async () => {
    const body = '0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
    for (const headers of [
      `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked`,
      'Content-Length: 4\r\nContent-Length: 5',
      'Content-Length: -1',
      'Content-Length: 1e3',
      'Transfer-Encoding: chunked, identity',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding : chunked',
    ]) {
      const socket = await open();
      const answer = heard(socket);
      socket.write(`POST /api HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n${body}`);
      setTimeout(() => socket.end(), 50);
      const text = await answer;
      expect(text, headers).to.match(/^HTTP\/1\.1 400 /);
      expect(text.match(/HTTP\/1\.1 \d/g), headers).to.have.length(1);
    }
  });

  it('an expectation nobody has heard of: ignored, and the body of the request is read', async () => {
    const { port, secure } = target.secure;
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ...secure });
    const stream = session.request({ ':method': 'POST', ':path': '/nowhere', expect: 'more' });
    const answered = once(stream, 'response');
    const closed = once(stream, 'close');
    stream.resume();
    stream.end(Buffer.alloc(1_000_000));
    expect((await answered)[0]).to.include({ ':status': 404 });
    await closed;
    session.destroy();
  });

  it('HTTP/2 streams opened and reset by the thousand: that connection ends, others do not', async () => {
    const { port, secure } = target.secure;
    const bystander = connectHttp2(`https://127.0.0.1:${port}`, { ...secure });
    const flood = connectHttp2(`https://127.0.0.1:${port}`, { ...secure });
    flood.on('error', () => undefined);
    await once(flood, 'connect');
    for (let turn = 0; turn < 3_000 && !flood.destroyed; turn++) {
      const stream = flood.request({ ':path': '/api/v1/namespaces' });
      stream.on('error', () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
      if (turn % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const stream = bystander.request({ ':path': '/api/v1/namespaces' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).to.equal(200);
    flood.destroy();
    bystander.destroy();
  });

  for (const [name, frame] of [
    ['SETTINGS', Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])],
    ['PING', Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])],
    ['WINDOW_UPDATE', Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1])],
    ['PRIORITY', Buffer.from([0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 3, 1])],
    ['frames of an unknown type', Buffer.from([0, 0, 1, 0xbe, 0, 0, 0, 0, 0, 0])],
    ['headers without an end', Buffer.from([0, 0, 1, 9, 0, 0, 0, 0, 1, 0x82])],
  ] as const) {
    it(`an HTTP/2 flood of ${name}, whose answers nobody reads`, async () => {
      const socket = await openSecurely('h2');
      socket.pause();
      socket.write(PREFACE);
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      if (name === 'headers without an end') socket.write(Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]));
      const many = Buffer.concat(Array.from({ length: 2_000 }, () => frame));
      const before = process.memoryUsage().rss;
      const closed = once(socket, 'close').then(() => undefined);
      for (let turn = 0; turn < 50 && socket.writable; turn++) {
        const flushed = new Promise<void>((resolve) => socket.write(many, () => resolve()));
        await Promise.race([flushed, closed, inMs(200)]);
      }
      expect((await askPort(target.plain.port, 'GET', '/apis')).status).to.equal(200);
      expect(process.memoryUsage().rss - before).to.be.lessThan(200e6);
      socket.destroy();
    });
  }

  const webSocket = (protocol: string): string =>
    `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${protocol}\r\n`;
  const spdy = (protocol: string): string =>
    `Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n`;
  for (const [name, path, headers, wrap] of [
    ['WebSocket exec', EXEC, webSocket('v5.channel.k8s.io'), maskedFrame],
    ['WebSocket exec in base64', EXEC, webSocket('base64.channel.k8s.io'), maskedFrame],
    ['WebSocket port-forward', `${FORWARD}?ports=80,81`, webSocket('v4.channel.k8s.io'), maskedFrame],
    ['SPDY in a WebSocket', FORWARD, webSocket('SPDY/3.1+portforward.k8s.io'), maskedFrame],
    ['SPDY exec', EXEC, spdy('v4.channel.k8s.io'), spdyFrame],
    ['SPDY port-forward', FORWARD, spdy('portforward.k8s.io'), spdyFrame],
  ] as const) {
    it(`frames without sense after a good handshake: ${name} (GANTRY_FUZZ_SEED=${SEED})`, async () => {
      const chance = new Chance(SEED);
      for (let turn = 0; turn < SESSIONS; turn++) {
        const socket = await open();
        const answered = heard(socket, (text) => text.includes('\r\n\r\n'));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n${headers}\r\n`);
        expect(await answered).to.match(/^HTTP\/1\.1 101 /);
        socket.resume();
        for (let frames = chance.between(1, 30); frames > 0; frames--) {
          socket.write(chance.is(0.8) ? wrap(chance) : chance.bytes(chance.between(1, 500)));
          if (chance.is(0.2)) await new Promise((resolve) => setImmediate(resolve));
        }
        if (chance.is(0.5)) socket.resetAndDestroy();
        else socket.destroy();
      }
    });
  }
});

function inMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A client's frame, with an honest length more often than not. */
function maskedFrame(chance: Chance): Buffer {
  const payload = chance.is(0.3) ? spdyFrame(chance) : chance.bytes(chance.below(125));
  const opcode = chance.weighted([10, 2], [2, 1], [1, 0], [1, 8], [1, 9], [1, 10], [1, chance.below(16)]);
  const fin = chance.is(0.9) ? 0x80 : 0;
  const length = chance.is(0.95) ? Math.min(payload.length, 125) : chance.below(128);
  // A mask of zeros changes nothing: the payload goes as it is.
  return Buffer.concat([Buffer.from([fin | opcode, 0x80 | length, 0, 0, 0, 0]), payload.subarray(0, 125)]);
}

function spdyFrame(chance: Chance): Buffer {
  const payload = chance.bytes(chance.below(100));
  const length = chance.is(0.95) ? payload.length : chance.below(2 ** 24);
  const head = Buffer.alloc(8);
  if (chance.is(0.7)) {
    head.writeUInt16BE(0x8003, 0);
    head.writeUInt16BE(chance.between(0, 12), 2);
    // Most control frames begin with the id of their stream.
    if (payload.length >= 4) payload.writeUInt32BE(chance.below(8), 0);
  } else head.writeUInt32BE(chance.below(8), 0);
  head.writeUInt32BE((chance.below(4) << 24) | length, 4);
  return Buffer.concat([head, payload]);
}
