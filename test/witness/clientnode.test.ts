/**
 * `@kubernetes/client-node` as a foreign witness: it was written for Kubernetes, knows nothing of Gantry, and is used
 * here as its own documentation says.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import {
  Attach,
  CoreV1Api,
  Cp,
  CustomObjectsApi,
  Exec,
  type Informer,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  KubernetesObjectApi,
  Log,
  Metrics,
  makeInformer,
  PatchStrategy,
  PortForward,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import { expect } from 'chai';
import { tasks } from '../../schemas/kinds.ts';
import { taskManifest } from '../builders.ts';
import { Certificates, serveSecurely } from '../client/secureserver.ts';
import { eventually, GantryProcess } from '../walk/process.ts';
import { adminIdentity, openWorld } from '../world.ts';
import { CuttingProxy } from './proxy.ts';

const NAMESPACE = 'default';

interface Task extends KubernetesObject {
  spec: {
    image: string;
    command?: string[];
    desiredState?: string;
    stopSignal?: string;
    restartPolicy?: string;
  };
  status?: { phase?: string };
}

const taskOf = (name: string, spec: Partial<Task['spec']> = {}): Task => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name, namespace: NAMESPACE, labels: { app: name } },
  spec: { image: 'gantry/hello:1', ...spec },
});

const CLIENT = { group: 'gantry.dev', version: 'v1', namespace: NAMESPACE, plural: 'tasks' };

/** The same configuration for a server reached through another local port. */
function reached(config: KubeConfig, port: number): KubeConfig {
  const through = new KubeConfig();
  through.loadFromString(config.exportConfig());
  const cluster = through.getCurrentCluster();
  if (cluster === null) throw new Error('the configuration names no cluster');
  through.clusters = [{ ...cluster, server: `https://127.0.0.1:${port}` }];
  return through;
}

function informerOf(config: KubeConfig): Informer<Task> {
  const custom = config.makeApiClient(CustomObjectsApi);
  return makeInformer<Task>(
    config,
    `/apis/gantry.dev/v1/namespaces/${NAMESPACE}/tasks`,
    async () => (await custom.listNamespacedCustomObject(CLIENT)) as KubernetesListObject<Task>,
  );
}

/** The names it holds. Restarted on errors, as its documentation asks for. */
function follow(informer: Informer<Task>): ReadonlySet<string> {
  const seen = new Set<string>();
  informer.on('add', (object) => void seen.add(object.metadata?.name ?? ''));
  informer.on('delete', (object) => void seen.delete(object.metadata?.name ?? ''));
  informer.on('error', () => void setTimeout(() => void informer.start().catch(() => undefined), 50));
  return seen;
}

