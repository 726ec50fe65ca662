import { expect } from 'chai';
import { openRegistry } from '../../../api/registry/open.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { namespaces, tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { type Answer, asRecord, at, openServer, serve, type TestServer } from '../server/harness.ts';

const ID = '266592cd-960d-4091-981c-8c25c44b1018';
const OTHER = '6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e';
/** The request of the document, verbatim. */
const DOCUMENTED = `{
    "ID": "266592cd-960d-4091-981c-8c25c44b1018",
    "State": 2,
    "Task": {
        "State": 1,
        "ID": "266592cd-960d-4091-981c-8c25c44b1018",
        "Name": "test-from-api-777",
        "Image": "strm/helloworld-http"
    }
}`;
const NEVER = '0001-01-01T00:00:00Z';
const JSON_TYPE = { 'Content-Type': 'application/json' };

describe('the /tasks door', () => {
  let server: TestServer;
  beforeEach(async () => {
    // The development listener's user may do all that this door offers.
    server = await openServer({ identity: DEV_IDENTITY });
  });
  afterEach(() => server.close());

  const post = (body: unknown, headers = {}): Promise<Answer> =>
    server.ask('POST', '/tasks', { body, headers: { ...JSON_TYPE, ...headers } });
  const event = (
    id: string,
    task: Record<string, unknown> = {},
    more: Record<string, unknown> = {},
  ): unknown => ({
    ID: id,
    State: 2,
    Task: { ID: id, Name: 'job', Image: 'busybox', ...task },
    ...more,
  });
  const list = async (query = ''): Promise<Record<string, unknown>[]> =>
    (JSON.parse((await server.ask('GET', `/tasks${query}`)).text) as unknown[]).map(asRecord);
  const stored = (name = ID): Promise<Task> => server.world.admin.get(tasks, { namespace: 'default', name });
  const writeStatus = async (status: NonNullable<Task['status']>, name = ID): Promise<void> => {
    await server.world.admin.update(tasks, { ...(await stored(name)), status }, { subresource: 'status' });
  };
  const expectError = (answer: Answer, code: number, says: RegExp): void => {
    expect(answer.status).to.equal(code);
    expect(answer.headers['content-type']).to.equal('application/json');
    const body = answer.json();
    expect(body).to.have.all.keys('HTTPStatusCode', 'Message');
    expect(body.HTTPStatusCode).to.equal(code);
    expect(body.Message).to.match(says);
  };

  describe('D1.1 GET /tasks', () => {
    it('lists the tasks of all namespaces as a JSON array', async () => {
      expect(await list()).to.deep.equal([]);
      await post(DOCUMENTED);
      const { admin } = server.world;
      await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
      const elsewhere = await admin.create(tasks, taskManifest('hello', {}, { namespace: 'other' }));
      const items = await list();
      expect(items.map((item) => item.ID)).to.have.members([ID, elsewhere.metadata.uid]);
      expect(items.find((item) => item.ID !== ID)).to.include({ Name: 'hello', RestartPolicy: 'always' });
    });

    it('is application/json, errors included', async () => {
      expect((await server.ask('GET', '/tasks')).headers['content-type']).to.equal('application/json');
      expectError(await server.ask('PUT', '/tasks'), 405, /does not allow/);
      expectError(await server.ask('GET', '/tasks/x/y'), 404, /could not find/);
    });
  });

  describe('D1.2 POST /tasks', () => {
    it('takes the documented request verbatim, with 201 and the created task', async () => {
      const answer = await post(DOCUMENTED);
      expect(answer.status).to.equal(201);
      expect(answer.headers.location).to.equal(`/tasks/${ID}`);
      expect(answer.json()).to.include({
        ID,
        Name: 'test-from-api-777',
        Image: 'strm/helloworld-http',
        State: 0,
      });
      const task = await stored();
      expect(task.metadata.annotations).to.include({ 'gantry.dev/task-name': 'test-from-api-777' });
      expect(task.metadata.uid).not.to.equal(ID);
      expect(task.spec.restartPolicy).to.equal('OnFailure');
    });

    it('answers nothing when the client prefers so', async () => {
      const answer = await post(DOCUMENTED, { Prefer: 'return=minimal' });
      expect([answer.status, answer.text, answer.headers['preference-applied']]).to.deep.equal([
        201,
        '',
        'return=minimal',
      ]);
      expect(await list()).to.have.length(1);
    });

    it('takes any name, also twice, a Timestamp, and upper-case ids', async () => {
      const name = 'Ünïcode name, with "quotes"!';
      const timestamp = '2025-04-13T12:57:35.5391939+03:00';
      expect((await post(event(ID, { Name: name }, { Timestamp: timestamp }))).status).to.equal(201);
      expect((await post(event(OTHER.toUpperCase(), { Name: name }))).status).to.equal(201);
      expect((await list()).map((item) => item.Name)).to.deep.equal([name, name]);
      expect((await list()).map((item) => item.ID)).to.include(OTHER);
    });

    for (const query of ['', '?fields=all']) {
      it(`takes back whatever GET /tasks${query} returned`, async () => {
        await post(
          event(ID, {
            Memory: 64 * 1024 * 1024,
            ExposedPorts: { '80/tcp': {}, '53/udp': {} },
            PortBindings: { '80/tcp': '8080' },
            RestartPolicy: 'always',
            CPU: 0.5,
          }),
        );
        await server.world.addWorker('w1');
        const [item] = await list(query);
        expect(item).to.deep.include({
          Memory: 67_108_864,
          ExposedPorts: { '80/tcp': {}, '53/udp': {} },
          PortBindings: { '80/tcp': '8080' },
          RestartPolicy: 'always',
        });
        const again = await post({ ID: OTHER, State: 2, Task: { ...item, ID: OTHER } });
        expect(again.status).to.equal(201);
        const withoutIdentity = ({ ID: _id, ...rest }: Record<string, unknown>): unknown => rest;
        const items = await list(query);
        expect(withoutIdentity(items[0] ?? {})).to.deep.equal(withoutIdentity(items[1] ?? {}));
      });
    }

    it('makes limits and ports of what it can express', async () => {
      await post(
        event(ID, {
          Memory: 67_108_864,
          CPU: 0.5,
          ExposedPorts: { '90': {} },
          PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
        }),
      );
      const { spec } = await stored();
      expect(spec.resources?.limits).to.deep.equal({ memory: '67108864', cpu: '0.5' });
      expect(spec.ports).to.deep.equal([
        { containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 8080 },
        { containerPort: 90, protocol: 'TCP' },
      ]);
    });

    it('stops an existing task with State 3, and refuses every other event for it', async () => {
      await post(DOCUMENTED);
      expectError(await post(DOCUMENTED), 409, new RegExp(`a task with ID ${ID} already exists`));
      const stopped = await post({ ID: OTHER, State: 3, Task: { ID } });
      expect(stopped.status).to.equal(201);
      expect((await stored()).spec.desiredState).to.equal('Stopped');
      expectError(await post({ State: 3, Task: { ID: OTHER } }), 404, /no task with ID/);
    });
  });

  describe('D1.3 DELETE /tasks/{taskID}', () => {
    it('records that the task shall stop and stay listed for a while, and nothing else', async () => {
      await post(DOCUMENTED);
      const answer = await server.ask('DELETE', `/tasks/${ID}`, {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: '',
      });
      expect([answer.status, answer.text]).to.deep.equal([204, '']);
      const task = await stored();
      expect(task.spec.desiredState).to.equal('Stopped');
      expect(task.metadata.annotations).to.include({ 'gantry.dev/ttl': '24h' });
      expect(task.metadata).not.to.have.property('deletionTimestamp');
      expect((await list())[0]).to.include({ ID, State: 3 });
    });

    it('is 204 again, and changes nothing again', async () => {
      await post(DOCUMENTED);
      await server.ask('DELETE', `/tasks/${ID}`);
      const before = (await stored()).metadata.resourceVersion;
      expect((await server.ask('DELETE', `/tasks/${ID}`)).status).to.equal(204);
      expect((await stored()).metadata.resourceVersion).to.equal(before);
    });

    it('refuses unknown and malformed ids', async () => {
      expectError(await server.ask('DELETE', `/tasks/${ID}`), 404, new RegExp(`no task with ID ${ID}`));
      expectError(await server.ask('DELETE', '/tasks/not-a-uuid'), 400, /task ID "not-a-uuid" is not a UUID/);
    });

    it('finds a task that came in another way by its uid', async () => {
      const made = await server.world.admin.create(tasks, taskManifest('hello'));
      expect((await server.ask('DELETE', `/tasks/${made.metadata.uid ?? ''}`)).status).to.equal(204);
      expect((await stored('hello')).spec.desiredState).to.equal('Stopped');
    });
  });

  describe('D1.4 bodies that cannot be used', () => {
    const rows: readonly (readonly [name: string, body: unknown, says: RegExp])[] = [
      ['is not JSON', '{"ID":', /not JSON/],
      ['is empty', '', /not JSON/],
      ['is a list', '[]', /TaskEvent: found \[\], wanted an object/],
      ['has no Task', { ID }, /TaskEvent\.Task: found nothing, wanted an object/],
      ['has an unknown field', { ID, Task: {}, Colour: 1 }, /unknown field "Colour" in TaskEvent/],
      [
        'has an unknown field in its Task',
        event(ID, { Colour: 1 }),
        /unknown field "Colour" in TaskEvent\.Task/,
      ],
      [
        'has a State in words',
        event(ID, {}, { State: 'Running' }),
        /TaskEvent\.State: found "Running", wanted an integer from 0 to 4/,
      ],
      ['has a State out of range', event(ID, {}, { State: 9 }), /TaskEvent\.State: found 9/],
      ['has an ID that is none', event('42'), /task ID "42" is not a UUID/],
      ['has a Name that is a number', event(ID, { Name: 7 }), /Task\.Name: found 7, wanted a string/],
      ['has no Image', event(ID, { Image: '' }), /Task\.Image: found "", wanted an image reference/],
      ['has an Image with a space', event(ID, { Image: 'a b' }), /spec\.image/],
      ['has Memory in words', event(ID, { Memory: '64Mi' }), /Task\.Memory: found "64Mi", wanted an integer/],
      ['has a Disk limit', event(ID, { Disk: 1 }), /Task\.Disk: found 1, wanted 0/],
      ['has a HealthCheck', event(ID, { HealthCheck: '/health' }), /Task\.HealthCheck/],
      [
        'has a port that is none',
        event(ID, { ExposedPorts: { http: {} } }),
        /Task\.ExposedPorts: found "http"/,
      ],
      ['has a port out of range', event(ID, { ExposedPorts: { '70000/tcp': {} } }), /containerPort/],
      [
        'has a binding that is none',
        event(ID, { PortBindings: { '80/tcp': 'x' } }),
        /PortBindings\["80\/tcp"\]: found "x"/,
      ],
      [
        'has a restart policy that is none',
        event(ID, { RestartPolicy: 'sometimes' }),
        /Task\.RestartPolicy: found "sometimes"/,
      ],
      [
        'has a time that is none',
        event(ID, { StartsAt: 'soon' }),
        /Task\.StartsAt: found "soon", wanted an RFC 3339 time/,
      ],
    ];
    for (const [name, body, says] of rows) {
      it(`refuses a body that ${name}, and stores nothing`, async () => {
        expectError(await post(body), 400, says);
        expect(await list()).to.deep.equal([]);
      });
    }

    it('refuses another content type, and a body that is too large', async () => {
      expectError(
        await post(DOCUMENTED, { 'Content-Type': 'text/plain' }),
        415,
        /accepted media types include: application\/json/,
      );
      expectError(await post('x'.repeat(3 * 1024 * 1024 + 1)), 413, /Request entity too large/);
    });
  });

  describe('D1.5 items', () => {
    it('have exactly the documented keys, in order, with their zero values', async () => {
      await post(DOCUMENTED);
      const [item = {}] = await list();
      expect(Object.entries(item)).to.deep.equal([
        ['ID', ID],
        ['ContainerID', ''],
        ['Name', 'test-from-api-777'],
        ['State', 0],
        ['Image', 'strm/helloworld-http'],
        ['Memory', 0],
        ['Disk', 0],
        ['ExposedPorts', null],
        ['PortBindings', null],
        ['RestartPolicy', ''],
        ['StartsAt', NEVER],
        ['FinishedAt', NEVER],
        ['CreatedAt', '2026-01-01T00:00:00Z'],
        ['UpdatedAt', '2026-01-01T00:00:00Z'],
      ]);
      const [full = {}] = await list('?fields=all');
      expect(Object.keys(full).slice(14)).to.deep.equal(['CPU', 'HealthCheck', 'RestartCount', 'HostPorts']);
      expect(full).to.include({ CPU: 0, HealthCheck: '', RestartCount: 0, HostPorts: null });
    });

    it('tell what was seen of the container', async () => {
      await post(DOCUMENTED);
      const id = 'fd31597bc7eb16c92cc1b59fc2300d92d58c9795648a71e4d4ac9b5b0ff76b08';
      await writeStatus({
        phase: 'Running',
        container: { id, state: 'running' },
        restartCount: 2,
        startedAt: '2026-01-01T00:00:01.5391939Z',
        observedAt: '2026-01-01T00:00:02Z',
        ports: [{ containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 32_768 }],
      });
      const [item] = await list('?fields=all');
      expect(item).to.deep.include({
        ContainerID: id,
        State: 2,
        StartsAt: '2026-01-01T00:00:01.5391939Z',
        UpdatedAt: '2026-01-01T00:00:02Z',
        RestartCount: 2,
        HostPorts: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }] },
      });
      expect((await server.ask('GET', `/tasks/${ID}?fields=all`)).json()).to.deep.equal(item);
    });

    const states: readonly (readonly [
      phase: NonNullable<Task['status']>['phase'],
      running: boolean,
      state: number,
    ])[] = [
      ['Pending', false, 1],
      ['Running', true, 2],
      ['Succeeded', false, 3],
      ['Stopped', false, 3],
      ['Failed', false, 4],
      ['Unknown', true, 2],
      ['Unknown', false, 1],
    ];
    for (const [phase = '', isRunning, state] of states) {
      it(`show a bound task in phase ${phase}${isRunning ? ', its container running,' : ''} as State ${state}`, async () => {
        await post(DOCUMENTED);
        await server.world.addWorker('w1');
        const binding = {
          apiVersion: 'gantry.dev/v1',
          kind: 'Binding',
          metadata: { name: ID, namespace: 'default' },
          target: { name: 'w1' },
          epoch: 1,
        };
        await server.world.admin.post(tasks, { namespace: 'default', name: ID }, 'binding', binding);
        await writeStatus({ phase, ...(isRunning ? { container: { state: 'running' } } : {}) } as NonNullable<
          Task['status']
        >);
        expect((await list())[0]?.State).to.equal(state);
      });
    }
  });

  describe('D1.6 GET /tasks?watch=true', () => {
    it('streams one frame a line and goes on from X-Resource-Version', async () => {
      const empty = await server.ask('GET', '/tasks');
      const version = String(empty.headers['x-resource-version']);
      expect(version).to.match(/^\d+$/);
      const lines = await server.stream(`/tasks?watch=true&resourceVersion=${version}`);
      expect(lines.headers['content-type']).to.equal('application/json');
      await post(DOCUMENTED);
      const added = await lines.next();
      expect(added).to.have.all.keys('type', 'resourceVersion', 'object');
      expect(added).to.include({ type: 'ADDED' });
      expect(added?.object).to.deep.equal((await list())[0]);
      await server.ask('DELETE', `/tasks/${ID}`);
      const changed = await lines.next();
      expect([changed?.type, at(changed, 'object.State')]).to.deep.equal(['MODIFIED', 3]);
      lines.close();

      const resumed = await server.stream(
        `/tasks?watch=true&resourceVersion=${String(added?.resourceVersion)}`,
      );
      expect(await resumed.next()).to.deep.equal(changed);
      resumed.close();
    });

    it('begins with what there is when it is given no version', async () => {
      await post(DOCUMENTED);
      const lines = await server.stream('/tasks?watch=true&fields=all');
      const frame = await lines.next();
      expect([frame?.type, at(frame, 'object.ID'), at(frame, 'object.CPU')]).to.deep.equal(['ADDED', ID, 0]);
      lines.close();
    });

    it('answers a version that is gone with 410', async () => {
      await post(DOCUMENTED);
      const { world } = server;
      await world.store.compact(world.store.revision());
      const metrics = newMetrics();
      const registry = await openRegistry({ ...world, metrics, log: silentLog });
      const later = await serve({ ...world, metrics, registry }, { identity: DEV_IDENTITY });
      expectError(await later.ask('GET', '/tasks?watch=true&resourceVersion=1'), 410, /./);
      await later.close();
      await registry.close();
    });

    it('gets one task by its id', async () => {
      await post(DOCUMENTED);
      expect((await server.ask('GET', `/tasks/${ID}`)).json()).to.deep.equal((await list())[0]);
      expectError(await server.ask('GET', `/tasks/${OTHER}`), 404, /no task with ID/);
      expectError(await server.ask('GET', '/tasks/42'), 400, /not a UUID/);
    });
  });
});
