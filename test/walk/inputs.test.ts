/** What a container is given from ConfigMaps, Secrets, its Task and its worker, on a real engine. */
import { expect } from 'chai';
import { command, eventually, GantryProcess, type Output } from './process.ts';

interface SeenTask {
  readonly metadata: { readonly uid: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly container?: { readonly id?: string };
  };
}

describe('Configuration', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  const kubectl = async (words: string, input?: string): Promise<Output> => {
    const answer = await gantry.kubectl(words.split(' '), input);
    expect(answer.code, `kubectl ${words}\n${answer.stderr}`).to.equal(0);
    return answer;
  };
  const get = async (name: string): Promise<SeenTask> => {
    const { stdout } = await kubectl(`get task ${name} -o json`);
    return JSON.parse(stdout) as SeenTask;
  };
  const apply = (name: string, spec: Record<string, unknown>, metadata: Record<string, unknown> = {}) =>
    kubectl(
      'apply -f -',
      JSON.stringify({
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { name, ...metadata },
        spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1, ...spec },
      }),
    );
  const runs = (name: string): Promise<string> =>
    eventually(`${name} runs`, async () => {
      const { status } = await get(name);
      return status?.phase === 'Running' ? status.container?.id : undefined;
    });
  const waitsWith = (name: string, message: string): Promise<true> =>
    eventually(`${name} waits with ${message}`, async () => {
      const { status } = await get(name);
      return status?.reason === 'CreateContainerConfigError' && status.message === message ? true : undefined;
    });
  const inside = async (id: string, ...words: string[]): Promise<string> => {
    const answer = await command('docker', ['exec', id, ...words]);
    expect(answer.code, `${words.join(' ')}\n${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  const envOf = async (id: string): Promise<readonly string[]> => (await inside(id, 'env')).split('\n');

  it('reaches a container from every source, and its arguments', async () => {
    await kubectl('create configmap all --from-literal=color=blue --from-literal=shape=$(COLOR)');
    await kubectl('create secret generic login --from-literal=password=hunter2');
    const from = (valueFrom: unknown) => ({ valueFrom });
    await apply(
      'all',
      {
        command: ['/bin/sh', '-c'],
        args: ["echo '$(GREETING)' > /tmp/said; exec httpd -f -p 8080"],
        resources: { limits: { cpu: '1500m', memory: '32Mi' } },
        envFrom: [{ configMapRef: { name: 'all' }, prefix: 'MAP_' }],
        env: [
          { name: 'COLOR', ...from({ configMapKeyRef: { name: 'all', key: 'color' } }) },
          { name: 'PASSWORD', ...from({ secretKeyRef: { name: 'login', key: 'password' } }) },
          { name: 'ABSENT', ...from({ secretKeyRef: { name: 'login', key: 'nope', optional: true } }) },
          { name: 'NAME', ...from({ fieldRef: { fieldPath: 'metadata.name' } }) },
          { name: 'UID_OF', ...from({ fieldRef: { fieldPath: 'metadata.uid' } }) },
          { name: 'TEAM', ...from({ fieldRef: { fieldPath: "metadata.labels['team']" } }) },
          { name: 'CPUS', ...from({ resourceFieldRef: { resource: 'limits.cpu' } }) },
          { name: 'MIB', ...from({ resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } }) },
          { name: 'DISK', ...from({ resourceFieldRef: { resource: 'requests.ephemeral-storage' } }) },
          { name: 'GREETING', value: '$(NAME) is $(COLOR), not $$(COLOR) or $(NOPE)' },
        ],
      },
      { labels: { team: 'a' } },
    );
    const id = await runs('all');
    const { metadata } = await get('all');
    expect(await envOf(id)).to.include.members([
      'MAP_color=blue',
      'MAP_shape=$(COLOR)',
      'COLOR=blue',
      'PASSWORD=hunter2',
      'NAME=all',
      `UID_OF=${metadata.uid}`,
      'TEAM=a',
      'CPUS=2',
      'MIB=32',
      'DISK=0',
      'GREETING=all is blue, not $(COLOR) or $(NOPE)',
    ]);
    expect((await envOf(id)).join('\n')).not.to.include('ABSENT');
    expect(await inside(id, 'cat', '/tmp/said')).to.equal('all is blue, not $(COLOR) or $(NOPE)\n');
  });

  it('that is missing is waited for by name, and the container starts as soon as it is there', async () => {
    await apply('late', {
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'late', key: 'b' } } },
      ],
    });
    await waitsWith('late', 'configmap "late" not found; secret "late" not found');
    await kubectl('create configmap late --from-literal=other=1');
    await waitsWith('late', 'couldn\'t find key "a" in ConfigMap default/late; secret "late" not found');
    await kubectl('create secret generic late --from-literal=b=2');
    await waitsWith('late', 'couldn\'t find key "a" in ConfigMap default/late');
    await kubectl('patch configmap late --type=merge -p {"data":{"a":"1"}}');
    const id = await runs('late');
    expect(await envOf(id)).to.include.members(['A=1', 'B=2']);
  });

  it('that is no longer there keeps nothing from running', async () => {
    await kubectl('create configmap gone --from-literal=a=1');
    await apply('gone', { envFrom: [{ configMapRef: { name: 'gone' } }] });
    const id = await runs('gone');
    await kubectl('delete configmap gone');
    await command('docker', ['kill', id]);
    await waitsWith('gone', 'configmap "gone" not found');
    await kubectl('create configmap gone --from-literal=a=2');
    const next = await eventually('it runs again', async () => {
      const found = await runs('gone');
      return found === id ? undefined : found;
    });
    expect(await envOf(next)).to.include('a=2');
  });

  it('that changes reaches the next container, and restarts none', async () => {
    await kubectl('create configmap turn --from-literal=a=1');
    await apply('turn', { envFrom: [{ configMapRef: { name: 'turn' } }] });
    const id = await runs('turn');
    await kubectl('patch configmap turn --type=merge -p {"data":{"a":"2"}}');
    await command('docker', ['kill', id]);
    const next = await eventually('it runs again', async () => {
      const { status } = await get('turn');
      const found = status?.container?.id;
      return status?.phase === 'Running' && found !== id ? found : undefined;
    });
    expect(await envOf(next)).to.include('a=2');
  });

  it('as files changes under the running container, and stays as it is while the source is gone', async () => {
    await kubectl('create configmap files --from-literal=color=blue');
    await kubectl('create secret generic files --from-literal=password=hunter2');
    await apply('files', {
      volumes: [
        { name: 'settings', configMap: { name: 'files' } },
        { name: 'login', secret: { secretName: 'files', items: [{ key: 'password', path: 'db/password' }] } },
      ],
      volumeMounts: [
        { name: 'settings', mountPath: '/etc/settings' },
        { name: 'login', mountPath: '/etc/login' },
      ],
    });
    const id = await runs('files');
    expect(await inside(id, 'cat', '/etc/settings/color', '/etc/login/db/password')).to.equal('bluehunter2');
    await kubectl('patch configmap files --type=merge -p {"data":{"color":"red","shape":"round"}}');
    await eventually('the files have changed', async () => {
      const { stdout } = await command('docker', [
        'exec',
        id,
        'cat',
        '/etc/settings/color',
        '/etc/settings/shape',
      ]);
      return stdout === 'redround' ? true : undefined;
    });
    await kubectl('delete configmap files');
    expect(await inside(id, 'cat', '/etc/settings/color')).to.equal('red');
    expect(await runs('files')).to.equal(id);
  });

  it('from Secrets is in no log, Event or status', async () => {
    const { stdout: events } = await kubectl('get events -o json');
    const { stdout: objects } = await kubectl('get tasks,workers -o json');
    for (const text of [gantry.log, events, objects]) expect(text).not.to.include('hunter2');
  });

  it('keeps a Task whole that Linux could not be given', async () => {
    const data = { big: 'x'.repeat(200_000) };
    const metadata = { name: 'big' };
    await kubectl('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
    await apply('big', { envFrom: [{ configMapRef: { name: 'big' } }] });
    await waitsWith(
      'big',
      'key "big" in ConfigMap default/big is too long for an environment variable, which has 131070 bytes at most with its name: mount it as a volume',
    );
  });
});
