import { connect } from 'node:net';
import { expect } from 'chai';
import { openServer, type TestServer } from './harness.ts';

describe('What is no HTTP request', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  /** The status line of every answer, up to the end of the connection. */
  async function statuses(text: string): Promise<readonly string[]> {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return [
      ...Buffer.concat(chunks)
        .toString()
        .matchAll(/HTTP\/1\.1 (\d+)/g),
    ].map(([, code = '']) => code);
  }
  const head = 'Host: localhost\r\n';
  const rows: readonly (readonly [name: string, text: string, answers: readonly string[]])[] = [
    ['other bytes', '\u0016\u0003\u0001\u0002\u0000 hello\r\n\r\n', ['400']],
    ['an unknown version', `GET /livez HTTP/9.9\r\n${head}\r\n`, ['400']],
    ['a request without a host', 'GET /livez HTTP/1.1\r\n\r\n', ['400']],
    ['two lengths', `POST /api HTTP/1.1\r\n${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, ['400']],
    [
      'a length beside chunks',
      `POST /api HTTP/1.1\r\n${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ['400'],
    ],
    ['a bad chunk', `POST /livez HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, ['400']],
    ['nonsense right behind a request', `GET /livez HTTP/1.1\r\n${head}\r\nnonsense\r\n\r\n`, ['400']],
    ['headers without end', `GET /livez HTTP/1.1\r\n${head}X: ${'x'.repeat(200_000)}`, ['431']],
    ['headers that are many', `GET /livez HTTP/1.1\r\n${head}${'X-A: b\r\n'.repeat(20_000)}\r\n`, ['431']],
  ];
  for (const [name, text, wanted] of rows) {
    it(`gets ${wanted.join(', ')} for ${name}`, async () => {
      expect(await statuses(text)).to.deep.equal(wanted);
      expect((await server.ask('GET', '/livez')).status).to.equal(200);
    });
  }
});