/** Everything that is written to it, as text. */
function collector(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

describe('@kubernetes/client-node', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;
  let config: KubeConfig;
  let objects: KubernetesObjectApi;

  before(async () => {
    gantry = await GantryProcess.open();
    config = new KubeConfig();
    config.loadFromFile(gantry.kubeconfig);
    objects = KubernetesObjectApi.makeApiClient(config);
  });
  after(() => gantry.dispose());

  it('creates, reads, patches, replaces and deletes objects it has no types for', async () => {
    const made = await objects.create(taskOf('plain', { desiredState: 'Stopped' }));
    expect(made.metadata?.uid).to.be.a('string');
    const header = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'plain', namespace: NAMESPACE },
    };
    const patched = await objects.patch<Task>(
      { ...header, spec: { stopSignal: 'SIGINT' } } as unknown as Task,
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.MergePatch,
    );
    expect(patched.spec.stopSignal).to.equal('SIGINT');
    // The scheduler writes it too: a conflict means reading again.
    const replaced = await eventually('it is replaced', async () => {
      const read = await objects.read<Task>(header);
      return objects
        .replace<Task>({ ...read, spec: { ...read.spec, stopSignal: 'SIGHUP' } })
        .catch((failure: { code: number }) => {
          if (failure.code !== 409) throw failure;
          return undefined;
        });
    });
    expect(replaced.spec.stopSignal).to.equal('SIGHUP');
    await objects.delete(header);
    const error = await objects.read(header).then(
      () => undefined,
      (failure: unknown) => failure as { code: number },
    );
    expect(error?.code).to.equal(404);
  });

  it('applies on the server, and hears of conflicts', async () => {
    const apply = (manager: string, stopSignal: string, force?: boolean): Promise<Task> =>
      objects.patch<Task>(
        taskOf('applied', { desiredState: 'Stopped', stopSignal }),
        undefined,
        undefined,
        manager,
        force,
        PatchStrategy.ServerSideApply,
      );
    expect((await apply('ann', 'SIGINT')).metadata?.managedFields?.[0]?.manager).to.equal('ann');
    const conflict = await apply('bob', 'SIGHUP').then(
      () => undefined,
      (failure: unknown) => failure as { code: number; body: unknown },
    );
    expect(conflict?.code).to.equal(409);
    expect(JSON.stringify(conflict?.body)).to.match(/conflict with \\*"ann/);
    expect((await apply('bob', 'SIGHUP', true)).spec.stopSignal).to.equal('SIGHUP');
  });

  it('lists, watches and knows the built-in kinds by its typed clients', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const made = await core.createNamespacedConfigMap({
      namespace: NAMESPACE,
      body: { metadata: { name: 'typed' }, data: { a: 'b' } },
    });
    expect(made.data).to.deep.equal({ a: 'b' });
    const nodes = await core.listNode();
    expect(nodes.items[0]?.status?.nodeInfo?.containerRuntimeVersion).to.match(/^docker:\/\//);
    const custom = config.makeApiClient(CustomObjectsApi);
    const list = (await custom.listNamespacedCustomObject(CLIENT)) as KubernetesListObject<Task>;
    expect(list.items.map((item) => item.metadata?.name)).to.include('applied');

    const told: string[] = [];
    const watch = await new Watch(config).watch(
      `/api/v1/namespaces/${NAMESPACE}/configmaps`,
      { fieldSelector: 'metadata.name=typed' },
      (type) => void told.push(type),
      () => undefined,
    );
    await eventually('the watch begins', () => (told.includes('ADDED') ? true : undefined));
    await core.deleteNamespacedConfigMap({ namespace: NAMESPACE, name: 'typed' });
    await eventually('the watch tells the deletion', () => (told.includes('DELETED') ? true : undefined));
    watch.abort();
  });

  it('keeps an informer that misses nothing when its connection is dropped', async () => {
    const proxy = await CuttingProxy.open(gantry.securePort);
    const informer = informerOf(reached(config, proxy.port));
    const seen = follow(informer);
    await informer.start();
    await objects.create(taskOf('before-cut', { desiredState: 'Stopped' }));
    await eventually('it sees what is made', () => (seen.has('before-cut') ? true : undefined));
    proxy.cut();
    await objects.create(taskOf('while-cut', { desiredState: 'Stopped' }));
    await eventually('it sees what was made meanwhile', () => (seen.has('while-cut') ? true : undefined));
    await objects.delete(taskOf('before-cut'));
    await eventually('it sees what went', () => (seen.has('before-cut') ? undefined : true));
    await informer.stop();
    proxy.close();
  });

  describe('streams', () => {
    before(async () => {
      const script = 'echo spoken; trap "exit 0" TERM; while :; do echo tick; sleep 0.3; done';
      await objects.create(taskOf('talks', { command: ['sh', '-c', script] }));
      await objects.create(taskOf('serves'));
      await running('talks');
      await running('serves');
    });
    const running = (name: string): Promise<true> =>
      eventually(`${name} runs`, async () => {
        const { status } = await objects.read<Task>({
          apiVersion: 'gantry.dev/v1',
          kind: 'Task',
          metadata: { name, namespace: NAMESPACE },
        });
        return status?.phase === 'Running' ? true : undefined;
      });

    it('Log', async () => {
      const out = collector();
      // Followed to its end: aborting a log is an exception inside the client library that nobody can catch.
      await objects.create(
        taskOf('ends', { command: ['sh', '-c', 'sleep 1; echo last'], restartPolicy: 'Never' }),
      );
      await running('ends');
      await new Log(config).log(NAMESPACE, 'ends', 'ends', out.stream, { follow: true });
      await eventually('the log is told', () => (/last\n/.test(out.text()) ? true : undefined));
    });

    it('Exec: output, input, exit code', async () => {
      const run = async (
        words: string[],
        input?: string,
      ): Promise<{ out: string; err: string; status: V1Status }> => {
        const out = collector();
        const err = collector();
        const status = await new Promise<V1Status>((resolve, reject) => {
          new Exec(config)
            .exec(
              NAMESPACE,
              'talks',
              'talks',
              words,
              out.stream,
              err.stream,
              input === undefined ? null : Readable.from([Buffer.from(input)]),
              false,
              resolve,
            )
            .catch(reject);
        });
        return { out: out.text(), err: err.text(), status };
      };
      const good = await run(['sh', '-c', 'echo out; echo err >&2']);
      expect([good.out, good.err, good.status.status]).to.deep.equal(['out\n', 'err\n', 'Success']);
      const bad = await run(['sh', '-c', 'exit 3']);
      expect(bad.status.reason).to.equal('NonZeroExitCode');
      expect(bad.status.details?.causes?.[0]).to.deep.include({ reason: 'ExitCode', message: '3' });
      const echoed = await run(['head', '-c', '5'], 'hello, and more');
      expect(echoed.out).to.equal('hello');
    });

    it('Attach', async () => {
      const out = collector();
      const socket = await new Attach(config).attach(
        NAMESPACE,
        'talks',
        'talks',
        out.stream,
        null,
        null,
        false,
      );
      await eventually('it is heard', () => (/tick\n/.test(out.text()) ? true : undefined));
      socket.close();
    });

    it('Cp, both ways', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'gantry-cp-'));
      const cp = new Cp(config);
      try {
        // It does not wait for what it begins: the files are looked for instead.
        await cp.cpFromPod(NAMESPACE, 'talks', 'talks', 'index.html', folder, '/www');
        const page = join(folder, 'index.html');
        await eventually('the file came', () =>
          existsSync(page) && /Hello from Gantry/.test(readFileSync(page, 'utf8')) ? true : undefined,
        );
        await cp.cpToPod(NAMESPACE, 'talks', 'talks', folder, '/tmp');
        const words = ['exec', 'talks', '--', 'cat', '/tmp/index.html'];
        await eventually('the file went', async () =>
          (await gantry.kubectl(words)).stdout.includes('Hello from Gantry') ? true : undefined,
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    it('PortForward', async () => {
      const out = collector();
      const input = new PassThrough();
      const forward = new PortForward(config);
      await forward.portForward(NAMESPACE, 'serves', [8080], out.stream, null, input);
      input.write('GET / HTTP/1.0\r\n\r\n');
      await eventually('the page came', () => (/Hello from Gantry/.test(out.text()) ? true : undefined));
      input.end();
    });

    it('Metrics', async () => {
      const metrics = new Metrics(config);
      const pods = await metrics.getPodMetrics(NAMESPACE);
      expect(pods.items.map(({ metadata }) => metadata.name)).to.include('talks');
      const nodes = await metrics.getNodeMetrics();
      expect(nodes.items[0]?.usage.cpu).to.match(/^\d+n$/);
    });
  });
});

