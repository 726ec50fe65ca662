import { expect } from 'chai';
import { namespaces, tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { DOCUMENTED, event, expectError, ID, NEVER, OTHER, openTasksRig, type TasksRig } from './tasksrig.ts';

describe('the /tasks door', () => {
  let rig: TasksRig;
  beforeEach(async () => {
    rig = await openTasksRig();
  });
  afterEach(() => rig.close());

  describe('GET /tasks', () => {
    it('D0.1 lists the tasks of all namespaces as a JSON array', async () => {
      expect(await rig.list()).to.deep.equal([]);
      await rig.post(DOCUMENTED);
      const { admin } = rig.server.world;
      await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
      const elsewhere = await admin.create(tasks, taskManifest('hello', {}, { namespace: 'other' }));
      const items = await rig.list();
      expect(items.map((item) => item.ID)).to.have.members([ID, elsewhere.metadata.uid]);
      expect(items.find((item) => item.ID !== ID)).to.include({ Name: 'hello', RestartPolicy: 'always' });
    });

    it('D0.1 is application/json, errors included', async () => {
      expect((await rig.ask('GET', '/tasks')).headers['content-type']).to.equal('application/json');
      expectError(await rig.ask('PUT', '/tasks'), 405, /does not allow/);
      expectError(await rig.ask('GET', '/tasks/x/y'), 404, /could not find/);
    });
  });

  describe('POST /tasks', () => {
    it('D0.2 takes the documented request verbatim, with 201 and the created task', async () => {
      const answer = await rig.post(DOCUMENTED);
      expect(answer.status).to.equal(201);
      expect(answer.headers.location).to.equal(`/tasks/${ID}`);
      expect(answer.json()).to.include({
        ID,
        Name: 'test-from-api-777',
        Image: 'strm/helloworld-http',
        State: 0,
      });
      const task = await rig.stored();
      expect(task.metadata.annotations).to.include({ 'gantry.dev/task-name': 'test-from-api-777' });
      expect(task.metadata.uid).not.to.equal(ID);
      expect(task.spec.restartPolicy).to.equal('OnFailure');
    });

    it('D0.2 takes an event whose ID is the task’s, another one, or none, and a task without an ID', async () => {
      expect((await rig.post(event(ID))).status).to.equal(201);
      const another = event(OTHER, {}, { ID: 'a5c5b1a6-2a5a-4bd1-9d5c-0e6b5ed5c001' });
      expect((await rig.post(another)).json().ID).to.equal(OTHER);
      const made = (await rig.post({ Task: { Image: 'busybox', Name: null } })).json();
      expect(made.ID).to.match(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(made.Name).to.equal('');
      expect(await rig.list()).to.have.length(3);
    });

    it('D0.2 answers nothing when the client prefers so', async () => {
      const answer = await rig.post(DOCUMENTED, { Prefer: 'return=minimal' });
      expect([answer.status, answer.text, answer.headers['preference-applied']]).to.deep.equal([
        201,
        '',
        'return=minimal',
      ]);
      expect(await rig.list()).to.have.length(1);
    });

    it('D0.2 refuses an id under which another task is listed already, wherever that is and however it came', async () => {
      const { admin } = rig.server.world;
      await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
      const { metadata } = await admin.create(tasks, taskManifest('hello'));
      await admin.create(tasks, taskManifest(OTHER, {}, { namespace: 'other' }));
      for (const id of [metadata.uid ?? '', OTHER]) {
        const [item] = (await rig.list()).filter((one) => one.ID === id);
        expectError(
          await rig.post({ ID: id, State: 2, Task: item }),
          409,
          new RegExp(`ID ${id} already exists`),
        );
      }
      expect(await rig.list()).to.have.length(2);
    });

    it('D0.2 of many who send one id at once one makes the task, and the others are refused', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => rig.post(DOCUMENTED)));
      expect(answers.map(({ status }) => status)).to.have.members([201, ...Array<number>(7).fill(409)]);
      expect(await rig.list()).to.have.length(1);
    });

    it('D0.2 takes any name, also twice, a Timestamp, and upper-case ids', async () => {
      const name = 'Ünïcode name, with "quotes"!';
      const timestamp = '2025-04-13T12:57:35.5391939+03:00';
      expect((await rig.post(event(ID, { Name: name }, { Timestamp: timestamp }))).status).to.equal(201);
      expect((await rig.post(event(OTHER.toUpperCase(), { Name: name }))).status).to.equal(201);
      expect((await rig.list()).map((item) => item.Name)).to.deep.equal([name, name]);
      expect((await rig.list()).map((item) => item.ID)).to.include(OTHER);
    });

    for (const query of ['', '?fields=all']) {
      it(`D0.2 takes back whatever GET /tasks${query} returned`, async () => {
        await rig.post(
          event(ID, {
            Memory: 64 * 1024 * 1024,
            Disk: 1024 ** 3,
            ExposedPorts: { '53/udp': {}, '80/tcp': {}, '90/tcp': {} },
            PortBindings: { '90/tcp': '[::1]:8080', '80/tcp': '8081' },
            RestartPolicy: 'always',
            HealthCheck: '/health?deep=1',
            CPU: 0.5,
          }),
        );
        await rig.server.world.addWorker('w1');
        const [item] = await rig.list(query);
        expect(item).to.deep.include({
          Memory: 67_108_864,
          Disk: 1_073_741_824,
          ExposedPorts: { '53/udp': {}, '80/tcp': {}, '90/tcp': {} },
          PortBindings: { '90/tcp': '[::1]:8080', '80/tcp': '8081' },
          RestartPolicy: 'always',
          ...(query === '' ? {} : { HealthCheck: '/health?deep=1', CPU: 0.5 }),
        });
        const again = await rig.post({ ID: OTHER, State: 2, Task: { ...item, ID: OTHER } });
        expect(again.status).to.equal(201);
        const withoutIdentity = ({ ID: _id, ...rest }: Record<string, unknown>): unknown => rest;
        const items = await rig.list(query);
        expect(withoutIdentity(items[0] ?? {})).to.deep.equal(withoutIdentity(items[1] ?? {}));
      });
    }

    it('D0.2 makes limits, ports and a probe of what it can express', async () => {
      await rig.post(
        event(ID, {
          Memory: 67_108_864,
          Disk: 1_000_000,
          CPU: 0.5,
          HealthCheck: '/health',
          ExposedPorts: { '90': {} },
          PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
        }),
      );
      const { spec } = await rig.stored();
      expect(spec.resources?.limits).to.deep.equal({
        memory: '67108864',
        cpu: '0.5',
        'ephemeral-storage': '1000000',
      });
      expect(spec.livenessProbe).to.deep.equal({ httpGet: { path: '/health', port: 90 } });
      expect(spec.ports).to.deep.equal([
        { containerPort: 90, protocol: 'TCP' },
        { containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 8080 },
      ]);
    });

    it('D0.2 stops an existing task with State 3, and refuses every other event for it', async () => {
      await rig.post(DOCUMENTED);
      expectError(await rig.post(DOCUMENTED), 409, new RegExp(`a task with ID ${ID} already exists`));
      const stopped = await rig.post({ ID: OTHER, State: 3, Task: { ID } });
      expect(stopped.status).to.equal(201);
      expect((await rig.stored()).spec.desiredState).to.equal('Stopped');
      expectError(await rig.post({ State: 3, Task: { ID: OTHER } }), 404, /no task with ID/);
    });
  });

  describe('DELETE /tasks/{taskID}', () => {
    it('D0.3 records that the task shall stop and stay listed for a while, and nothing else', async () => {
      await rig.post(DOCUMENTED);
      const answer = await rig.ask('DELETE', `/tasks/${ID}`, {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: '',
      });
      expect([answer.status, answer.text]).to.deep.equal([204, '']);
      const task = await rig.stored();
      expect(task.spec.desiredState).to.equal('Stopped');
      expect(task.metadata.annotations).to.include({ 'gantry.dev/ttl': '24h' });
      expect(task.metadata).not.to.have.property('deletionTimestamp');
      expect((await rig.list())[0]).to.include({ ID, State: 3 });
    });

    it('D0.3 answers before the container has stopped', async () => {
      await rig.post(DOCUMENTED);
      await rig.server.world.addWorker('w1');
      await rig.bind('w1');
      await rig.writeStatus({ phase: 'Running', container: { state: 'running' } });
      expect((await rig.ask('DELETE', `/tasks/${ID}`)).status).to.equal(204);
      expect((await rig.list())[0]?.State).to.equal(2);
    });

    it('D0.3 is 204 again, and changes nothing again', async () => {
      await rig.post(DOCUMENTED);
      await rig.ask('DELETE', `/tasks/${ID}`);
      const before = (await rig.stored()).metadata.resourceVersion;
      expect((await rig.ask('DELETE', `/tasks/${ID}`)).status).to.equal(204);
      expect((await rig.stored()).metadata.resourceVersion).to.equal(before);
    });

    it('D0.3 refuses unknown and malformed ids', async () => {
      expectError(await rig.ask('DELETE', `/tasks/${ID}`), 404, new RegExp(`no task with ID ${ID}`));
      expectError(
        await rig.ask('DELETE', '/tasks/not-a-uuid'),
        400,
        /taskID: found "not-a-uuid", wanted a UUID/,
      );
    });

    it('D0.3 finds a task that came in another way by its uid', async () => {
      const made = await rig.server.world.admin.create(tasks, taskManifest('hello'));
      expect((await rig.ask('DELETE', `/tasks/${made.metadata.uid ?? ''}`)).status).to.equal(204);
      expect((await rig.stored('hello')).spec.desiredState).to.equal('Stopped');
    });
  });

  describe('bodies that cannot be used', () => {
    const rows: readonly (readonly [name: string, body: unknown, says: RegExp])[] = [
      ['is not JSON', '{"ID":', /not JSON/],
      ['is empty', '', /not JSON/],
      ['is a list', '[]', /TaskEvent: found \[\], wanted an object/],
      ['has no Task', { ID }, /Task: found nothing, wanted an object/],
      [
        'has an unknown field',
        { ID, Task: {}, Colour: 1 },
        /TaskEvent\.Colour: no such field, wanted one of ID, State, Timestamp, Task$/,
      ],
      [
        'has an unknown field in its Task',
        event(ID, { Colour: 1 }),
        /Task\.Colour: no such field, wanted one of ID, ContainerID/,
      ],
      [
        'has a State in words',
        event(ID, {}, { State: 'Running' }),
        /TaskEvent\.State: found "Running", wanted an integer from 0 to 4/,
      ],
      ['has a State out of range', event(ID, {}, { State: 9 }), /TaskEvent\.State: found 9/],
      ['has an ID that is none', event(ID, { ID: '42' }), /Task\.ID: found "42", wanted a UUID/],
      ['has a Name that is a number', event(ID, { Name: 7 }), /Task\.Name: found 7, wanted a string/],
      ['has no Image', event(ID, { Image: '' }), /Task\.Image: found "", wanted an image reference/],
      ['has an Image with a space', event(ID, { Image: 'a b' }), /spec\.image/],
      ['has Memory in words', event(ID, { Memory: '64Mi' }), /Task\.Memory: found "64Mi", wanted an integer/],
      ['has an event ID that is none', event('42'), /TaskEvent\.ID: found "42", wanted a UUID/],
      ['has a Disk limit below zero', event(ID, { Disk: -1 }), /Task\.Disk: found -1, wanted an integer/],
      [
        'has half a byte of Memory',
        event(ID, { Memory: 0.5 }),
        /Task\.Memory: found 0\.5, wanted an integer/,
      ],
      ['has less CPU than none', event(ID, { CPU: -1 }), /Task\.CPU: found -1, wanted a number/],
      ['has less CPU than an engine takes', event(ID, { CPU: 0.001 }), /limits\.cpu.*must be at least 10m/],
      [
        'has a HealthCheck that is no path',
        event(ID, { HealthCheck: 'health' }),
        /Task\.HealthCheck: found "health", wanted "" or a path such as "\/health"/,
      ],
      [
        'has a HealthCheck and no port to ask',
        event(ID, { HealthCheck: '/health', ExposedPorts: { '53/udp': {} } }),
        /Task\.HealthCheck: found "\/health", wanted "", or a TCP port in Task\.ExposedPorts/,
      ],
      [
        'has ports in a list',
        event(ID, { ExposedPorts: ['80/tcp'] }),
        /Task\.ExposedPorts: found \["80\/tcp"\], wanted an object/,
      ],
      [
        'has two host ports for one',
        event(ID, { PortBindings: { '80/tcp': [{ HostPort: '1' }, { HostPort: '2' }] } }),
        /Task\.PortBindings\["80\/tcp"\]: found \["1","2"\], wanted one host port for each port/,
      ],
      [
        'has a binding that is a number',
        event(ID, { PortBindings: { '80/tcp': 8080 } }),
        /PortBindings\["80\/tcp"\]: found 8080, wanted a string or a list/,
      ],
      [
        'has a binding with an unknown field',
        event(ID, { PortBindings: { '80/tcp': [{ Port: '1' }] } }),
        /PortBindings\["80\/tcp"\]\.Port: no such field, wanted one of HostIp, HostPort/,
      ],
      [
        'has a Timestamp in seconds',
        event(ID, {}, { Timestamp: '1' }),
        /TaskEvent\.Timestamp: found "1", wanted an RFC 3339 time/,
      ],
      ['stops nothing in particular', { State: 3, Task: {} }, /Task\.ID: found nothing, wanted the ID/],
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
      it(`D0.4 refuses a body that ${name}, and stores nothing`, async () => {
        expectError(await rig.post(body), 400, says);
        expect(await rig.list()).to.deep.equal([]);
      });
    }

    it('D0.4 refuses what is said twice: which of the two was meant?', async () => {
      expectError(
        await rig.post('{"Task":{"Image":"a","Image":"b"}}'),
        400,
        /^Task\.Image: found it twice, wanted it once$/,
      );
      expectError(
        await rig.post('{"State":2,"State":3,"Task":{"Image":"a"}}'),
        400,
        /^TaskEvent\.State: found/,
      );
      expect(await rig.list()).to.deep.equal([]);
    });

    it('D0.4 refuses another content type, and a body that is too large', async () => {
      expectError(
        await rig.post(DOCUMENTED, { 'Content-Type': 'text/plain' }),
        415,
        /accepted media types include: application\/json/,
      );
      expectError(await rig.post('x'.repeat(3 * 1024 * 1024 + 1)), 413, /Request entity too large/);
    });
  });

  describe('items', () => {
    it('D0.5 have exactly the documented keys, in order, with their zero values', async () => {
      await rig.post(DOCUMENTED);
      const [item = {}] = await rig.list();
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
      const [full = {}] = await rig.list('?fields=all');
      expect(Object.keys(full).slice(14)).to.deep.equal(['CPU', 'HealthCheck', 'RestartCount', 'HostPorts']);
      expect(full).to.include({ CPU: 0, HealthCheck: '', RestartCount: 0, HostPorts: null });
    });

    it('D0.5 tell what was seen of the container', async () => {
      await rig.post(DOCUMENTED);
      const id = 'fd31597bc7eb16c92cc1b59fc2300d92d58c9795648a71e4d4ac9b5b0ff76b08';
      await rig.writeStatus({
        phase: 'Running',
        container: { id, state: 'running' },
        restartCount: 2,
        startedAt: '2026-01-01T00:00:01.5391939Z',
        observedAt: '2026-01-01T00:00:02Z',
        ports: [{ containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 32_768 }],
      });
      const [item] = await rig.list('?fields=all');
      expect(item).to.deep.include({
        ContainerID: id,
        State: 2,
        StartsAt: '2026-01-01T00:00:01.5391939Z',
        UpdatedAt: '2026-01-01T00:00:02Z',
        RestartCount: 2,
        HostPorts: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }] },
      });
      expect((await rig.ask('GET', `/tasks/${ID}?fields=all`)).json()).to.deep.equal(item);
    });

    const probes: readonly (readonly [what: string, probe: Task['spec']['livenessProbe'], shown: string])[] =
      [
        ['by the port’s name', { httpGet: { path: '/up', port: 'web' } }, '/up'],
        ['without a path', { httpGet: { port: 80 } }, '/'],
        ['on another port', { httpGet: { path: '/up', port: 81 } }, ''],
        ['on another host', { httpGet: { path: '/up', port: 80, host: 'example.org' } }, ''],
        ['by a command', { exec: { command: ['true'] } }, ''],
      ];
    for (const [what, livenessProbe, shown] of probes) {
      it(`D0.5 show a health check ${what} as "${shown}"`, async () => {
        const ports = [{ containerPort: 80, name: 'web' }, { containerPort: 81 }];
        const spec = { ports, ...(livenessProbe === undefined ? {} : { livenessProbe }) };
        await rig.server.world.allowEverything('default');
        await rig.server.world.admin.create(tasks, taskManifest('hello', spec));
        expect((await rig.list('?fields=all'))[0]?.HealthCheck).to.equal(shown);
      });
    }

    const policies: readonly (readonly [sent: string, stored: string, shown: string])[] = [
      ['', 'OnFailure', ''],
      ['on-failure', 'OnFailure', ''],
      ['unless-stopped', 'Always', 'always'],
      ['no', 'Never', 'no'],
    ];
    for (const [sent, kept, shown] of policies) {
      it(`D0.5 RestartPolicy "${sent}" means ${kept} and is shown as "${shown}"`, async () => {
        await rig.post(event(ID, { RestartPolicy: sent }));
        expect((await rig.stored()).spec.restartPolicy).to.equal(kept);
        expect((await rig.list())[0]?.RestartPolicy).to.equal(shown);
      });
    }
  });
});
