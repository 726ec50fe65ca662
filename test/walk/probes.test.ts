/** Probes and hooks from the manifest to what people see: the whole of gantry, the real engine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Event, Task } from '../../schemas/types.gen.ts';
import { command, eventually, GantryProcess } from './process.ts';

type Condition = NonNullable<NonNullable<Task['status']>['conditions']>[number];

const WAIT = 'trap "exit 0" TERM; sleep 3600 & wait';
const SERVE = 'trap "exit 0" TERM; httpd -f -p 8080 -h /www & wait';

describe('probes and hooks, walked', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const answer = await gantry.kubectl(words, input);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  const apply = (name: string, script: string, spec: object): Promise<string> =>
    ok(
      ['apply', '-f', '-'],
      JSON.stringify({
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { name },
        spec: {
          image: 'gantry/hello:1',
          command: ['sh', '-c', script],
          terminationGracePeriodSeconds: 3,
          ...spec,
        },
      }),
    );
  const read = async (name: string): Promise<Task> =>
    JSON.parse(await ok(['get', 'task', name, '-o', 'json'])) as Task;
  const ready = (task: Task): Condition | undefined =>
    task.status?.conditions?.find(({ type }) => type === 'Ready');
  const until = (name: string, what: string, isSo: (task: Task) => boolean): Promise<Task> =>
    eventually(
      `task ${name} ${what}`,
      async () => {
        const task = await read(name);
        return isSo(task) ? task : undefined;
      },
      60_000,
    );
  const untilReady = (name: string): Promise<Task> =>
    until(name, 'is ready', (task) => ready(task)?.status === 'True');
  const events = async (name: string): Promise<Event[]> => {
    const words = ['get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'json'];
    return (JSON.parse(await ok(words)) as { items: Event[] }).items;
  };
  const inContainer = async (task: Task, script: string): Promise<void> => {
    await command('docker', ['exec', task.status?.container?.id ?? '', 'sh', '-c', script]);
  };

  it('readiness decides Ready, in the probe’s words', async () => {
    await apply('picky', WAIT, {
      readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 },
    });
    const words = "Readiness probe failed: cat: can't open '/tmp/ready': No such file or directory";
    const waiting = await until('picky', 'says why', (task) => ready(task)?.message === words);
    expect(ready(waiting)).to.include({ status: 'False', reason: 'ReadinessProbeFailed' });
    expect(waiting.status?.phase).to.equal('Running');
    await inContainer(waiting, 'touch /tmp/ready');
    await untilReady('picky');
    await inContainer(waiting, 'rm /tmp/ready');
    await until('picky', 'is not ready', (task) => ready(task)?.status === 'False');
    const told = (await events('picky')).filter(({ reason }) => reason === 'Unhealthy');
    expect(told.map(({ type, message }) => [type, message])).to.deep.equal([['Warning', words]]);
    expect((await read('picky')).status?.restartCount ?? 0).to.equal(0);
  });

  it('failed liveness ends the container, with the reason in its history, and another one begins', async () => {
    await apply('mortal', SERVE, {
      ports: [{ name: 'web', containerPort: 8080 }],
      livenessProbe: {
        httpGet: { port: 'web', path: '/index.html' },
        periodSeconds: 1,
        timeoutSeconds: 5,
        failureThreshold: 2,
      },
    });
    const first = await untilReady('mortal');
    await inContainer(first, 'rm /www/index.html');
    const again = await until('mortal', 'was restarted', ({ status }) => (status?.restartCount ?? 0) > 0);
    expect(again.status?.history?.[0]).to.include({
      id: first.status?.container?.id,
      reason: 'LivenessFailed',
    });
    await untilReady('mortal');
    const told = (await events('mortal')).map(({ reason, message }) => `${reason}: ${message}`);
    expect(told).to.include('Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 404');
  });

  it('a startup probe holds the others, and its failure ends the container', async () => {
    await apply('slow', WAIT, {
      startupProbe: { exec: { command: ['test', '-f', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 60 },
      livenessProbe: { exec: { command: ['test', '-f', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 1 },
    });
    const starting = await until('slow', 'starts', (task) => ready(task)?.reason === 'StartupProbePending');
    expect(starting.status?.container?.started ?? false).to.equal(false);
    await inContainer(starting, 'touch /tmp/up');
    const started = await untilReady('slow');
    expect(started.status?.container?.started).to.equal(true);
    expect(started.status?.restartCount ?? 0).to.equal(0);

    await apply('never', WAIT, {
      restartPolicy: 'Never',
      startupProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 2 },
    });
    const failed = await until('never', 'has failed', ({ status }) => status?.phase === 'Failed');
    expect(failed.status?.history?.[0]?.reason).to.equal('StartupFailed');
  });

  it('postStart comes before Ready, its failure ends the container; preStop comes before the signal', async () => {
    const said: string[] = [];
    const server = createServer((request, response) => {
      said.push(request.url ?? '');
      response.end();
    });
    await listening(server);
    const { port } = server.address() as AddressInfo;
    // Who lets the worker ask others than the container has to say so.
    await ok(['label', 'namespace', 'default', 'gantry.dev/security=privileged']);
    try {
      await apply('polite', WAIT, {
        lifecycle: {
          postStart: { exec: { command: ['sh', '-c', 'sleep 2; touch /tmp/greeted'] } },
          preStop: { httpGet: { host: '127.0.0.1', port, path: '/bye' } },
        },
        readinessProbe: { exec: { command: ['test', '-f', '/tmp/greeted'] }, periodSeconds: 1 },
      });
      await until('polite', 'greets', (task) => ready(task)?.reason === 'PostStartRunning');
      const greeted = await untilReady('polite');
      expect((await events('polite')).filter(({ reason }) => reason === 'Unhealthy')).to.deep.equal([]);
      expect(greeted.status?.container?.started).to.equal(true);
      await ok(['delete', 'task', 'polite', '--timeout=60s']);
      expect(said).to.deep.equal(['/bye']);
    } finally {
      server.close();
    }

    await apply('rude', WAIT, {
      restartPolicy: 'Never',
      lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no greeting >&2; exit 3'] } } },
    });
    await until('rude', 'has failed', ({ status }) => status?.phase === 'Failed');
    const told = (await events('rude')).find(({ reason }) => reason === 'FailedPostStartHook');
    expect(told?.message).to.contain('ended with 3: no greeting');
  });

  it('a restart of gantry makes nobody unready', async () => {
    await apply('steady', SERVE, {
      readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 2 },
      startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 30 },
    });
    const before = await untilReady('steady');
    await gantry.stop('SIGKILL');
    await gantry.start();
    const answered = /prober_probe_total\{probe_type="Readiness",result="successful"\} [1-9]/;
    await eventually('it is asked again', async () =>
      answered.test(await ok(['get', '--raw', '/metrics'])) ? true : undefined,
    );
    const after = await read('steady');
    expect(after.status?.container?.id).to.equal(before.status?.container?.id);
    expect(ready(after)).to.deep.equal(ready(before));
  });
});

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
