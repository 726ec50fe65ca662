/** Bodies in every form that is understood, and what is told of those that say one thing twice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isRecord } from '../../../machinery/json.ts';
import { at, openServer, type TestServer } from './harness.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const PROTOBUF = { 'Content-Type': 'application/vnd.kubernetes.protobuf' };

interface Vector {
  readonly name: string;
  readonly protobuf: string;
}

const vectors = readFileSync(join(import.meta.dirname, 'protobuf', 'vectors.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

describe('Bodies', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  /** A message of length-delimited fields, in their order. */
  const message = (...fields: readonly (Buffer | string)[]): Buffer =>
    Buffer.concat(
      fields.flatMap((field, index) => {
        const bytes = Buffer.from(field);
        return [Buffer.from([(index + 1) * 8 + 2, bytes.length]), bytes];
      }),
    );
  const enveloped = (apiVersion: string, kind: string, object: Buffer): Buffer =>
    Buffer.concat([Buffer.from('k8s\0'), message(message(apiVersion, kind), object)]);

  it('may be protobuf: an object is created, listed as JSON, and deleted with protobuf options', async () => {
    const object = message(message('from-go'), message('key', 'value'));
    const made = await server.ask('POST', CONFIG_MAPS, {
      headers: PROTOBUF,
      body: enveloped('v1', 'ConfigMap', object),
    });
    expect(made.status, made.text).to.equal(201);
    expect(made.headers['content-type']).to.match(/^application\/json/);
    expect(at(made.json(), 'data')).to.deep.equal({ key: 'value' });
    // Field 1 is gracePeriodSeconds, a number; 5 says dryRun.
    const options = Buffer.from([0x08, 0x00, 0x2a, 0x03, ...Buffer.from('All')]);
    const body = enveloped('v1', 'DeleteOptions', options);
    expect(
      (await server.ask('DELETE', `${CONFIG_MAPS}/from-go`, { headers: PROTOBUF, body })).status,
    ).to.equal(200);
    expect((await server.ask('GET', `${CONFIG_MAPS}/from-go`)).status).to.equal(200);
    const forReal = enveloped('meta.k8s.io/v1', 'DeleteOptions', Buffer.alloc(0));
    expect(
      (await server.ask('DELETE', `${CONFIG_MAPS}/from-go`, { headers: PROTOBUF, body: forReal })).status,
    ).to.equal(200);
    expect((await server.ask('GET', `${CONFIG_MAPS}/from-go`)).status).to.equal(404);
  });

  it('of another kind than the path’s are refused, whatever they hold', async () => {
    for (const { name, protobuf } of vectors) {
      if (name.startsWith('ConfigMap')) continue;
      const body = Buffer.from(protobuf, 'base64');
      const answer = await server.ask('POST', CONFIG_MAPS, { headers: PROTOBUF, body });
      expect(answer.status, name).to.equal(400);
      expect(at(answer.json(), 'reason'), name).to.equal('BadRequest');
    }
  });

  it('on paths that nothing is served at are 404, not 415', async () => {
    for (const path of [
      '/apis/apps/v1/namespaces/default/deployments',
      '/apis/batch/v1/namespaces/default/jobs',
    ]) {
      const body = enveloped('apps/v1', 'Deployment', Buffer.alloc(0));
      expect((await server.ask('POST', path, { headers: PROTOBUF, body })).status).to.equal(404);
    }
  });

  for (const [form, type, text] of [
    [
      'JSON',
      'application/json',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"NAME"},"data":{"a":"1","b":"x","a":"2"}}',
    ],
    [
      'YAML',
      'application/yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata:\n  a: "1"\n  b: x\n  "a": "2"\n',
    ],
  ] as const) {
    it(`in ${form} that say one thing twice mean the last, with a warning or none`, async () => {
      const send = (name: string, query: string): ReturnType<TestServer['ask']> =>
        server.ask('POST', CONFIG_MAPS + query, {
          headers: { 'Content-Type': type },
          body: text.replace('NAME', name),
        });
      const path = form === 'JSON' ? 'data.a' : 'a';
      const warned = await send(`${form.toLowerCase()}-warned`, '');
      expect(warned.status, warned.text).to.equal(201);
      expect(at(warned.json(), 'data')).to.deep.equal({ a: '2', b: 'x' });
      expect(warned.headers['warning']).to.equal(`299 - "duplicate field \\"${path}\\""`);
      const ignored = await send(`${form.toLowerCase()}-ignored`, '?fieldValidation=Ignore');
      expect(ignored.status).to.equal(201);
      expect(ignored.headers['warning']).to.equal(undefined);
      expect((await send(`${form.toLowerCase()}-strict`, '?fieldValidation=Strict')).status).to.equal(400);
    });
  }

  it('never make a fault of the server, whatever bytes they are', async () => {
    let seed = 1;
    const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let turn = 0; turn < 150; turn++) {
      const vector = vectors[next(vectors.length)];
      const body = Buffer.from(vector?.protobuf ?? '', 'base64');
      for (let change = 0; change < 4; change++) body[4 + next(body.length - 4)] = next(256);
      const answer = await server.ask('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', {
        headers: PROTOBUF,
        body,
      });
      expect(answer.status, `turn ${turn}: ${answer.text}`).to.be.within(200, 499);
      expect(isRecord(answer.json())).to.equal(true);
    }
  }).timeout(10_000);
});
