/** Request targets: paths, whole URLs as clients of proxies send them, and what is neither. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { openServer, type TestServer } from './harness.ts';

describe('a request target', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  /** The status line and the body of the answer. */
  async function ask(
    target: string,
    headers = '',
  ): Promise<{ readonly status: number; readonly text: string }> {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers === '' ? 'Connection: close\r\n' : headers}\r\n`,
    );
    const text = Buffer.concat(await socket.toArray()).toString();
    return { status: Number(text.split(' ', 2)[1]), text };
  }

  for (const [target, status, words] of [
    ['/api', 200, 'APIVersions'],
    ['http://localhost/api', 200, 'APIVersions'],
    ['http://localhost/api?limit=1', 200, 'APIVersions'],
    ['http://localhost', 200, '"paths"'],
    ['http://localhost?limit=1', 200, '"paths"'],
    ['http://', 200, '"paths"'],
    ['http://?watch=1', 200, '"paths"'],
    ['http://[::1/api', 200, 'APIVersions'],
    ['http://a:b:c/none', 404, '"reason":"NotFound"'],
    ['*', 404, '"reason":"NotFound"'],
    ['//', 200, '"paths"'],
    ['/%', 404, '"reason":"NotFound"'],
  ] as const) {
    it(`of ${target} is answered with ${status}`, async () => {
      const answer = await ask(target);
      expect(answer.status, answer.text).to.equal(status);
      expect(answer.text).to.include(words);
    });
  }

  it('is read the same when the client would change protocols', async () => {
    const answer = await ask('http://?x', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
    expect(answer.status, answer.text).to.equal(200);
  });
});
