import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import { documentsDoor } from '../../../api/doors/documents/documents.ts';
import { devListener } from '../../../api/server/listener.ts';
import { newApps } from '../../../api/server/server.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { document as dispatch } from '../../../schemas/doors/dispatch.gen.ts';
import { document as jobs } from '../../../schemas/doors/jobs.gen.ts';
import { document as tasks } from '../../../schemas/doors/tasks.gen.ts';
import { adminIdentity, openWorld } from '../../world.ts';
import { askPort, noWorkers } from '../server/harness.ts';
import { conforms, conformsToSchema, houseProblems } from './openapi.ts';

const DOCUMENTS = { tasks, dispatch, jobs };

describe('the documents of the doors', () => {
  for (const [name, document] of Object.entries(DOCUMENTS)) {
    it(`${name}: is OpenAPI 3.1`, async () => {
      const validator = new Validator();
      const result = await validator.validate(structuredClone(document) as Record<string, unknown>);
      expect(result.errors ?? [], JSON.stringify(result.errors)).to.deep.equal([]);
      expect(result.valid).to.equal(true);
      expect(validator.version).to.equal('3.1');
    });

    it(`${name}: every operation has an id, words, its errors, and examples that fit`, () => {
      expect(houseProblems(document)).to.deep.equal([]);
    });
  }

  describe('are served', () => {
    it('each under its own name, their names together, to whoever is known', async () => {
      const world = await openWorld();
      const { registry, clock, random, metrics } = world;
      const deps = { registry, clock, random, metrics, log: silentLog, workerLink: noWorkers };
      const door = documentsDoor();
      const apps = newApps({ ...deps, productVersion: '0.1.0', doors: [door] });
      const listen = { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog };
      const listener = devListener(apps.doorsOnly([door]), { ...listen, identity: adminIdentity });
      const { port } = await listener.start();
      const root = '/openapi/doors';
      const paths = Object.keys(DOCUMENTS).map((name) => `${root}/${name}`);
      expect((await askPort(port, 'GET', root)).json()).to.deep.equal({ paths });
      expect((await askPort(port, 'GET', `${root}/`)).json()).to.deep.equal({ paths });
      for (const [name, document] of Object.entries(DOCUMENTS)) {
        const answer = await askPort(port, 'GET', `${root}/${name}`);
        expect(answer.headers['content-type']).to.equal('application/json');
        expect(answer.json()).to.deep.equal(document);
      }
      expect((await askPort(port, 'HEAD', `${root}/tasks`)).text).to.equal('');
      const none = await askPort(port, 'GET', `${root}/toString`);
      expect([none.status, none.json().message]).to.deep.equal([
        404,
        'no door "toString" has a document: there are tasks, dispatch, jobs',
      ]);
      const post = await askPort(port, 'POST', `${root}/tasks`);
      expect([post.status, post.headers.allow]).to.deep.equal([405, 'GET']);
      expect((await askPort(port, 'GET', '/openapi/doorsteps')).status).to.equal(404);
      await listener.stop(1_000);
      await world.close();
    });
  });
});

describe('conforms', () => {
  const document = {
    paths: {
      '/things/{id}': {
        get: {
          responses: {
            200: {
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } },
            },
            204: { description: 'nothing' },
            404: { $ref: '#/components/responses/Missing' },
          },
        },
      },
    },
    components: {
      schemas: {
        Thing: {
          type: 'object',
          required: ['name'],
          additionalProperties: false,
          properties: { name: { type: ['string', 'null'] }, next: { $ref: '#/components/schemas/Thing' } },
        },
      },
      responses: { Missing: { content: { 'text/plain': { schema: { type: 'string' } } } } },
    },
  };
  const get = (status: number, type: string | undefined, body: unknown) => (): void =>
    conforms(document, 'GET', '/things/{id}', status, type, body);

  it('lets what is as documented pass', () => {
    get(200, 'application/json; charset=utf-8', { name: null, next: { name: 'b' } })();
    get(204, undefined, '')();
    get(404, 'text/plain', 'no such thing')();
    conformsToSchema(document, 'Thing', { name: 'a' });
  });

  const rows: readonly (readonly [what: string, run: () => void, says: string])[] = [
    [
      'a wrong type, where it is',
      get(200, 'application/json', { name: 'a', next: { name: 7 } }),
      'GET /things/{id} 200 application/json is not as documented:\n  /next/name must be string,null, found 7',
    ],
    [
      'an unknown key',
      get(200, 'application/json', { name: 'a', more: 1 }),
      'must NOT have additional properties "more"',
    ],
    [
      'a missing key',
      get(200, 'application/json', {}),
      "the whole must have required property 'name', found {}",
    ],
    [
      'a status',
      get(201, 'application/json', {}),
      'GET /things/{id} 201 is not documented: 200, 204, 404 are',
    ],
    [
      'a media type',
      get(200, 'text/html', ''),
      'found media type "text/html", documented are application/json',
    ],
    ['a body where none is', get(204, 'application/json', {}), 'is documented to have no body, found {}'],
    [
      'an operation',
      () => conforms(document, 'PUT', '/things/{id}', 200, undefined, ''),
      'PUT /things/{id} is not documented',
    ],
  ];
  for (const [what, run, says] of rows) {
    it(`tells ${what} that is not as documented`, () => expect(run).to.throw(says));
  }
});
