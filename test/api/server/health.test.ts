import { expect } from 'chai';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { taskManifest } from '../../builders.ts';
import { openServer, serve, type TestServer } from './harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';

describe('health', () => {
  let server: TestServer;
  let problem: string | undefined;
  let isSilent = false;
  let asked = Promise.withResolvers<void>();
  before(async () => {
    const check = (): void | Promise<void> => {
      asked.resolve();
      if (isSilent) return new Promise(() => undefined);
      if (problem !== undefined) throw new Error(problem);
    };
    server = await openServer({ readinessChecks: [{ name: 'engine', check, note: () => 'docker 28' }] });
  });
  beforeEach(() => {
    problem = undefined;
    isSilent = false;
  });
  after(() => server.close());

  it('says ok', async () => {
    for (const path of ['/livez', '/readyz', '/healthz']) {
      const { status, text, headers } = await server.ask('GET', path);
      expect([status, text, headers['content-type']]).to.deep.equal([200, 'ok', 'text/plain; charset=utf-8']);
    }
  });

  it('says each check with ?verbose', async () => {
    expect((await server.ask('GET', '/livez?verbose')).text).to.equal('[+]ping ok\nlivez check passed\n');
    expect((await server.ask('GET', '/readyz?verbose=true')).text).to.equal(
      '[+]ping ok\n[+]caches ok\n[+]engine ok: docker 28\n[+]shutdown ok\nreadyz check passed\n',
    );
  });

  it('fails as a whole when one check does, and keeps the reason to itself', async () => {
    problem = 'a secret';
    const { status, text } = await server.ask('GET', '/readyz');
    expect(status).to.equal(500);
    expect(text).to.include('[-]engine failed: reason withheld\n').and.include('readyz check failed');
    expect(text).not.to.include(problem);
    expect((await server.ask('GET', '/livez')).status).to.equal(200);
    expect((await server.ask('GET', '/readyz/caches')).status).to.equal(200);
    expect((await server.ask('GET', '/readyz/engine')).status).to.equal(500);
    expect((await server.ask('GET', '/readyz?exclude=engine')).status).to.equal(200);
    const told = await server.ask('GET', '/readyz?verbose&exclude=engine&exclude=nothing');
    expect(told.text).to.include('[+]engine excluded: ok');
    expect(told.text).to.include(
      'warn: some health checks cannot be excluded: no matches for "nothing"\nreadyz check passed',
    );
    expect((await server.ask('GET', '/readyz/nothing')).status).to.equal(404);
  });

  it('fails when a check does not answer', async () => {
    isSilent = true;
    asked = Promise.withResolvers<void>();
    const answered = server.ask('GET', '/readyz?verbose');
    await asked.promise;
    server.world.clock.advance(5_000);
    const { status, text } = await answered;
    expect([status, text]).to.deep.equal([
      500,
      '[+]ping ok\n[+]caches ok\n[-]engine failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n',
    ]);
  });
});

