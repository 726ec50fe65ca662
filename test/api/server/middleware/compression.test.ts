import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { AppContext } from '../../../../api/server/context.ts';
import { answerJson } from '../../../../api/server/objects/objects.ts';
import { taskManifest } from '../../../builders.ts';
import { openServer, type TestServer } from '../harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const SMALL = '/api/v1/namespaces/default';

describe('Compression', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
    for (let at = 0; at < 20; at++) {
      const annotations = { note: 'x'.repeat(10_000) };
      await server.ask('POST', TASKS, { body: taskManifest(`task-${at}`, {}, { annotations }) });
    }
  });
  after(() => server.close());

  const get = (
    path: string,
    acceptEncoding: string,
    method = 'GET',
  ): Promise<{ readonly headers: IncomingHttpHeaders; readonly bytes: Buffer }> =>
    new Promise((resolve, reject) => {
      const headers = acceptEncoding === '' ? {} : { 'Accept-Encoding': acceptEncoding };
      const { port } = server;
      const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ headers: response.headers, bytes: Buffer.concat(chunks) }));
      });
      asked.on('error', reject);
      asked.end();
    });

  for (const accepted of ['gzip', 'deflate, gzip;q=0.5', '*', 'GZIP']) {
    it(`is of large answers to who takes ${accepted}`, async () => {
      const plain = await get(TASKS, '');
      expect(plain.bytes.length).to.be.greaterThan(200_000);
      const { headers, bytes } = await get(TASKS, accepted);
      expect(headers).to.include({
        'content-encoding': 'gzip',
        'content-type': 'application/json',
        vary: 'Accept-Encoding',
        'content-length': String(bytes.length),
      });
      expect(bytes.length).to.be.lessThan(plain.bytes.length / 5);
      expect(gunzipSync(bytes).equals(plain.bytes)).to.equal(true);
    });
  }

  for (const [name, path, accepted, method] of [
    ['who does not say so', TASKS, '', 'GET'],
    ['who refuses it', TASKS, 'gzip;q=0', 'GET'],
    ['who takes something else', TASKS, 'br', 'GET'],
    ['who asks for the headers only', TASKS, 'gzip', 'HEAD'],
    ['anybody, of what is small', SMALL, 'gzip', 'GET'],
  ] as const) {
    it(`is not for ${name}`, async () => {
      const { headers, bytes } = await get(path, accepted, method);
      expect(headers).not.to.have.property('content-encoding');
      if (method === 'GET') expect(JSON.parse(bytes.toString())).to.be.an('object');
    });
  }

  it('tells what is true after a change', async () => {
    await get(TASKS, 'gzip');
    await server.ask('DELETE', `${TASKS}/task-0`);
    const { bytes } = await get(TASKS, 'gzip');
    expect(gunzipSync(bytes).toString()).to.equal((await get(TASKS, '')).bytes.toString());
  });

  it('is found again: who is answered with kept bytes gets these very bytes', () => {
    const kept = Buffer.from('{}');
    const answer: { body: unknown; set(): void } = { body: undefined, set() {} };
    answerJson(answer as unknown as AppContext, kept);
    expect(answer.body).to.equal(kept);
  });

  it('is of the OpenAPI documents, too', async () => {
    expect((await get('/openapi/v2', 'gzip')).headers).to.include({
      'content-encoding': 'gzip',
      vary: 'Accept, Accept-Encoding',
    });
  });
});
