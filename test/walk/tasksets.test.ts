/** TaskSets on a real engine, through the real process and kubectl: scaled, updated under load, reverted, promoted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { get } from 'node:http';
import { expect } from 'chai';
import { newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { systemClock } from '../../machinery/clock.ts';
import { taskSets, tasks } from '../../schemas/kinds.ts';
import type { Task, TaskSet } from '../../schemas/types.gen.ts';
import { eventually, freePort, GantryProcess } from './process.ts';

type Spec = TaskSet['spec'];
type Status = NonNullable<TaskSet['status']>;
type Client = ReturnType<typeof newHttpClient>;

const SERVE = [
  'echo "$VERSION" > /www/index.html',
  'trap "echo TERM; kill \\$server; exit 0" TERM',
  'httpd -f -p 8080 -h /www & server=$!',
  'wait $server',
].join('; ');

describe('TaskSets on Docker', function () {
  this.timeout(300_000);
  let gantry: GantryProcess;
  let client: Client;

  before(async () => {
    gantry = await GantryProcess.open();
    const access = await loadKubeconfig({ path: gantry.kubeconfig, defaults: [], directory: gantry.home });
    client = newHttpClient({ ...access, clock: systemClock, userAgent: 'walk' });
  });
  after(async () => {
    client.close();
    await gantry.dispose();
  });

  const kubectl = async (words: readonly string[], input?: string): Promise<string> => {
    const answer = await gantry.kubectl(words, input);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };
  const template = (name: string, version: string, spec: object = {}): Spec['template'] => ({
    metadata: { labels: { app: name } },
    spec: {
      image: 'gantry/hello:1',
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', SERVE],
      env: [{ name: 'VERSION', value: version }],
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
      terminationGracePeriodSeconds: 5,
      ...spec,
    },
  });
  const apply = (
    name: string,
    spec: Partial<Spec> & { readonly template: Spec['template'] },
  ): Promise<string> =>
    kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({
        apiVersion: 'gantry.dev/v1',
        kind: 'TaskSet',
        metadata: { name },
        spec: { selector: { matchLabels: { app: name } }, ...spec },
      }),
    );
  const key = (name: string) => ({ namespace: 'default', name });
  const read = (name: string): Promise<TaskSet> => client.get(taskSets, key(name));
  const tasksOf = async (name: string): Promise<readonly Task[]> =>
    (await client.list(tasks, { namespace: 'default', labelSelector: `gantry.dev/taskset=${name}` })).items;
  const reasonOf = ({ conditions }: Status, type: string): string | undefined =>
    conditions?.find((condition) => condition.type === type)?.reason;
  const until = (name: string, what: string, isSo: (status: Status) => boolean): Promise<Status> =>
    eventually(
      `taskset ${name}: ${what}`,
      async () => {
        const { metadata, status = {} } = await read(name);
        return status.observedGeneration === metadata.generation && isSo(status) ? status : undefined;
      },
      150_000,
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${JSON.stringify((await read(name)).status, null, 1)}`);
    });
  const untilAll = (name: string, count: number): Promise<Status> =>
    until(
      name,
      `${count} of the newest revision are available`,
      ({ replicas, updatedReplicas, availableReplicas, endpoints }) =>
        [replicas, updatedReplicas, availableReplicas, endpoints?.length].every((found) => found === count),
    );

  it('is applied, shown in columns, and scaled by the real kubectl', async () => {
    await kubectl(['apply', '-f', 'manifests/examples/taskset.yaml']);
    await untilAll('shop', 3);
    const columns = async (): Promise<string[][]> =>
      (await kubectl(['get', 'tasksets']))
        .trim()
        .split('\n')
        .map((line) => line.split(/\s{2,}/));
    const [header, row] = await columns();
    expect(header).to.deep.equal(['NAME', 'DESIRED', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE']);
    expect(row?.slice(0, 5)).to.deep.equal(['shop', '3', '3', '3', '3']);
    await kubectl(['scale', 'taskset/shop', '--replicas=1']);
    const open = await untilAll('shop', 1);
    await kubectl([
      'patch',
      'configmap',
      'shop-page',
      '--type=merge',
      '-p',
      '{"data":{"index.html":"Closed."}}',
    ]);
    await until(
      'shop',
      'is of another revision',
      ({ updateRevision }) => updateRevision !== open.updateRevision,
    );
    const { endpoints } = await untilAll('shop', 1);
    expect(await (await fetch(urlOf(endpoints?.[0]))).text()).to.equal('Closed.');
    await kubectl(['delete', 'taskset', 'shop', '--wait=false']);
  });

  it('updates 20 replicas while clients send work to those that take it: no request fails', async () => {
    await apply('web', { replicas: 20, template: template('web', 'one') });
    await untilAll('web', 20);
    const stop = new AbortController();
    const watched = new Watched();
    const watching = watched.follow(client, 'web', stop.signal);
    const [old] = await tasksOf('web');
    const follower = new LogFollower(old?.status?.container?.id ?? '');
    const hammers = Array.from({ length: 4 }, (_, at) => hammer(watched, at, stop.signal));
    try {
      await eventually('work is done', () => (watched.answers.get('one') ?? 0) > 50 || undefined);
      await apply('web', { replicas: 20, template: template('web', 'two') });
      await untilAll('web', 20);
      const before = watched.answers.get('one') ?? 0;
      await eventually('only the new ones answer', () => (watched.answers.get('two') ?? 0) > 50 || undefined);
      expect(watched.answers.get('one'), 'answers of the old version afterwards').to.equal(before);
      await eventually('the old one is told to stop', () => follower.saidAtMs('TERM'));
    } finally {
      stop.abort();
      await Promise.all([...hammers, watching]);
      follower.stop();
    }
    expect(watched.failures, `of ${watched.requests} requests`).to.deep.equal([]);
    expect(watched.fewest, 'fewest endpoints').to.be.at.least(15);
    expect(watched.most, 'most tasks').to.be.at.most(25);
    // One replica's turn: out of endpoints, at least a second later TERM.
    const name = old?.metadata.name ?? '';
    const leftAtMs = watched.leftAtMs.get(name) ?? Number.NaN;
    const termAtMs = follower.saidAtMs('TERM') ?? Number.NaN;
    expect(termAtMs - leftAtMs, 'from leaving endpoints to TERM').to.be.at.least(900);
    // When the first old one left, new ones had come; all that came had been Ready before.
    expect(watched.order[0]).to.match(/^\+/);
    await kubectl(['scale', 'taskset', 'web', '--replicas=2', '--current-replicas=20']);
    await untilAll('web', 2);
  });

  it('replaces one replica in this order: the new one is in endpoints, the old one leaves, a second later its TERM', async () => {
    const strategy = { maxSurge: 1, maxUnavailable: 0 };
    await apply('one', { replicas: 1, strategy, template: template('one', 'one') });
    await untilAll('one', 1);
    const stop = new AbortController();
    const watched = new Watched();
    const watching = watched.follow(client, 'one', stop.signal);
    const [old] = await tasksOf('one');
    const follower = new LogFollower(old?.status?.container?.id ?? '');
    await apply('one', { replicas: 1, strategy, template: template('one', 'two') });
    await untilAll('one', 1);
    const fresh = (await tasksOf('one')).find(({ metadata }) => metadata.name !== old?.metadata.name);
    const termAtMs = await eventually('the old one is told to stop', () => follower.saidAtMs('TERM'));
    stop.abort();
    await watching;
    follower.stop();
    const [was, is] = [old?.metadata.name ?? '', fresh?.metadata.name ?? ''];
    expect(watched.order).to.deep.equal([`+${was}`, `+${is}`, `-${was}`]);
    const left = watched.leftAtMs.get(was) ?? Number.NaN;
    expect(termAtMs - left).to.be.at.least(900);
  });

  it('gives up a broken image by itself, and the set goes on as it was', async () => {
    const spec = { replicas: 2, progressDeadlineSeconds: 6, strategy: { autoRevert: true } };
    await apply('back', { ...spec, template: template('back', 'one') });
    const good = await untilAll('back', 2);
    const broken = { image: 'gantry/no-such-image:1', imagePullPolicy: 'Never' };
    await apply('back', { ...spec, template: template('back', 'two', broken) });
    await until('back', 'is rolled back', (status) => reasonOf(status, 'Progressing') === 'RolledBack');
    const status = await until('back', 'is whole again', ({ replicas, availableReplicas, endpoints }) =>
      [replicas, availableReplicas, endpoints?.length].every((found) => found === 2),
    );
    expect(status).to.include({
      targetRevision: good.updateRevision,
      lastStableRevision: good.updateRevision,
      rejectedRevision: status.updateRevision,
    });
    expect((await read('back')).spec.template.spec.image).to.equal('gantry/no-such-image:1');
  });

  it('lets canaries stand beside the others until somebody promotes their revision', async () => {
    const spec = { replicas: 3, strategy: { canary: { replicas: 1 } } };
    await apply('bird', { ...spec, template: template('bird', 'one') });
    await untilAll('bird', 3);
    await apply('bird', { ...spec, template: template('bird', 'two') });
    const waiting = await until(
      'bird',
      'waits',
      (status) => reasonOf(status, 'Progressing') === 'CanaryWaiting',
    );
    expect(waiting).to.include({ updatedReplicas: 1, replicas: 4, availableReplicas: 4 });
    await kubectl([
      'annotate',
      'taskset',
      'bird',
      `gantry.dev/promoted-revision=${waiting.updateRevision ?? ''}`,
      '--overwrite',
    ]);
    await untilAll('bird', 3);
  });

  it('stops the old one first where a port of the worker can be held by one alone, and says how long nobody answered', async () => {
    const hostPort = await freePort();
    const ports = [{ name: 'http', containerPort: 8080, hostPort }];
    await apply('fixed', { replicas: 1, template: template('fixed', 'one', { ports }) });
    await untilAll('fixed', 1);
    await apply('fixed', { replicas: 1, template: template('fixed', 'two', { ports }) });
    await until('fixed', 'is of the new version', ({ lastGap }) => lastGap !== undefined);
    const { lastGap } = await untilAll('fixed', 1);
    expect(lastGap?.seconds).to.be.within(1, 30);
    expect((await (await fetch(`http://127.0.0.1:${hostPort}/`)).text()).trim()).to.equal('two');
  });

  it('has one on every worker with mode Global', async () => {
    await apply('all', { mode: 'Global', template: template('all', 'one') });
    const status = await untilAll('all', 1);
    expect(status.desiredReplicas).to.equal(1);
    const [only] = await tasksOf('all');
    expect(only?.spec.workerSelector).to.deep.equal({ 'gantry.dev/worker': only?.spec.workerName });
    const { stdout } = await gantry.kubectl(['get', 'taskset', 'all', '-o', 'wide']);
    expect(stdout)
      .to.contain('NewRevisionAvailable')
      .and.to.contain('gantry/hello:1')
      .and.to.contain('app=all');
  });
});

type Endpoint = NonNullable<Status['endpoints']>[number];

function urlOf(endpoint: Endpoint | undefined): string {
  const port = endpoint?.ports?.[0];
  return `http://${port?.hostIP ?? 'nowhere'}:${port?.hostPort ?? 0}/`;
}

/** What one watcher of a set saw, and what it was answered by those that it was told to ask. */
class Watched {
  endpoints: readonly Endpoint[] = [];
  fewest = Number.POSITIVE_INFINITY;
  most = 0;
  requests = 0;
  readonly failures: string[] = [];
  /** By version. */
  readonly answers = new Map<string, number>();
  readonly leftAtMs = new Map<string, number>();
  /** `+name` when one came into endpoints, `-name` when it left. */
  readonly order: string[] = [];

