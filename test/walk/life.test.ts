/** A Task's life on a real engine, through the real process: inputs, hooks, probes, limits, ends, and what they leave. */
import { expect } from 'chai';
import type { Task } from '../../schemas/types.gen.ts';
import { command, eventually, GantryProcess } from './process.ts';

type Spec = Partial<Task['spec']>;

describe('A Task’s life on Docker', function () {
  this.timeout(180_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  const sh = (script: string): Spec => ({ command: ['sh', '-c', script] });
  const kubectl = async (words: readonly string[], input?: string): Promise<string> => {
    const answer = await gantry.kubectl([...words], input);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  const docker = async (...words: string[]): Promise<string> => {
    const answer = await command('docker', words);
    expect(answer.code, `docker ${words.join(' ')}\n${answer.stderr}`).to.equal(0);
    return answer.stdout.trim();
  };
  const apply = (name: string, spec: Spec): Promise<string> => {
    const task = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name },
      spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1, ...spec },
    };
    return kubectl(['apply', '-f', '-'], JSON.stringify(task));
  };
  const read = async (name: string): Promise<Task> =>
    JSON.parse(await kubectl(['get', 'task', name, '-o', 'json'])) as Task;
  const until = (name: string, what: string, isSo: (task: Task) => boolean): Promise<Task> =>
    eventually(
      `${name}: ${what}`,
      async () => {
        const task = await read(name);
        return isSo(task) ? task : undefined;
      },
      60_000,
    );
  const isReady = ({ status }: Task): boolean =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const idOf = ({ status }: Task): string => status?.container?.id ?? '';
  const reasonsOf = async (name: string): Promise<readonly string[]> =>
    (
      await kubectl([
        'get',
        'events',
        `--field-selector=involvedObject.name=${name}`,
        '-o',
        'jsonpath={.items[*].reason}',
      ])
    ).split(' ');

  it('waits for its ConfigMap, starts as soon as it is there, and sees the files change', async () => {
    await apply('inputs', {
      envFrom: [{ configMapRef: { name: 'conf' } }],
      volumes: [{ name: 'conf', configMap: { name: 'conf' } }],
      volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
      ...sh('while true; do echo "$colour $(cat /conf/colour)"; sleep 0.2; done'),
    });
    const waiting = await until(
      'inputs',
      'it waits',
      ({ status }) => status?.reason === 'CreateContainerConfigError',
    );
    expect(waiting.status?.message).to.include('conf');
    await kubectl(['create', 'configmap', 'conf', '--from-literal=colour=blue']);
    const task = await until('inputs', 'it runs', isReady);
    const says = async (words: string): Promise<void> => {
      await eventually(`it says ${words}`, async () =>
        (await docker('logs', '--tail', '1', idOf(task))) === words ? true : undefined,
      );
    };
    await says('blue blue');
    await kubectl(['patch', 'configmap', 'conf', '-p', '{"data":{"colour":"red"}}']);
    await says('blue red');
    expect(idOf(await read('inputs'))).to.equal(idOf(task));
  });

  it('is ready after postStart and its probes, and restarted when it is not alive', async () => {
    const exists = (file: string) => ({ exec: { command: ['test', '-f', file] }, periodSeconds: 1 });
    await apply('probed', {
      lifecycle: { postStart: { exec: { command: ['sh', '-c', 'sleep 0.5; touch /begun'] } } },
      startupProbe: exists('/begun'),
      livenessProbe: { ...exists('/begun'), failureThreshold: 1 },
      readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
    });
    const task = await until('probed', 'it is ready', isReady);
    expect(task.status?.container?.started).to.equal(true);
    await docker('exec', idOf(task), 'rm', '/begun');
    const again = await until(
      'probed',
      'another is ready',
      (now) => isReady(now) && idOf(now) !== idOf(task),
    );
    expect(again.status?.history?.[0]).to.include({ attempt: 1, reason: 'LivenessFailed' });
    expect(await reasonsOf('probed')).to.include.members(['Unhealthy', 'Killing']);
  });

  it('stops a container whose postStart failed, and says with which words', async () => {
    await apply('unhooked', {
      restartPolicy: 'Never',
      lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no database; exit 4'] } } },
    });
    const task = await until('unhooked', 'it failed', ({ status }) => status?.phase === 'Failed');
    expect(task.status?.history?.[0]?.reason).to.equal('Error');
    expect(task.status?.history?.[0]?.message).to.match(/^postStart hook failed: .*4/);
    await eventually('it is told', async () =>
      (await reasonsOf('unhooked')).includes('FailedPostStartHook') ? true : undefined,
    );
  });

  it('runs preStop first', async () => {
    await apply('leaving', {
      desiredState: 'Running',
      terminationGracePeriodSeconds: 10,
      lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo farewell > /proc/1/fd/1; sleep 0.5'] } } },
      ...sh('trap "echo term; exit 0" TERM; while true; do sleep 0.1; done'),
    });
    const task = await until('leaving', 'it runs', isReady);
    await kubectl(['patch', 'task', 'leaving', '--type=merge', '-p', '{"spec":{"desiredState":"Stopped"}}']);
    const stopped = await until('leaving', 'it is stopped', ({ status }) => status?.phase === 'Stopped');
    expect(await docker('logs', idOf(task))).to.equal('farewell\nterm');
    expect(stopped.status?.history?.[0]?.output).to.equal('farewell\nterm');
  });

  it('keeps how it ended: code, last words, want of memory', async () => {
    await apply('crashed', { restartPolicy: 'Never', ...sh('echo out; echo the end >&2; exit 7') });
    const crashed = await until('crashed', 'it failed', ({ status }) => status?.phase === 'Failed');
    const ended = crashed.status?.history?.[0];
    expect(ended).to.include({ exitCode: 7, reason: 'Error' });
    // Two pipes: which of them the engine reads first is its own affair.
    expect(ended?.output?.split('\n')).to.have.members(['out', 'the end']);
    await apply('hungry', {
      restartPolicy: 'Never',
      resources: { limits: { memory: '8Mi' } },
      ...sh('x=$(head -c 64m /dev/zero | tr "\\0" x); echo $x'),
    });
    const hungry = await until('hungry', 'it failed', ({ status }) => status?.phase === 'Failed');
    expect(hungry.status?.history?.[0]?.reason).to.equal('OOMKilled');
  });

  it('ends for good when its time is over', async () => {
    await apply('timed', { activeDeadlineSeconds: 2 });
    const task = await until('timed', 'it failed', ({ status }) => status?.phase === 'Failed');
    expect(task.status?.reason).to.equal('DeadlineExceeded');
    const tookMs = Date.parse(task.status?.finishedAt ?? '') - Date.parse(task.status?.startedAt ?? '');
    expect(tookMs).to.be.within(2_000, 6_000);
  });

  it('changes limits in place, and tells of less memory than is in use', async () => {
    await apply('sized', {
      resources: { limits: { memory: '128Mi', cpu: '1' } },
      volumes: [{ name: 'm', emptyDir: { medium: 'Memory' } }],
      volumeMounts: [{ name: 'm', mountPath: '/m' }],
      ...sh('head -c 60m /dev/zero > /m/much; echo full; sleep 1000'),
    });
    const task = await until('sized', 'it runs', isReady);
    const id = idOf(task);
    await eventually('it is full', async () => ((await docker('logs', id)) === 'full' ? true : undefined));
    const limit = (limits: object): Promise<string> =>
      kubectl([
        'patch',
        'task',
        'sized',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { resources: { limits } } }),
      ]);
    const found = (): Promise<string> =>
      docker(
        'inspect',
        '-f',
        '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}',
        id,
      );
    expect(await found()).to.equal(`${2 ** 27} 1000000000 4096`);
    await limit({ memory: '16Mi', cpu: '500m' });
    const refused = await until('sized', 'it says so', ({ status }) => status?.reason === 'ResizeRefused');
    expect(refused.status).to.include({ phase: 'Running' });
    expect(await found()).to.equal(`${2 ** 27} 500000000 4096`);
    await limit({ memory: '256Mi', cpu: '500m' });
    await until('sized', 'nothing is wrong', ({ status }) => status?.reason === undefined);
    expect(await found()).to.equal(`${2 ** 28} 500000000 4096`);
    expect(idOf(await read('sized'))).to.equal(id);
  });

  it('runs with few rights, and not as root where that is forbidden', async () => {
    await apply('meek', sh('sleep 1000'));
    const meek = await until('meek', 'it runs', isReady);
    const state = await docker('exec', idOf(meek), 'cat', '/proc/1/status');
    expect(state).to.match(/NoNewPrivs:\s+1/);
    const capabilities = BigInt(`0x${/CapEff:\s+(\w+)/.exec(state)?.[1] ?? 'f'.repeat(16)}`);
    for (const [name, bit] of [
      ['NET_RAW', 13n],
      ['MKNOD', 27n],
      ['AUDIT_WRITE', 29n],
      ['SYS_ADMIN', 21n],
    ] as const) {
      expect((capabilities >> bit) & 1n, name).to.equal(0n);
    }
    expect((capabilities >> 0n) & 1n, 'CHOWN').to.equal(1n);
    await apply('root', { securityContext: { runAsNonRoot: true } });
    const root = await until(
      'root',
      'it waits',
      ({ status }) => status?.reason === 'CreateContainerConfigError',
    );
    expect(root.status?.message).to.include('image will run as root');
  });

  it('waits for what it depends on, and finds it by name', async () => {
    await apply('front', {
      dependsOn: [{ name: 'back', condition: 'Ready' }],
      ...sh('wget -q -O - http://back:8080/ && wget -q -O - http://behind:8080/ && sleep 1000'),
      restartPolicy: 'Never',
    });
    await until('front', 'it waits', ({ status }) => status?.reason === 'DependencyNotReady');
    await apply('back', {
      network: { aliases: ['behind'] },
      readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
    });
    const front = await until('front', 'it runs', isReady);
    await eventually('it has both answers', async () =>
      (await docker('top', idOf(front))).includes('sleep 1000') ? true : undefined,
    );
  });
});