describe('metrics', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await openServer();
  });
  afterEach(() => server.close());

  const scrape = async (): Promise<string> => (await server.ask('GET', '/metrics')).text;

  it('count requests by verb, resource and code, and time them', async () => {
    await server.ask('POST', TASKS, { body: taskManifest('hello') });
    await server.ask('GET', TASKS);
    await server.ask('GET', `${TASKS}/hello`);
    await server.ask('GET', `${TASKS}/absent`);
    const text = await scrape();
    const line = (verb: string, scope: string, code: number): string =>
      `apiserver_request_total{verb="${verb}",group="gantry.dev",version="v1",resource="tasks",subresource="",scope="${scope}",door="kubernetes",code="${code}"} 1`;
    expect(text).to.include(line('POST', 'namespace', 201));
    expect(text).to.include(line('LIST', 'namespace', 200));
    expect(text).to.include(line('GET', 'resource', 200));
    expect(text).to.include(line('GET', 'resource', 404));
    expect(text).to.match(/apiserver_request_duration_seconds_count\{verb="LIST",group="gantry.dev".*\} 1/);
    expect(text).to.match(/apiserver_current_inflight_requests\{request_kind="readOnly"\} 1\n/);
    expect(text).to.match(/apiserver_current_inflight_requests\{request_kind="mutating"\} 0\n/);
  });

  it('count watches while they are open, and the events they are sent', async () => {
    await server.ask('POST', TASKS, { body: taskManifest('hello') });
    const lines = await server.stream(`${TASKS}?watch=1`);
    await lines.next();
    const text = await scrape();
    const labels =
      'verb="WATCH",group="gantry.dev",version="v1",resource="tasks",subresource="",scope="namespace"';
    expect(text).to.include(`apiserver_longrunning_requests{${labels}} 1`);
    expect(text).to.include('apiserver_watch_events_total{group="gantry.dev",version="v1",kind="Task"} 1');
    expect(text).not.to.include(`apiserver_request_duration_seconds_count{${labels}}`);
    lines.close();
  });

  it('have no more series however many paths are made up', async () => {
    const count = async (): Promise<number> =>
      (await scrape()).split('\n').filter((line) => line.startsWith('apiserver_request_total{')).length;
    await scrape();
    await server.ask('GET', '/nowhere/1');
    await server.ask('GET', '/apis/nowhere.dev/v1/namespaces/x/things/1');
    const before = await count();
    for (let at = 0; at < 20; at++) {
      await server.ask('GET', `/nowhere/${at}`);
      await server.ask('GET', `/apis/g${at}.dev/v1/namespaces/x/things/${at}`);
      await server.ask('GET', `/readyz/check${at}`);
      await server.ask('GET', `/openapi/v3/apis/g${at}/v1`);
    }
    // Health and OpenAPI were asked for the first time.
    expect((await count()) - before).to.be.at.most(2);
  });

  const OPENMETRICS = 'application/openmetrics-text;version=1.0.0;q=0.75, text/plain;version=0.0.4;q=0.5';

  it('D2.5 are OpenMetrics for those who ask, with the trace of the last request in each bucket', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    await server.ask('GET', TASKS, { headers });
    const answer = await server.ask('GET', '/metrics', { headers: { Accept: OPENMETRICS } });
    expect(answer.headers).to.include({
      'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      vary: 'Accept',
    });
    const lines = answer.text.split('\n');
    expect(lines.slice(-2)).to.deep.equal(['# EOF', '']);
    expect(lines.slice(0, -1)).to.include('# TYPE apiserver_request counter').and.not.include('');
    const marked = lines.filter((line) => line.includes(' # {'));
    expect(marked).to.have.length(1);
    expect(marked[0]).to.match(
      new RegExp(
        `^apiserver_request_duration_seconds_bucket\\{le="[^"]+",verb="LIST",.*resource="tasks".*\\} 1 # \\{trace_id="${trace}"\\} [0-9.e-]+ 1767225600$`,
      ),
    );
  });

  it('have the same series in both forms', async () => {
    await server.ask('GET', TASKS);
    const named = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.replace(/ # \{.*$/, '').replace(/ \S+$/, ''));
    await scrape();
    const plain = await scrape();
    const open = (await server.ask('GET', '/metrics', { headers: { Accept: OPENMETRICS } })).text;
    expect(named(open)).to.deep.equal(named(plain));
    // Writing the one has not changed the other.
    expect(named(await scrape())).to.deep.equal(named(plain));
  });

  for (const [accept, isOpen] of [
    ['', false],
    ['*/*', false],
    ['text/plain', false],
    ['text/plain, application/openmetrics-text;q=0.5', false],
    ['application/openmetrics-text', true],
    ['application/openmetrics-text;version=0.0.1', true],
    ['application/openmetrics-text;version=2.0.0', false],
  ] as const) {
    it(`are ${isOpen ? 'OpenMetrics' : 'plain text'} for "${accept}"`, async () => {
      const { headers } = await server.ask('GET', '/metrics', { headers: { Accept: accept } });
      expect(headers['content-type']).to.match(isOpen ? /^application\/openmetrics-text/ : /^text\/plain/);
    });
  }

  it('are only for those who may read them', async () => {
    const open = await serve({ ...server.world, metrics: newMetrics() }, { identity: DEV_IDENTITY });
    const answer = await open.ask('GET', '/metrics');
    expect([answer.status, answer.json().reason]).to.deep.equal([403, 'Forbidden']);
    await open.close();
  });
});
