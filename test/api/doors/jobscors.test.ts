import { createServer } from 'node:http';
import { expect } from 'chai';
import Koa from 'koa';
import { corsOf } from '../../../api/doors/jobs/cors.ts';
import type { AppState } from '../../../api/server/context.ts';
import { answeringErrors } from '../../../api/server/errors.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import { recordArrival } from '../../../api/server/middleware/arrival.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { schedulerSettings } from '../../../schemas/kinds.ts';
import { type Answer, askPort } from '../server/harness.ts';
import { type JobsRig, openJobsRig } from './jobsrig.ts';

const PAGE = 'https://jobs.example';
const OTHER = 'https://elsewhere.example';

describe('the jobs door: D3.11 CORS', () => {
  let rig: JobsRig;
  afterEach(() => rig.close());

  const open = async (...origins: readonly string[]): Promise<void> => {
    rig = await openJobsRig({ origins });
  };
  const ask = (
    method: string,
    origin: string,
    more: Record<string, string> = {},
    path = '/api/health',
  ): Promise<Answer> => rig.raw(method, path, { headers: { Origin: origin, ...more } });
  const preflight = (origin: string): Promise<Answer> =>
    ask('OPTIONS', origin, {
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type',
    });
  const allowed = ({ headers }: Answer): unknown[] => [
    headers['access-control-allow-origin'],
    headers['access-control-allow-credentials'],
  ];

  it('D3.11 says nothing of it where no page may', async () => {
    await open();
    const answer = await rig.ask('GET', '/api/health');
    expect(allowed(answer)).to.deep.equal([undefined, undefined]);
    expect(answer.headers.vary ?? '').not.to.match(/origin/i);
    expect(allowed(await preflight(PAGE))).to.deep.equal([undefined, undefined]);
  });

  it('D3.11 answers a preflight of a page that is named before anybody proves to be somebody', async () => {
    await open(PAGE);
    const answer = await preflight(PAGE);
    expect([answer.status, answer.text]).to.deep.equal([204, '']);
    expect(allowed(answer)).to.deep.equal([PAGE, 'true']);
    expect(answer.headers['access-control-allow-methods']).to.equal('GET, HEAD, POST');
    expect(answer.headers['access-control-allow-headers']).to.match(
      /Authorization, Content-Type, Idempotency-Key/,
    );
    expect(answer.headers['access-control-max-age']).to.equal('600');
    expect(answer.headers.vary).to.equal(
      'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    );
  });

  it('D3.11 lets a page that is named read, errors included, and write, also on the development listener', async () => {
    await open(OTHER, PAGE);
    const answer = await ask('GET', PAGE);
    expect(answer.status).to.equal(200);
    expect(allowed(answer)).to.deep.equal([PAGE, 'true']);
    expect(answer.headers['access-control-expose-headers']).to.contain('Retry-After');
    const missing = await ask('GET', PAGE, {}, '/api/jobs/nobody');
    expect([missing.status, ...allowed(missing)]).to.deep.equal([404, PAGE, 'true']);
    const paused = await ask('POST', PAGE, { 'Sec-Fetch-Site': 'cross-site' }, '/api/scheduler/pause');
    expect([paused.status, ...allowed(paused)]).to.deep.equal([200, PAGE, 'true']);
  });

  it('D3.11 tells caches that the answer is of one origin, also where none is named', async () => {
    await open(PAGE);
    expect((await rig.ask('GET', '/api/health')).headers.vary).to.match(/\bOrigin\b/);
    expect((await ask('GET', OTHER)).headers.vary).to.match(/\bOrigin\b/);
  });

  for (const origin of [
    OTHER,
    'https://jobs.example:8443',
    'http://jobs.example',
    'https://jobs.example.evil',
    'null',
  ]) {
    it(`D3.11 gives ${origin} nothing, since it is not the one that is named`, async () => {
      await open(PAGE);
      expect(allowed(await preflight(origin))).to.deep.equal([undefined, undefined]);
      expect(allowed(await ask('GET', origin))).to.deep.equal([undefined, undefined]);
      const write = await ask('POST', origin, {}, '/api/scheduler/pause');
      expect([write.status, write.json().code]).to.deep.equal([403, 'FORBIDDEN']);
      expect((await rig.world.admin.list(schedulerSettings)).items).to.have.length(0);
    });
  }

  it('D3.11 with * any page may read, never with credentials; the plain listener lets it in no further for that', async () => {
    await open('*');
    expect(allowed(await preflight(OTHER))).to.deep.equal(['*', undefined]);
    const answer = await ask('GET', OTHER);
    expect([answer.status, ...allowed(answer)]).to.deep.equal([403, '*', undefined]);
  });

  it('D3.11 with * no page writes as whoever the connection belongs to; who has a token may', async () => {
    await open();
    const write = async (identity: Identity | undefined): Promise<unknown[]> => {
      const arrival = { refusal: undefined, stopping: new AbortController().signal };
      const app = new Koa<AppState, object>();
      app.use(answeringErrors(silentLog, []));
      app.use(corsOf(['*']));
      app.use((ctx) => void (ctx.body = 'written'));
      const server = createServer((request, response) => {
        recordArrival(request, { ...arrival, identity });
        void app.callback()(request, response);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const answer = await askPort(port, 'POST', '/api/scheduler/pause', { headers: { Origin: OTHER } });
      server.close();
      return [answer.status, answer.headers['access-control-allow-origin']];
    };
    expect(await write(DEV_IDENTITY)).to.deep.equal([403, '*']);
    expect(await write(undefined)).to.deep.equal([200, '*']);
  });

  it('D3.11 with * beside a name, that one alone has credentials', async () => {
    await open('*', PAGE);
    expect(allowed(await preflight(PAGE))).to.deep.equal([PAGE, 'true']);
    expect(allowed(await preflight(OTHER))).to.deep.equal(['*', undefined]);
  });

  it("D3.11 a page of the listener's own origin writes, one of another is told how it may", async () => {
    await open();
    const own = `http://127.0.0.1:${rig.port}`;
    expect((await ask('POST', own, {}, '/api/scheduler/pause')).status).to.equal(200);
    const other = await ask('POST', 'http://127.0.0.1:1', {}, '/api/scheduler/resume');
    expect([other.status, other.json().error]).to.deep.equal([
      403,
      'pages of http://127.0.0.1:1 may not use the jobs API: name it with --api-cors-origins if they are to',
    ]);
    expect((await ask('OPTIONS', PAGE)).status).to.equal(403);
  });
});
