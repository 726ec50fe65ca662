/** Port-forward over WebSocket channels, and the SPDY tunnel in a WebSocket; real kubectls are in kubectl.test.ts. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { openServer, type TestServer } from '../harness.ts';
import { ChannelClient } from './channelclient.ts';
import { LocalContainer } from './localcontainer.ts';
import { running, runTask } from './rig.ts';

const POD = '/api/v1/namespaces/default/pods/hello';

describe('port-forward', () => {
  let server: TestServer;
  let container: LocalContainer;
  let echo: Server;
  let port: number;

  beforeEach(async () => {
    container = new LocalContainer();
    server = await openServer({ workerLink: container });
    await server.world.addWorker('w1');
    await runTask(server.world, 'hello', running);
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    port = (echo.address() as AddressInfo).port;
  });
  afterEach(async () => {
    await server.close();
    echo.close();
  });

  const url = (parameters: string): string => `ws://127.0.0.1:${server.port}${POD}/portforward?${parameters}`;
  const littleEndian = (value: number): Buffer => Buffer.from([value & 0xff, value >>> 8]);

  it('begins each channel with its port, and carries what comes after', async () => {
    const client = await ChannelClient.open(url(`ports=${port}&ports=${port}`));
    for (const channel of [0, 1, 2, 3]) {
      await client.until('the port', () => client.bytes(channel).length >= 2);
      expect(client.bytes(channel)).to.deep.equal(littleEndian(port));
    }
    client.send(0, 'first');
    client.send(2, 'second');
    await client.until('both echoes', () => client.bytes(0).length === 7 && client.bytes(2).length === 8);
    expect(client.bytes(0).subarray(2).toString()).to.equal('first');
    expect(client.bytes(2).subarray(2).toString()).to.equal('second');
    client.webSocket.terminate();
  });

  it('ends the input with the channel, gives the whole answer, then closes', async () => {
    const client = await ChannelClient.open(url(`ports=${port}`));
    const data = Buffer.alloc(3_000_000, 'x');
    for (let at = 0; at < data.length; at += 30_000) client.send(0, data.subarray(at, at + 30_000));
    client.end(0);
    expect((await client.closed).code).to.equal(1000);
    expect(client.bytes(0).length).to.equal(data.length + 2);
    expect(client.bytes(1).length).to.equal(2);
  });

  it('says on the error channel of a port that nobody listens there, and serves the other', async () => {
    const client = await ChannelClient.open(url(`ports=1,${port}`));
    await client.until('the error', () => client.bytes(1).length > 2);
    expect(client.bytes(1).subarray(2).toString()).to.match(
      /^error forwarding port 1 to pod "hello": connect to port 1/,
    );
    client.send(2, 'still here');
    await client.until('the echo', () => client.bytes(2).length === 12);
    client.end(2);
    await client.closed;
  });

  it('closes the connections when the client vanishes', async () => {
    const client = await ChannelClient.open(url(`ports=${port}`));
    client.send(0, 'x');
    await client.until('the echo', () => client.bytes(0).length === 3);
    client.webSocket.terminate();
    // A server is closed when its last connection is.
    const closed = once(echo, 'close');
    echo.close();
    await closed;
  });

  it('ends when the server stops', async () => {
    const client = await ChannelClient.open(url(`ports=${port}`));
    client.send(0, 'x');
    await client.until('the echo', () => client.bytes(0).length === 3);
    const stopped = server.listener.stop(10_000);
    await client.closed;
    await stopped;
  });

  it('is SPDY in a WebSocket under a name that is no token', async () => {
    const { port: at } = server;
    const protocol = 'SPDY/3.1+portforward.k8s.io';
    // The library refuses to offer such a name, too: the header is written by hand.
    const webSocket = new WebSocket(`ws://127.0.0.1:${at}${POD}/portforward`, {
      headers: { 'Sec-WebSocket-Protocol': protocol },
    });
    const answered = once(webSocket, 'upgrade') as Promise<[IncomingMessage]>;
    // It also refuses an answer to an offer that it did not make: what was answered is what counts here.
    webSocket.on('error', () => undefined);
    const [response] = await answered;
    expect(response.headers['sec-websocket-protocol']).to.equal(protocol);
    webSocket.terminate();
  });

  const refusals: readonly (readonly [why: string, parameters: string, says: RegExp])[] = [
    ['there is none', '', /^query parameter "ports" is required$/],
    ['it is empty', 'ports=', /^query parameter "ports" cannot be empty$/],
    ['it is no number', 'ports=http', /^unable to parse "http" as a port$/],
    ['it is zero', 'ports=0', /^port "0" must be > 0$/],
    ['it is too high', 'ports=80,65536', /^unable to parse "65536" as a port$/],
    ['there are too many', `ports=${Array.from({ length: 65 }, () => '80').join(',')}`, /at most 64/],
  ];
  for (const [why, parameters, says] of refusals) {
    it(`refuses a port when ${why}`, async () => {
      const { status, body } = await ChannelClient.refused(url(parameters));
      expect(status).to.equal(400);
      expect(body.message).to.match(says);
    });
  }
});
