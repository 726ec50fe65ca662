/** `GET …/why` over HTTP: for whom, of what, and what it refuses. What the answers say is held in `test/controllers/explain`. */
import { expect } from 'chai';
import { configMaps, events, namespaces, tasks } from '../../../../schemas/kinds.ts';
import { taskManifest } from '../../../builders.ts';
import { openServer, type TestServer } from '../harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';

describe('why over HTTP', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await openServer();
    await server.world.admin.create(tasks, taskManifest('t', { image: 'app:1' }));
  });
  afterEach(() => server.close());

  it('answers of a task, an object without a status, a namespace and what is gone', async () => {
    const { admin } = server.world;
    await admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'default' },
    });
    await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    await admin.create(tasks, taskManifest('gone', { image: 'app:1' }));
    await admin.delete(tasks, { namespace: 'default', name: 'gone' });
    for (const [path, kind, state] of [
      [`${TASKS}/t/why`, 'Task', 'Pending'],
      ['/api/v1/namespaces/default/configmaps/c/why', 'ConfigMap', 'Present'],
      ['/api/v1/namespaces/team/why', 'Namespace', 'Active'],
      [`${TASKS}/gone/why`, 'Task', 'Deleted'],
    ] as const) {
      const answer = await server.ask('GET', path);
      expect([path, answer.status]).to.deep.equal([path, 200]);
      const body = answer.json();
      expect([body['apiVersion'], body['kind'], body['state']]).to.deep.equal([
        'gantry.dev/v1',
        'Why',
        state,
      ]);
      expect(body['subject']).to.include({ kind });
      expect(body['timeline'], path).to.have.property('length').that.is.greaterThan(0);
    }
  });

  it('takes no Event about a kind of the same name in another group for one about the object', async () => {
    await server.world.admin.create(events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default' },
      involvedObject: { apiVersion: 'example.org/v1', kind: 'Task', namespace: 'default', name: 'theirs' },
      reason: 'Seen',
      message: 'seen',
      type: 'Normal',
    });
    expect((await server.ask('GET', `${TASKS}/theirs/why`)).status).to.equal(404);
  });

  for (const [what, method, path, code, words] of [
    ['a name nobody knows', 'GET', `${TASKS}/none/why`, 404, 'not found'],
    ['a kind nobody knows', 'GET', '/apis/gantry.dev/v1/namespaces/default/things/t/why', 404, ''],
    [
      'a view',
      'GET',
      '/api/v1/namespaces/default/pods/t/why',
      400,
      'ask tasks.gantry.dev/t, of which it is a view',
    ],
    [
      'what is made when it is read',
      'GET',
      '/apis/metrics.k8s.io/v1beta1/nodes/w1/why',
      400,
      'it is made when it is read and has no past',
    ],
    ['another method', 'POST', `${TASKS}/t/why`, 405, ''],
    ['a collection', 'GET', '/apis/gantry.dev/v1/tasks/why', 404, ''],
  ] as const) {
    it(`refuses ${what} with ${code}`, async () => {
      const answer = await server.ask(method, path);
      expect([answer.status, answer.text.includes(words) || answer.json()['message']]).to.deep.equal([
        code,
        true,
      ]);
    });
  }
});
