/** Kinds of users on the wire: discovery, schema, tables, warnings and the end of their watches; then with the real kubectl. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { crontab, definition, version } from '../registry/kinds/crontabs.ts';
import { asRecord, at, openServer, type TestServer } from './harness.ts';

const text = { type: 'string' } as const;
const crontabs = definition(
  [
    version(
      'v1',
      {
        required: ['cron'],
        properties: { cron: { ...text, description: 'When.' }, replicas: { type: 'integer', default: 1 } },
      },
      {
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: 'Cron', type: 'string', jsonPath: '.spec.cron' }],
        selectableFields: [{ jsonPath: '.spec.cron' }],
      },
    ),
    version(
      'v1beta1',
      { properties: { cron: text } },
      { storage: false, deprecated: true, deprecationWarning: 'use v1' },
    ),
  ],
  { shortNames: ['ct'], categories: ['all'] },
);
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const OBJECTS = '/apis/example.com/v1/namespaces/default/crontabs';

describe('Custom kinds on the wire', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await openServer();
  });
  afterEach(() => server.close());

  async function define(): Promise<void> {
    const made = await server.ask('POST', DEFINITIONS, { body: crontabs });
    expect(made.status, made.text).to.equal(201);
    await server.world.until(
      'crontabs are served',
      async () => (await server.ask('GET', OBJECTS)).status === 200,
    );
  }

  it('are in discovery and in OpenAPI as long as they are served', async () => {
    expect((await server.ask('GET', '/apis/example.com/v1')).status).to.equal(404);
    await define();
    const { resources } = (await server.ask('GET', '/apis/example.com/v1')).json();
    expect(at(resources, '0')).to.deep.include({
      name: 'crontabs',
      kind: 'CronTab',
      shortNames: ['ct'],
      categories: ['all'],
    });
    expect(at((await server.ask('GET', '/apis/example.com')).json(), 'preferredVersion.version')).to.equal(
      'v1',
    );
    const root = (await server.ask('GET', '/openapi/v3')).json();
    const url = asRecord(asRecord(root['paths'])['apis/example.com/v1'])['serverRelativeURL'];
    expect((await server.ask('GET', String(url))).text).to.include('"When."');
    await server.ask('DELETE', `${DEFINITIONS}/${crontabs.metadata.name}`);
    await server.world.until(
      'they are gone',
      async () => (await server.ask('GET', '/apis/example.com')).status === 404,
    );
  });

  it('may be called what every JavaScript object has: the descriptions stay whole', async () => {
    const odd = definition([version('v1', {}, { subresources: { status: {} } })], {
      plural: 'builders',
      kind: 'constructor',
    });
    const made = await server.ask('POST', DEFINITIONS, { body: odd });
    expect(made.status, made.text).to.equal(201);
    await server.world.until(
      'it is served',
      async () => (await server.ask('GET', '/apis/example.com/v1/builders')).status === 200,
    );
    for (const path of ['/openapi/v2', '/openapi/v3/apis/example.com/v1', '/apis/example.com/v1']) {
      const answer = await server.ask('GET', path);
      expect(answer.status, answer.text.slice(0, 300)).to.equal(200);
      expect(answer.text).to.include('"constructor"');
    }
  });

  it('warn of a deprecated version, in reads and writes', async () => {
    await define();
    const beta = OBJECTS.replace('/v1/', '/v1beta1/');
    const made = await server.ask('POST', beta, { body: crontab('a', { cron: 'x' }, 'v1beta1') });
    expect(made.status, made.text).to.equal(201);
    expect(made.headers['warning']).to.equal('299 - "use v1"');
    for (const path of [beta, `${beta}/a`])
      expect((await server.ask('GET', path)).headers['warning']).to.equal('299 - "use v1"');
    expect((await server.ask('GET', OBJECTS)).headers['warning']).to.equal(undefined);
  });

  it('have their own columns, and fields to select by', async () => {
    await define();
    for (const name of ['a', 'b'])
      await server.ask('POST', OBJECTS, { body: crontab(name, { cron: `each ${name}` }) });
    const Accept = 'application/json;as=Table;g=meta.k8s.io;v=v1';
    const table = (
      await server.ask('GET', `${OBJECTS}?fieldSelector=spec.cron%3Deach%20b`, { headers: { Accept } })
    ).json();
    expect(at(table, 'columnDefinitions.1.name')).to.equal('Cron');
    expect(at(table, 'rows.0.cells')).to.deep.equal(['b', 'each b']);
    expect(at(table, 'rows.1')).to.equal(undefined);
    expect((await server.ask('GET', `${OBJECTS}?fieldSelector=spec.replicas%3D1`)).status).to.equal(400);
  });

  it('end their watches with an error that says why', async () => {
    await define();
    const lines = await server.stream(`${OBJECTS}?watch=1`);
    expect(lines.status).to.equal(200);
    await server.ask('DELETE', `${DEFINITIONS}/${crontabs.metadata.name}`);
    const last = await lines.next();
    expect(last).to.deep.include({ type: 'ERROR' });
    expect(at(last, 'object')).to.deep.include({ kind: 'Status', code: 410, reason: 'Gone' });
    expect(await lines.next()).to.equal(undefined);
  });

  it('refuse a keyword that no schema has', async () => {
    const wrong = structuredClone(crontabs) as unknown as Record<string, unknown>;
    const schema = asRecord(at(wrong, 'spec.versions.0.schema.openAPIV3Schema'));
    schema['propertys'] = {};
    const strict = await server.ask('POST', `${DEFINITIONS}?fieldValidation=Strict`, { body: wrong });
    expect(strict.status).to.equal(400);
    expect(strict.text).to.include('unknown field \\"spec.versions[0].schema.openAPIV3Schema.propertys\\"');
    const warned = await server.ask('POST', `${DEFINITIONS}?fieldValidation=Warn`, { body: wrong });
    expect(warned.status, warned.text).to.equal(201);
    expect(warned.headers['warning']).to.include('propertys');
    expect(warned.text).not.to.include('propertys');
  });
});

const KUBECTL = process.env.KUBECTL ?? 'kubectl';

describe('kubectl on custom kinds', function () {
  this.timeout(60_000);
  let server: TestServer;
  let home: string;
  before(async function () {
    try {
      execFileSync(KUBECTL, ['version', '--client'], { stdio: 'ignore' });
    } catch {
      console.warn('      no kubectl on PATH or in KUBECTL: custom kinds are not tried with it');
      this.skip();
    }
    home = mkdtempSync(join(tmpdir(), 'gantry-kubectl-'));
    server = await openServer();
  });
  after(async () => {
    await server?.close();
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  async function kubectl(
    words: readonly string[],
    input = '',
  ): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
    const child = spawn(
      KUBECTL,
      [`--server=http://127.0.0.1:${server.port}`, `--cache-dir=${home}`, ...words],
      {
        env: { ...process.env, HOME: home, KUBECONFIG: join(home, 'none') },
      },
    );
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, out, err }));
    });
  }
  async function ok(words: readonly string[], input?: string): Promise<string> {
    const { code, out, err } = await kubectl(words, input);
    expect(code, `kubectl ${words.join(' ')}\n${out}${err}`).to.equal(0);
    return out;
  }

  it('defines, waits, applies, explains, shows, describes, changes and deletes', async () => {
    const both = [crontabs, crontab('mine', { cron: 'daily' })]
      .map((one) => JSON.stringify(one))
      .join('\n---\n');
    const first = await kubectl(['apply', '-f', '-'], both);
    // As with Kubernetes: what was not known when kubectl began has to be applied again.
    expect(first.out).to.include(
      'customresourcedefinition.apiextensions.k8s.io/crontabs.example.com created',
    );
    expect(first.err).to.include('ensure CRDs are installed first');
    await ok(['wait', '--for=condition=established', '--timeout=20s', 'crd/crontabs.example.com']);
    expect(await ok(['apply', '-f', '-'], both)).to.include('crontab.example.com/mine created');
    expect(await ok(['explain', 'crontab.spec.cron'])).to.include('When.');
    expect(await ok(['explain', 'crd.spec.versions', '--recursive'])).to.include('selectableFields');
    expect(await ok(['get', 'ct'])).to.match(/^NAME\s+CRON\nmine\s+daily\n$/);
    expect(await ok(['get', 'all'])).to.include('crontab.example.com/mine');
    expect(await ok(['get', 'crd', 'crontabs.example.com'])).to.match(
      /CREATED AT\ncrontabs\.example\.com\s+\d{4}-\d\d-\d\dT/,
    );
    const beta = await kubectl(['get', 'crontabs.v1beta1.example.com', 'mine', '-o', 'yaml']);
    expect(beta.err).to.equal('Warning: use v1\n');
    expect(beta.out).to.include('apiVersion: example.com/v1beta1').and.not.include('replicas: 1');
    expect(await ok(['describe', 'ct', 'mine'])).to.match(/Kind:\s+CronTab/);
    const wrong = await kubectl(['patch', 'ct', 'mine', '--type=merge', '-p', '{"spec":{"cron":5}}']);
    expect(wrong.err).to.include(
      'spec.cron: Invalid value: "integer": spec.cron in body must be of type string: "integer"',
    );
    expect(await ok(['delete', 'crd', 'crontabs.example.com'])).to.include('deleted');
    const gone = await kubectl(['get', 'ct']);
    expect(gone.code).to.equal(1);
  });
});
