import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import Koa from 'koa';
import type { AppState } from '../../../api/server/context.ts';
import { devListener, type Listener } from '../../../api/server/listener.ts';
import { arrivalOf } from '../../../api/server/middleware/arrival.ts';
import { takeOver } from '../../../api/server/upgrades.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { openServer, type TestServer } from './harness.ts';

const listen = { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog };

/** Sends bytes as they are, and reads until the server closes. */
async function say(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const offer = (path: string, protocol: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${more}\r\n`;

describe('a request to change protocols', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  for (const [name, path, status, words] of [
    ['a path that is not served', '/nowhere', 404, 'the server could not find the requested resource'],
    ['what needs no other protocol', '/api/v1/namespaces/default', 200, '"kind":"Namespace"'],
    ['a long answer', '/openapi/v3/apis/gantry.dev/v1', 200, 'x-kubernetes-group-version-kind'],
  ] as const) {
    it(`gets the ordinary answer for ${name}, and the connection closes`, async () => {
      for (const protocol of ['websocket', 'SPDY/3.1']) {
        const answer = await say(server.port, offer(path, protocol));
        expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect(answer).to.match(/\r\nConnection: close\r\n/);
        expect(answer).to.include(words);
        const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(answer)?.[1]);
        const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
        expect(Buffer.byteLength(body)).to.equal(length);
      }
    });
  }

  it('is refused like any other by the listener', async () => {
    const text = offer('/api', 'websocket').replace('Host: localhost', 'Host: evil.example');
    expect(await say(server.port, text)).to.match(/^HTTP\/1\.1 403 /);
  });

  it('for a protocol that nothing here speaks is answered on a connection that stays open', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(offer('/livez', 'h2c', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n'));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).to.match(/^HTTP\/1\.1 200 .*\r\nConnection: keep-alive\r\n/s);
    socket.end('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(await readAll(socket)).to.match(/^HTTP\/1\.1 200 /);
  });

  it('as CONNECT is refused: this is no proxy', async () => {
    const answer = await say(
      server.port,
      'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n',
    );
    expect(answer).to.match(/^HTTP\/1\.1 405 /);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).to.include({
      kind: 'Status',
      reason: 'MethodNotAllowed',
    });
  });
});

describe('a handler that takes a connection over', () => {
  let listener: Listener;
  let port: number;

  before(async () => {
    const app = new Koa<AppState, object>();
    app.use((ctx) => {
      const { identity, stopping } = arrivalOf(ctx.req);
      const { socket, head } = takeOver(ctx);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n\r\n${identity?.name}:${head.toString()}`);
      socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
      stopping.addEventListener('abort', () => socket.write('stopping'));
    });
    listener = devListener(app, listen);
    ({ port } = await listener.start());
  });

  it('has it for itself, with who asks and what came early, and is told when the listener stops', async () => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const until = async (ending: string): Promise<void> => {
      while (!text.endsWith(ending)) await once(socket, 'data');
    };
    socket.write(`${offer('/', 'websocket')}early`);
    await until('dev:early');
    expect(text).to.match(/^HTTP\/1\.1 101 /);
    socket.write('later');
    await until('LATER');
    const stopped = listener.stop(50);
    await until('stopping');
    await Promise.all([stopped, once(socket, 'close')]);
  });
});
