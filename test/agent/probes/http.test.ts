/** HTTP and TCP probes against real servers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { Answer } from '../../../agent/probes/answer.ts';
import { askHttp, type HttpQuestion } from '../../../agent/probes/http.ts';
import { askTcp } from '../../../agent/probes/tcp.ts';
import { eventually } from '../../runtime/expectations.ts';
import { Loopback, roadToLoopback, within } from './loopback.ts';

/** Generous: the machine is busy. Only what is to time out gets less. */
const PLENTY_MS = 5_000;

describe('HTTP and TCP probes', () => {
  const loopback = new Loopback();
  afterEach(() => loopback.close());

  const serve = (listener: RequestListener): Promise<number> => loopback.listen(createServer(listener));
  const ask = (
    port: number,
    question: Partial<HttpQuestion> = {},
    timeoutMs = PLENTY_MS,
  ): Promise<Answer> => {
    const whole: HttpQuestion = {
      what: 'HTTP probe',
      scheme: 'HTTP',
      port,
      path: '/',
      headers: [],
      userAgent: 'gantry-probe/1',
      ...question,
    };
    return within(timeoutMs, (signal) => askHttp(roadToLoopback(), whole, signal));
  };

  const statuses: readonly (readonly [number, Answer['kind']])[] = [
    [200, 'success'],
    [204, 'success'],
    [299, 'success'],
    [304, 'warning'],
    [399, 'warning'],
    [400, 'failure'],
    [404, 'failure'],
    [500, 'failure'],
    [503, 'failure'],
  ];
  for (const [status, kind] of statuses) {
    it(`takes status ${status} for ${kind}`, async () => {
      const port = await serve((_, response) => response.writeHead(status).end());
      const answer = await ask(port);
      expect(answer.kind).to.equal(kind);
      if (answer.kind === 'failure') {
        expect(answer.message).to.equal(`HTTP probe failed with statuscode: ${status}`);
      }
    });
  }

  it('sends the request that was declared, over a connection that it then lets go of', async () => {
    const seen: string[][] = [];
    const port = await serve((request, response) => {
      seen.push([request.method ?? '', request.url ?? '', ...request.rawHeaders]);
      response.end('fine');
    });
    expect(await ask(port)).to.deep.equal({ kind: 'success' });
    const headers = [
      { name: 'Host', value: 'shop.example' },
      { name: 'X-Word', value: 'zwölf' },
      { name: 'X-Word', value: 'again' },
      { name: 'user-agent', value: 'me' },
    ];
    expect((await ask(port, { path: 'a b/ü?q=1&r=#end', headers })).kind).to.equal('success');
    const latin = Buffer.from('zwölf').toString('latin1');
    expect(seen.map((words) => words.join('|'))).to.deep.equal([
      `GET|/|Host|127.0.0.1:${port}|User-Agent|gantry-probe/1|Accept|*/*|Connection|close`,
      `GET|/a%20b/%C3%BC?q=1&r=|Host|shop.example|X-Word|${latin}|X-Word|again|user-agent|me|Accept|*/*|Connection|close`,
    ]);
    await eventually(() => Promise.resolve(loopback.connections === 0 || undefined), 'no connection');
  });

  it('leaves out a User-Agent that is given empty, and refuses a header that HTTP cannot carry', async () => {
    const seen: (string | undefined)[] = [];
    const port = await serve((request, response) => {
      seen.push(request.headers['user-agent']);
      response.end();
    });
    await ask(port, { headers: [{ name: 'User-Agent', value: '' }] });
    expect(seen).to.deep.equal([undefined]);
    const answer = await ask(port, { headers: [{ name: 'X', value: 'a\u0001b' }] });
    expect(answer).to.include({ kind: 'failure' });
  });

  it('follows redirects to the same host, also to another port, and keeps the Host header on relative ones', async () => {
    const end = await serve((request, response) => {
      response.writeHead(request.url === '/end' ? 200 : 500).end();
    });
    const hosts: (string | undefined)[] = [];
    const port = await serve((request, response) => {
      hosts.push(request.headers.host);
      const location = request.url === '/' ? '/next' : `http://127.0.0.1:${end}/end`;
      response.writeHead(302, { location }).end();
    });
    expect(await ask(port, { headers: [{ name: 'Host', value: 'a.example' }] })).to.deep.equal({
      kind: 'success',
    });
    expect(hosts).to.deep.equal(['a.example', 'a.example']);
  });

  it('takes a redirect to another host for success with a warning, and goes nowhere', async () => {
    const port = await serve((_, response) => {
      response.writeHead(301, { location: 'http://169.254.169.254/' }).end('moved');
    });
    expect(await ask(port)).to.deep.equal({
      kind: 'warning',
      message: 'Probe terminated redirects, Response body: moved',
    });
  });

  it('gives up after ten redirects', async () => {
    let asked = 0;
    const port = await serve((_, response) => {
      asked++;
      response.writeHead(302, { location: '/' }).end();
    });
    const answer = await ask(port);
    expect(answer).to.deep.equal({
      kind: 'failure',
      message: `Get "http://127.0.0.1:${port}/": stopped after 10 redirects`,
    });
    expect(asked).to.equal(11);
  });

  it('reads no more of a body than 10 KiB', async () => {
    let written = 0;
    const port = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(4_096))) written += 4_096;
      };
      response.on('drain', more);
      more();
    });
    expect((await ask(port)).kind).to.equal('success');
    expect(written).to.be.greaterThan(10 * 1024);
  });

  const late: Record<string, RequestListener> = {
    'never answers': () => undefined,
    'never ends its answer': (_, response) => void response.write('begun'),
  };
  for (const [what, listener] of Object.entries(late)) {
    it(`fails a server that ${what}`, async () => {
      const port = await serve(listener);
      expect(await ask(port, { path: '/slow' }, 100)).to.deep.equal({
        kind: 'failure',
        message: `Get "http://127.0.0.1:${port}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
      });
      await eventually(() => Promise.resolve(loopback.connections === 0 || undefined), 'no connection');
    });
  }

  it('does not fail who answers while this whole process has no time', async () => {
    const port = await serve((_, response) => response.end());
    const answering = ask(port, {}, 400);
    // Longer than the question may take, and nothing moves meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800);
    expect(await answering).to.deep.equal({ kind: 'success' });
  });

  it('says in the kubelet’s words that nobody listens, and what came instead of HTTP', async () => {
    const nobody = await loopback.closedPort();
    const refused = `dial tcp 127.0.0.1:${nobody}: connect: connection refused`;
    expect(await ask(nobody)).to.deep.equal({
      kind: 'failure',
      message: `Get "http://127.0.0.1:${nobody}/": ${refused}`,
    });
    expect(await within(PLENTY_MS, (s) => askTcp(roadToLoopback(), { port: nobody }, s))).to.deep.equal({
      kind: 'failure',
      message: refused,
    });
    const closing = await loopback.raw((socket) => socket.once('data', () => socket.end()));
    expect(await ask(closing)).to.deep.equal({
      kind: 'failure',
      message: `Get "http://127.0.0.1:${closing}/": EOF`,
    });
    const other = await loopback.raw((socket) => socket.end('220 smtp ready\r\n'));
    expect(await ask(other)).to.include({ kind: 'failure' });
  });

  it('asks another host where one is given', async () => {
    const port = await serve((_, response) => response.end());
    expect((await ask(port, { host: 'localhost' })).kind).to.equal('success');
    expect(await ask(port, { host: 'nobody.invalid' }, PLENTY_MS)).to.satisfy(({ kind }: Answer) =>
      ['failure', 'unknown'].includes(kind),
    );
  });

  it('asks over TLS without a look at the certificate; a Host header is the name that the server is told', async () => {
    const home = mkdtempSync(join(tmpdir(), 'gantry-probe-'));
    const [key, cert] = [join(home, 'key'), join(home, 'cert')];
    const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=else'];
    execFileSync('openssl', [...words, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const names: unknown[] = [];
    const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      names.push((request.socket as TLSSocket).servername);
      response.writeHead(request.headers['x-pass'] === 'yes' ? 200 : 401).end();
    });
    rmSync(home, { recursive: true });
    const port = await loopback.listen(tls);
    const headers = [
      { name: 'Host', value: 'shop.example:8443' },
      { name: 'X-Pass', value: 'yes' },
    ];
    expect(await ask(port, { scheme: 'HTTPS', headers })).to.deep.equal({ kind: 'success' });
    expect(await ask(port, { scheme: 'HTTPS' })).to.include({ kind: 'failure' });
    expect(names).to.deep.equal(['shop.example', false]);
    const plain = await serve((_, response) => response.end());
    const answer = await ask(plain, { scheme: 'HTTPS' });
    expect(answer).to.include({ kind: 'failure' });
  });

  it('TCP: a taken connection is success', async () => {
    const port = await loopback.raw(() => undefined);
    const answer = await within(PLENTY_MS, (signal) => askTcp(roadToLoopback(), { port }, signal));
    expect(answer).to.deep.equal({ kind: 'success' });
    await eventually(() => Promise.resolve(loopback.connections === 0 || undefined), 'no connection');
  });
});