describe('@kubernetes/client-node and a history that is gone', function () {
  this.timeout(60_000);
  const certificates = new Certificates();
  after(() => certificates.remove());

  it('is told 410 in the watch, and its informer lists again and misses nothing', async () => {
    const world = await openWorld({ cacheLimits: { maxChanges: 4, maxChangeBytes: 2 ** 20 } });
    const server = await serveSecurely(world, certificates);
    const proxy = await CuttingProxy.open(Number(new URL(server.url).port));
    try {
      const { certificate, key } = await certificates.of(adminIdentity);
      const config = new KubeConfig();
      const encoded = (text: string): string => Buffer.from(text).toString('base64');
      const { authority } = await certificates.pki();
      config.loadFromOptions({
        clusters: [{ name: 'c', server: server.url, caData: encoded(authority) }],
        users: [{ name: 'u', certData: encoded(certificate), keyData: encoded(key) }],
        contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
        currentContext: 'x',
      });
      const informer = informerOf(reached(config, proxy.port));
      const seen = follow(informer);
      const make = (name: string): Promise<unknown> => world.admin.create(tasks, taskManifest(name));
      await make('kept');
      await make('goes');
      await informer.start();
      await eventually('it sees both', () => (seen.size === 2 ? true : undefined));
      const old = world.store.revision();
      proxy.shut();
      await world.admin.delete(tasks, { namespace: NAMESPACE, name: 'goes' });
      for (let at = 0; at < 10; at++) await make(`new-${at}`);
      await world.store.compact(world.store.revision());
      const told = await new Promise<{ type: string; code: unknown }>((resolve, reject) => {
        new Watch(config)
          .watch(
            '/apis/gantry.dev/v1/tasks',
            { resourceVersion: String(old) },
            (type, object: { code?: unknown }) => resolve({ type, code: object.code }),
            (error) => reject(error instanceof Error ? error : new Error('it ended without a word')),
          )
          .catch(reject);
      });
      expect(told).to.deep.equal({ type: 'ERROR', code: 410 });
      proxy.reopen();
      await eventually('it knows the present', () =>
        seen.size === 11 && seen.has('new-9') && !seen.has('goes') ? true : undefined,
      );
      await informer.stop();
    } finally {
      proxy.close();
      await server.close();
      await world.close();
    }
  });
});
