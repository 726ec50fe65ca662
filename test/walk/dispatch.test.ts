/**
 * The dispatch door of a real Gantry on a real engine: work is done and told of, over the plain listener of the manager and
 * over HTTPS with a token; and what is asked twice is done once, also when Gantry is killed in between.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { isRecord } from '../../machinery/json.ts';
import { document } from '../../schemas/doors/dispatch.gen.ts';
import { conforms } from '../api/doors/openapi.ts';
import { command, eventually, GantryProcess } from './process.ts';

const templates = join(import.meta.dirname, '../../manifests/templates');
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

interface Told {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

type Ask = (method: string, path: string, body?: object) => Promise<Told>;

describe('The dispatch door, on a real engine', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
    for (const name of ['fib', 'eval', 'wait']) {
      const { code, stderr } = await gantry.kubectl(['apply', '-f', join(templates, `${name}.yaml`)]);
      expect(code, stderr).to.equal(0);
    }
  });
  after(() => gantry?.dispose());

  const judged = (method: string, path: string, status: number, type: string, text: string): Told => {
    const body: unknown = JSON.parse(text);
    const template = path.replace(/^(\/api\/v1\/(?:status|cancel))\/.*$/, '$1/{task_id}');
    conforms(document, method, template, status, type, body);
    return { status, body: isRecord(body) ? body : { items: body } };
  };
  /** As `curl http://localhost:8000/…` does. */
  const plain: Ask = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${gantry.managerPort}${path}`, {
      method,
      headers: {
        'Content-Type': 'application/json',
        traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const type = answer.headers.get('content-type') ?? '';
    return judged(method, path, answer.status, type, await answer.text());
  };
  /** As `curl --cacert … -H "Authorization: Bearer …"` does. */
  const secured =
    (token: string | undefined): Ask =>
    (method, path, body) =>
      new Promise((resolve, reject) => {
        const asked = request(
          {
            host: '127.0.0.1',
            port: gantry.securePort,
            method,
            path,
            ca: authorityIn(gantry.kubeconfig),
            agent: false,
            headers: {
              ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
              ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
            },
          },
          (answer) => {
            let text = '';
            answer.setEncoding('utf8');
            answer.on('data', (chunk: string) => (text += chunk));
            answer.on('error', reject);
            answer.on('end', () => {
              try {
                resolve(
                  judged(method, path, answer.statusCode ?? 0, answer.headers['content-type'] ?? '', text),
                );
              } catch (error) {
                reject(error);
              }
            });
          },
        );
        asked.on('error', reject);
        asked.end(body === undefined ? undefined : JSON.stringify(body));
      });

  const untilEnded = (ask: Ask, id: string): Promise<Record<string, unknown>> =>
    eventually(`the end of ${id}`, async () => {
      const { body } = await ask('GET', `/api/v1/status/${encodeURIComponent(id)}`);
      return ['pending', 'running'].includes(String(body['status'])) ? undefined : body;
    });
  const runCount = async (): Promise<number> => {
    const { stdout } = await gantry.kubectl(['get', 'runs', '-o', 'name']);
    return stdout.split('\n').filter((line) => line !== '').length;
  };

  it('D2.1 and D2.2: fib is dispatched over the plain listener, done, and its output told', async () => {
    const id = 'My first task';
    const asked = { task_id: id, work_type: 'fib', parameters: { position: 10 } };
    const { status, body } = await plain('POST', '/api/v1/dispatch', asked);
    expect([status, body['status'], body['trace_id']]).to.deep.equal([200, 'pending', TRACE]);
    const done = await untilEnded(plain, id);
    expect(done).to.include({
      status: 'completed',
      progress: 100,
      exit_code: 0,
      trace_id: TRACE,
      attempts: 1,
    });
    expect(done['output']).to.match(/value is '34'\.\n$/);
    expect((await plain('GET', '/api/v1/agents')).body['items']).to.have.length(1);
    expect((await plain('GET', '/health')).body).to.include({ status: 'ok', store: 'ok' });
  });

  it('D2.5: nobody is told anything over HTTPS, and one with a token what its rights let', async () => {
    const { status, body } = await secured(undefined)('GET', '/api/v1/agents');
    expect([status, body['error_code']]).to.deep.equal([401, 4001]);
    const kubectl = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await gantry.kubectl(words);
      expect(code, stderr).to.equal(0);
      return stdout.trim();
    };
    await kubectl('create', 'serviceaccount', 'dispatcher');
    const poor = secured(await kubectl('create', 'token', 'dispatcher'));
    expect((await poor('GET', '/api/v1/status/My%20first%20task')).body['error_code']).to.equal(4003);
    await kubectl(
      'create',
      'rolebinding',
      'dispatcher',
      '--clusterrole=edit',
      '--serviceaccount=default:dispatcher',
    );
    const ask = secured(await kubectl('create', 'token', 'dispatcher'));
    const id = randomUUID();
    const asked = { task_id: id, work_type: 'eval', parameters: { expression: '6 * 7' }, request_id: id };
    expect((await ask('POST', '/api/v1/dispatch', asked)).status).to.equal(200);
    expect((await untilEnded(ask, id))['output']).to.match(/value is '42'\.\n$/);
  });

  it('D2.4: what waits is cancelled, and its container ends', async () => {
    const asked = {
      task_id: 'long',
      work_type: 'wait',
      parameters: { seconds: 3_600, url: 'http://127.0.0.1/' },
    };
    await plain('POST', '/api/v1/dispatch', asked);
    await eventually('it runs', async () => {
      const { body } = await plain('GET', '/api/v1/status/long');
      return String(body['output']).includes('Waiting') || undefined;
    });
    expect((await plain('POST', '/api/v1/cancel/long')).body).to.include({ status: 'cancelled' });
    expect(await untilEnded(plain, 'long')).to.include({ status: 'cancelled' });
    expect((await plain('POST', '/api/v1/cancel/long')).body).to.include({ error_code: 2002 });
  });

  it('D2.12: a task waits for those it depends on', async () => {
    const fib = (id: string, ...depends_on: string[]): object => ({
      task_id: id,
      work_type: 'fib',
      parameters: { position: 3 },
      depends_on,
    });
    await plain('POST', '/api/v1/dispatch', fib('one'));
    await plain('POST', '/api/v1/dispatch', fib('two', 'one'));
    await plain('POST', '/api/v1/dispatch', fib('three', 'two'));
    expect(await untilEnded(plain, 'three')).to.include({ status: 'completed' });
    const times = await Promise.all(
      ['one', 'two', 'three'].map(async (id) => (await plain('GET', `/api/v1/status/${id}`)).body),
    );
    for (const [before, after] of [
      [times[0], times[1]],
      [times[1], times[2]],
    ]) {
      expect(Date.parse(String(after?.['started_at']))).to.be.greaterThanOrEqual(
        Date.parse(String(before?.['finished_at'])),
      );
    }
  });

  it('D2.1 to D2.4: each request of docs/doors/dispatch.md is answered as it says', async () => {
    const { stdout: token } = await gantry.kubectl(['create', 'token', 'dispatcher']);
    const ca = join(gantry.home, 'ca.crt');
    writeFileSync(ca, authorityIn(gantry.kubeconfig));
    const lines = readFileSync(join(import.meta.dirname, '../../docs/doors/dispatch.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('curl '));
    expect(lines).to.have.length.greaterThan(9);
    // What is cancelled has to be there.
    for (const line of lines.toSorted((a, b) => Number(a.includes('-X')) - Number(b.includes('-X')))) {
      const here = line
        .replace('localhost:8000', `localhost:${gantry.managerPort}`)
        .replace('127.0.0.1:7443', `127.0.0.1:${gantry.securePort}`)
        .replace('ca.crt', ca)
        .replace(/^curl/, `curl -sS -w '\\n%{http_code}'`);
      const { code, stdout, stderr } = await command('sh', ['-c', here], { env: { TOKEN: token.trim() } });
      expect([code, stdout.split('\n').at(-1)], `${here}\n${stdout}${stderr}`).to.deep.equal([0, '200']);
    }
    expect(await untilEnded(plain, 'order-4711')).to.include({ status: 'completed' });
    expect(await untilEnded(plain, 'order-4712')).to.include({ status: 'cancelled' });
  });

  it('D2.10: stops in order while work goes on, and is told of it when it is back', async () => {
    const asked = {
      task_id: 'going-on',
      work_type: 'wait',
      parameters: { seconds: 2, url: 'http://127.0.0.1:9/' },
    };
    await plain('POST', '/api/v1/dispatch', asked);
    await eventually('it runs', async () => {
      const { body } = await plain('GET', '/api/v1/status/going-on');
      return String(body['output']).includes('Waiting') || undefined;
    });
    expect(await gantry.stop('SIGTERM')).to.equal(0);
    await gantry.start();
    expect(await untilEnded(plain, 'going-on')).to.include({ status: 'failed', exit_code: 75, attempts: 1 });
    expect((await plain('GET', '/health')).body).to.include({ store: 'ok' });
  });

  it('D2.6: two hundred retries of one request make one Run, also when Gantry is killed between them', async () => {
    const before = await runCount();
    const id = randomUUID();
    const asked = { task_id: id, work_type: 'fib', parameters: { position: 94 }, request_id: id };
    const first = await plain('POST', '/api/v1/dispatch', asked);
    await gantry.stop('SIGKILL');
    await gantry.start();
    const retries = await Promise.all(
      Array.from({ length: 200 }, () => plain('POST', '/api/v1/dispatch', asked)),
    );
    for (const retry of retries) expect(retry).to.deep.equal(first);
    expect(await runCount()).to.equal(before + 1);
    expect((await untilEnded(plain, id))['output']).to.match(/value is '12200160415121876738'\.\n$/);
  });
});

function authorityIn(kubeconfig: string): string {
  const config = load(readFileSync(kubeconfig, 'utf8'));
  const clusters = isRecord(config) && Array.isArray(config['clusters']) ? config['clusters'] : [];
  const cluster: unknown = isRecord(clusters[0]) ? clusters[0]['cluster'] : undefined;
  const data = isRecord(cluster) ? cluster['certificate-authority-data'] : undefined;
  return Buffer.from(String(data), 'base64').toString('utf8');
}
