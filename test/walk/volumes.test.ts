/** Volumes of Tasks on a real engine: each sentence of what they promise, from kubectl to inside the container. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, GantryProcess, type Output } from './process.ts';

interface SeenTask {
  readonly metadata: { readonly uid: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly attempts?: number;
    readonly restartCount?: number;
    readonly container?: { readonly id?: string };
    readonly history?: readonly { readonly reason: string; readonly message?: string }[];
  };
}

/** Found nowhere but in memory. In two parts, so that this file is not it. */
const CANARY = ['canary', 'f3b9c1d2e8a7'].join('-');

describe('Volumes', function () {
  this.timeout(180_000);
  let gantry: GantryProcess;

  before(async function () {
    // Without root there are no mounts.
    if (process.getuid?.() !== 0) this.skip();
    gantry = await GantryProcess.open();
    await kubectl('label namespace default gantry.dev/security=privileged');
  });
  after(async () => gantry?.dispose());

  const kubectl = async (words: string, input?: string): Promise<Output> => {
    const answer = await gantry.kubectl(words.split(' '), input);
    expect(answer.code, `kubectl ${words}\n${answer.stderr}`).to.equal(0);
    return answer;
  };
  const get = async (name: string): Promise<SeenTask> =>
    JSON.parse((await kubectl(`get task ${name} -o json`)).stdout) as SeenTask;
  const apply = (name: string, spec: Record<string, unknown>): Promise<Output> =>
    kubectl(
      'apply -f -',
      JSON.stringify({
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { name },
        spec: {
          image: 'gantry/hello:1',
          command: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
          terminationGracePeriodSeconds: 1,
          backoff: { maxSeconds: 1 },
          ...spec,
        },
      }),
    );
  /** Each volume at `/<name>`. */
  const mounted = (volumes: Readonly<Record<string, unknown>>, further: readonly unknown[] = []) => ({
    volumes: Object.entries(volumes).map(([name, source]) => ({ name, ...(source as object) })),
    volumeMounts: [...Object.keys(volumes).map((name) => ({ name, mountPath: `/${name}` })), ...further],
  });
  const runs = (name: string, not?: string): Promise<string> =>
    eventually(`${name} runs`, async () => {
      const { status } = await get(name);
      const id = status?.phase === 'Running' ? status.container?.id : undefined;
      return id === not ? undefined : id;
    });
  const waitsWith = (name: string, reason: string): Promise<string> =>
    eventually(`${name} waits with ${reason}`, async () => {
      const { status } = await get(name);
      return status?.reason === reason ? status.message : undefined;
    });
  const attempt = (id: string, script: string): Promise<Output> =>
    command('docker', ['exec', id, '/bin/sh', '-c', script]);
  const inside = async (id: string, script: string): Promise<string> => {
    const answer = await attempt(id, script);
    expect(answer.code, `${script}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout.trim();
  };
  const remove = (name: string): Promise<Output> => kubectl(`delete task ${name} --wait=true --timeout=30s`);
  const memory = (): string => join('/run/gantry', gantry.clusterId());

  it('a ConfigMap is files with modes and chosen paths, that nobody inside can change', async () => {
    await kubectl('create configmap app --from-literal=a=1 --from-literal=b=2');
    await apply(
      'config',
      mounted({
        all: { configMap: { name: 'app', defaultMode: 0o440 } },
        some: { configMap: { name: 'app', items: [{ key: 'b', path: 'deep/er', mode: 0o400 }] } },
        none: { configMap: { name: 'nobody', optional: true } },
      }),
    );
    const id = await runs('config');
    expect(await inside(id, 'cat /all/a /all/b; ls /some /none; cat /some/deep/er')).to.equal(
      '12/none:\n\n/some:\ndeep\n2',
    );
    expect(await inside(id, 'stat -L -c %a /all/a /some/deep/er')).to.equal('440\n400');
    expect((await attempt(id, 'echo x > /all/a')).stderr).to.include('Read-only file system');
  });

  it('a changed ConfigMap and Secret are seen inside within seconds, without a restart, all keys at once', async () => {
    await kubectl('create configmap live --from-literal=a=1 --from-literal=b=1 --from-literal=old=1');
    await kubectl('create secret generic live --from-literal=s=1');
    await apply(
      'live',
      mounted({ c: { configMap: { name: 'live' } }, s: { secret: { secretName: 'live' } } }),
    );
    const id = await runs('live');
    // A program that opens the set once reads one version.
    await attempt(
      id,
      `(while :; do d=$(readlink -f /c/..data); x=$(cat $d/a $d/b 2>/dev/null); [ "$d" = "$(readlink -f /c/..data)" ] && echo "$x"; done) > /tmp/seen 2>/dev/null &`,
    );
    const beganMs = Date.now();
    await kubectl(
      'replace -f -',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: 'live' },
            data: { a: '2', b: '2', new: '2' },
          },
          { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'live' }, stringData: { s: '2' } },
        ],
      }),
    );
    await eventually('the new files inside', async () => {
      const seen = await attempt(id, 'cat /c/a /c/b /c/new /s/s');
      return seen.stdout === '2222' ? true : undefined;
    });
    expect(Date.now() - beganMs).to.be.lessThan(10_000);
    expect(await inside(id, 'ls /c')).to.equal('a\nb\nnew');
    expect((await get('live')).status).to.include({ restartCount: 0 });
    const seen = new Set((await inside(id, 'cat /tmp/seen')).split('\n'));
    for (const version of seen) expect(version).to.be.oneOf(['11', '22', '']);
  });

  it('a Secret is in memory, and its bytes are nowhere on a disk', async () => {
    await kubectl(`create secret generic hidden --from-literal=token=${CANARY}`);
    await apply('hidden', {
      ...mounted({ keys: { secret: { secretName: 'hidden', defaultMode: 0o400 } } }, [
        { name: 'keys', mountPath: '/one', subPath: 'token' },
      ]),
    });
    const id = await runs('hidden');
    expect(await inside(id, 'cat /keys/token')).to.equal(CANARY);
    expect(await inside(id, 'cat /one')).to.equal(CANARY);
    expect(await inside(id, 'stat -L -c %a /keys/token')).to.equal('400');
    expect(await inside(id, 'grep " /keys " /proc/mounts')).to.match(/^gantry \/keys tmpfs ro,/);
    const { stdout: root } = await command('docker', ['info', '-f', '{{.DockerRootDir}}']);
    const directories = [gantry.home, join(root.trim(), 'containers'), join(root.trim(), 'volumes')];
    const { stdout: layer } = await command('docker', [
      'inspect',
      '-f',
      '{{.GraphDriver.Data.UpperDir}}',
      id,
    ]);
    if (existsSync(layer.trim())) directories.push(layer.trim());
    // The file system in memory is mounted elsewhere; -x where the search is by device.
    const found = await command('grep', ['-rlF', '--devices=skip', CANARY, ...directories]);
    // Containers of others come and go meanwhile: what was looked at had none.
    expect(found.stdout).to.equal('');
    const { stdout: onRun } = await command('sh', [
      '-c',
      `find /run -xdev -type f -exec grep -lF ${CANARY} {} + || true`,
    ]);
    expect(onRun).to.equal('');
    // And after the Task nowhere at all.
    const { uid } = (await get('hidden')).metadata;
    await remove('hidden');
    expect((await command('sh', ['-c', `find ${memory()} -name '${uid}*' 2>/dev/null`])).stdout).to.equal('');
  });

  it('an emptyDir begins empty, outlives containers and Gantry, and goes with the Task', async () => {
    await apply('scratch', mounted({ disk: { emptyDir: {} }, fast: { emptyDir: { medium: 'Memory' } } }));
    const first = await runs('scratch');
    expect(await inside(first, 'ls -A /disk /fast; stat -c %a /disk /fast')).to.equal(
      '/disk:\n\n/fast:\n777\n777',
    );
    await inside(first, 'echo kept > /disk/x; echo kept > /fast/x');
    const { uid } = (await get('scratch')).metadata;
    await command('docker', ['kill', first]);
    const second = await runs('scratch', first);
    expect(await inside(second, 'cat /disk/x /fast/x')).to.equal('kept\nkept');
    await gantry.stop('SIGKILL');
    await gantry.start();
    await command('docker', ['kill', second]);
    const third = await runs('scratch', second);
    expect(await inside(third, 'cat /disk/x /fast/x')).to.equal('kept\nkept');
    expect(existsSync(join(gantry.home, 'volumes', uid))).to.equal(true);
    await remove('scratch');
    expect(existsSync(join(gantry.home, 'volumes', uid))).to.equal(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(uid);
  });

  it('an emptyDir in memory takes no more than its sizeLimit, and counts for the memory limit', async () => {
    await apply('small', mounted({ fast: { emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } } }));
    const id = await runs('small');
    const answer = await attempt(id, 'dd if=/dev/zero of=/fast/x bs=1024 count=2048');
    expect(answer.code).not.to.equal(0);
    expect(answer.stderr).to.include('No space left on device');
    expect(await inside(id, 'df -k /fast | tail -1 | tr -s " " | cut -d" " -f2')).to.equal('1024');
    await remove('small');
  });

  it('an emptyDir on the disk beyond its sizeLimit has its container evicted; the next one finds it empty', async () => {
    await apply('greedy', mounted({ disk: { emptyDir: { sizeLimit: '1Mi' } } }));
    const id = await runs('greedy');
    await inside(id, 'dd if=/dev/zero of=/disk/x bs=1024 count=3072');
    const next = await eventually(
      'another container',
      async () => {
        const { status } = await get('greedy');
        const other = status?.phase === 'Running' ? status.container?.id : undefined;
        return other === id ? undefined : other;
      },
      60_000,
    );
    const [end] = (await get('greedy')).status?.history ?? [];
    expect(end?.reason).to.equal('Evicted');
    expect(await inside(next, 'ls -A /disk')).to.equal('');
    const { stdout } = await kubectl('get events --field-selector involvedObject.name=greedy -o json');
    expect(stdout).to.include('exceeds its sizeLimit 1Mi');
    await remove('greedy');
  });

  it('limits.ephemeral-storage counts what a container writes into its own layer', async () => {
    await apply('writer', { restartPolicy: 'Never', resources: { limits: { 'ephemeral-storage': '1Mi' } } });
    const id = await runs('writer');
    await inside(
      id,
      'dd if=/dev/zero of=/tmp/x bs=1024 count=3072 2>/dev/null || dd if=/dev/zero of=/x bs=1024 count=3072',
    );
    const end = await eventually(
      'the eviction',
      async () => (await get('writer')).status?.history?.find(({ reason }) => reason === 'Evicted'),
      60_000,
    );
    expect(end.reason).to.equal('Evicted');
    await remove('writer');
  });

  it('a named volume is kept when its Task goes, shared by name in the namespace, and found again', async () => {
    // The engine is everybody's: what another run left under this name is not ours.
    const shelf = `shelf-${gantry.pid}`;
    await apply('first', mounted({ data: { volume: { name: shelf } } }));
    await inside(await runs('first'), 'echo kept > /data/x');
    await remove('first');
    await apply(
      'second',
      mounted({ data: { volume: { name: shelf } } }, [
        { name: 'data', mountPath: '/part', subPath: 'sub', readOnly: true },
      ]),
    );
    const id = await runs('second');
    expect(await inside(id, 'cat /data/x')).to.equal('kept');
    const { stdout } = await command('docker', [
      'volume',
      'inspect',
      '-f',
      '{{index .Labels "gantry.dev/namespace"}}/{{index .Labels "gantry.dev/volume"}}',
      `gantry.default.${shelf}`,
    ]);
    expect(stdout.trim()).to.equal(`default/${shelf}`);
    await remove('second');
  });

  it('a hostPath shows the worker’s own files; of the wrong type it waits and says why, and starts once it is right', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-host-'));
    try {
      writeFileSync(join(directory, 'x'), 'of the host');
      const late = join(directory, 'late');
      await apply(
        'host',
        mounted({
          there: { hostPath: { path: directory, type: 'Directory' } },
          made: { hostPath: { path: join(directory, 'made'), type: 'DirectoryOrCreate' } },
          late: { hostPath: { path: late, type: 'File' } },
        }),
      );
      const message = await waitsWith('host', 'CreateContainerConfigError');
      expect(message).to.include(`hostPath type check failed: ${late} is not a file`);
      writeFileSync(late, 'late');
      const id = await runs('host');
      expect(await inside(id, 'cat /there/x; cat /late; ls /made')).to.equal('of the hostlate');
      await inside(id, 'echo out > /made/y');
      expect(readFileSync(join(directory, 'made', 'y'), 'utf8')).to.equal('out\n');
      await remove('host');
      expect(existsSync(join(directory, 'x'))).to.equal(true);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('a subPath that a container made lead out of its volume is refused, and nothing of the host is shown', async () => {
    await apply('trap', mounted({ shared: { emptyDir: {} } }));
    const first = await runs('trap');
    await inside(first, 'ln -s /etc /shared/sub; ln -s ../../../../../../../etc /shared/up');
    for (const subPath of ['sub', 'up']) {
      await apply(
        'trap',
        mounted({ shared: { emptyDir: {} } }, [{ name: 'shared', mountPath: '/part', subPath }]),
      );
      const message = await eventually(`${subPath} is refused`, async () => {
        const { status } = await get('trap');
        return status?.reason === 'CreateContainerConfigError' &&
          status.message?.includes(`"${subPath}"`) === true
          ? status.message
          : undefined;
      });
      expect(message).to.include(`subPath "${subPath}" of volume "shared" is refused: it leads`);
    }
    await remove('trap');
  });

  it('a subPath is a part of a volume, one file of a ConfigMap too, which stays as it was until the next container', async () => {
    await kubectl('create configmap part --from-literal=app.conf=1');
    await apply(
      'part',
      mounted({ disk: { emptyDir: {} }, c: { configMap: { name: 'part' } } }, [
        { name: 'disk', mountPath: '/logs', subPath: 'var/logs' },
        { name: 'c', mountPath: '/etc/app.conf', subPath: 'app.conf' },
      ]),
    );
    const id = await runs('part');
    await inside(id, 'echo x > /logs/x');
    expect(await inside(id, 'cat /disk/var/logs/x /etc/app.conf')).to.equal('x\n1');
    await kubectl('patch configmap part --type=merge -p {"data":{"app.conf":"2"}}');
    await eventually('the whole volume is new', async () =>
      (await attempt(id, 'cat /c/app.conf')).stdout === '2' ? true : undefined,
    );
    expect(await inside(id, 'cat /etc/app.conf')).to.equal('1');
    await command('docker', ['kill', id]);
    expect(await inside(await runs('part', id), 'cat /etc/app.conf')).to.equal('2');
    await remove('part');
  });

  it('after a power cut Secrets are written again before the container starts', async () => {
    await kubectl('create secret generic again --from-literal=s=there');
    await apply(
      'again',
      mounted({ s: { secret: { secretName: 'again' } }, m: { emptyDir: { medium: 'Memory' } } }),
    );
    const first = await runs('again');
    // Memory is gone and no container runs, as after one.
    await gantry.stop('SIGKILL');
    await command('docker', ['kill', first]);
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const mounts = lines
      .flatMap((line) => line.split(' ')[4] ?? [])
      .filter((path) => path.startsWith(`${memory()}/`));
    await command('umount', ['--lazy', ...mounts.toReversed()]);
    expect(readdirSync(memory()).flatMap((name) => readdirSync(join(memory(), name)))).to.deep.equal([]);
    await gantry.start();
    const second = await runs('again', first);
    expect(await inside(second, 'cat /s/s; ls -A /m; grep -c " /[sm] tmpfs" /proc/mounts')).to.equal(
      'there2',
    );
    await remove('again');
  });

  it('a Worker says how much disk it has, and that it is not short of any', async () => {
    const { stdout } = await kubectl('get workers -o json');
    const [worker] = (JSON.parse(stdout) as { items: { status: Record<string, unknown> }[] }).items;
    expect(worker?.status['capacity']).to.have.property('ephemeral-storage');
    const conditions = worker?.status['conditions'] as { type: string; status: string }[];
    expect(conditions.map(({ type }) => type)).to.include.members(['DiskPressure', 'MemoryPressure']);
  });
});
