/** gRPC health probes against the official server library. */
import { createServer as createHttp2Server } from 'node:http2';
import { type handleUnaryCall, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import type { Answer } from '../../../agent/probes/answer.ts';
import { askGrpc } from '../../../agent/probes/grpc.ts';
import { Loopback, roadToLoopback, within } from './loopback.ts';

const SERVING: Record<string, number | undefined> = { '': 1, shop: 1, down: 2, odd: 0 };

/** `grpc.health.v1.Health`, its two messages as bytes. */
const healthService = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  },
} as const;

const answerChecks: handleUnaryCall<Buffer, Buffer> = (call, reply) => {
  const service = call.request.length === 0 ? '' : call.request.subarray(2).toString();
  if (service === 'hangs') return;
  const found = SERVING[service];
  if (found === undefined) reply({ code: status.NOT_FOUND, details: 'unknown service' });
  else reply(null, found === 0 ? Buffer.alloc(0) : Buffer.from([0x08, found]));
};

describe('gRPC probes', () => {
  const loopback = new Loopback();
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) server.forceShutdown();
    await loopback.close();
  });

  const start = (hasHealth: boolean): Promise<number> => {
    const server = new Server();
    servers.push(server);
    if (hasHealth) server.addService(healthService, { Check: answerChecks });
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  };
  const ask = (port: number, service = '', timeoutMs = 5_000): Promise<Answer> =>
    within(timeoutMs, (signal) =>
      askGrpc(roadToLoopback(), { port, service, userAgent: 'gantry-probe/1', timeoutMs }, signal),
    );

  it('only SERVING is success, of the server or of one service', async () => {
    const port = await start(true);
    expect(await ask(port)).to.deep.equal({ kind: 'success' });
    expect(await ask(port, 'shop')).to.deep.equal({ kind: 'success' });
    const unhealthy = (word: string): Answer => ({
      kind: 'failure',
      message: `service unhealthy (responded with "${word}")`,
    });
    expect(await ask(port, 'down')).to.deep.equal(unhealthy('NOT_SERVING'));
    expect(await ask(port, 'odd')).to.deep.equal(unhealthy('UNKNOWN'));
    expect(await ask(port, 'nobody')).to.deep.equal({
      kind: 'failure',
      message: 'error: health rpc failed: status 5: unknown service',
    });
  });

  it('says of a server without the protocol that it has none', async () => {
    const answer = await ask(await start(false));
    expect(answer).to.include({ kind: 'failure' });
    expect(JSON.stringify(answer)).to.contain('does not implement the grpc health protocol');
  });

  it('fails what is late, what is no gRPC, what hangs up and what is not there', async () => {
    expect(await ask(await start(true), 'hangs', 200)).to.deep.equal({
      kind: 'failure',
      message: 'timeout: health rpc did not complete within 0.2s',
    });
    const plain = await loopback.listen(createHttp2Server((_, response) => response.writeHead(404).end()));
    expect(await ask(plain)).to.deep.equal({
      kind: 'failure',
      message: 'error: health rpc failed: HTTP status 404 without a gRPC status',
    });
    expect(await ask(await loopback.raw((socket) => socket.end()))).to.include({ kind: 'failure' });
    expect(await ask(await loopback.raw((socket) => socket.end('220 smtp\r\n')))).to.include({
      kind: 'failure',
    });
    const nobody = await loopback.closedPort();
    expect(await ask(nobody)).to.deep.equal({
      kind: 'failure',
      message: `error: failed to connect service "127.0.0.1:${nobody}": dial tcp 127.0.0.1:${nobody}: connect: connection refused`,
    });
  });
});