  async follow(client: Client, name: string, signal: AbortSignal): Promise<void> {
    const options = { namespace: 'default', fieldSelector: `metadata.name=${name}`, signal };
    for await (const event of client.watch(taskSets, options)) {
      if (event.type === 'BOOKMARK') continue;
      const { endpoints = [], replicas = 0 } = event.object.status ?? {};
      const now = new Set(endpoints.map(({ task }) => task));
      const before = new Set(this.endpoints.map(({ task }) => task));
      for (const task of now) if (!before.has(task)) this.order.push(`+${task}`);
      for (const task of before) {
        if (now.has(task)) continue;
        this.order.push(`-${task}`);
        this.leftAtMs.set(task, Date.now());
      }
      this.endpoints = endpoints;
      this.fewest = Math.min(this.fewest, endpoints.length);
      this.most = Math.max(this.most, replicas);
    }
  }
}

/** A tiny round-robin client: asks the next of those that take work, one request after the other. */
async function hammer(watched: Watched, start: number, signal: AbortSignal): Promise<void> {
  for (let turn = start * 5; !signal.aborted; turn++) {
    const { endpoints } = watched;
    const endpoint = endpoints[turn % Math.max(1, endpoints.length)];
    if (endpoint === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    watched.requests++;
    try {
      const version = (await ask(urlOf(endpoint))).trim();
      watched.answers.set(version, (watched.answers.get(version) ?? 0) + 1);
    } catch (error) {
      watched.failures.push(`${endpoint.task}: ${String(error)}`);
    }
    // Two cores are shared with everything that is being started.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`answered ${response.statusCode ?? 0}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 10 s')));
    request.on('error', reject);
  });
}

/** The log of one container with the engine's own times. */
class LogFollower {
  readonly #child: ChildProcess;
  #text = '';

  constructor(container: string) {
    this.#child = spawn('docker', ['logs', '--follow', '--timestamps', container], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
  }

  saidAtMs(word: string): number | undefined {
    const line = this.#text.split('\n').find((text) => text.endsWith(` ${word}`));
    return line === undefined ? undefined : Date.parse(line.slice(0, line.indexOf(' ')));
  }

  stop(): void {
    this.#child.kill();
  }
}
