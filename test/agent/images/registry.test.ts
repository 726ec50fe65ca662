/**
 * Tasks whose images come from a real registry, on the real engine: with and without a user, slow, killed, wrong, and
 * removed when the disk is said to be full. Every test has a cluster id and repositories of its own, and removes them.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Agent, type AgentOptions, startAgent } from '../../../agent/agent.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import type { Registry } from '../../../api/registry/types.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { workerIdentity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { systemRandom } from '../../../machinery/random.ts';
import type { Runtime } from '../../../machinery/runtime.ts';
import { openRuntime } from '../../../runtime/open.ts';
import { events, secrets, tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { taskManifest } from '../../builders.ts';
import {
  ImageRegistry,
  type ImageToPush,
  needRegistry,
  rootFileSystem,
  tarOf,
  USER,
} from '../../runtime/image-registry.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine } from '../../runtime/sample-engine.ts';
import { SlowLine } from '../../runtime/slow-line.ts';
import { adminIdentity } from '../../world.ts';

const { signal } = new AbortController();
const MIB = 1024 * 1024;

async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  withinMs = 90_000,
): Promise<T> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A control plane without a scheduler, and an agent on the machine's own engine. */
class Cluster {
  readonly id = `test-${systemRandom.uuid()}`;
  readonly runtime: Runtime = openRuntime(`docker:unix://${endpoint.kind === 'unix' ? endpoint.path : ''}`, {
    clock: systemClock,
    metrics: newMetrics(),
    env: process.env,
  });
  readonly home: string;
  /** Percent of the engine's disk that is said to be in use. */
  fullPercent = 10;
  readonly metrics = newMetrics();
  readonly #images: AgentOptions['images'];
  #store: Store | undefined;
  #registry: Registry | undefined;
  #agent: Agent | undefined;

  private constructor(home: string, images: AgentOptions['images']) {
    this.home = home;
    this.#images = images;
  }

  static async open(images: AgentOptions['images'] = {}): Promise<Cluster> {
    const cluster = new Cluster(await mkdtemp(join(tmpdir(), 'gantry-imgtest-')), images);
    cluster.#store = await openStore('memory:', { clock: systemClock, random: systemRandom });
    cluster.#registry = await openRegistry({
      store: cluster.#store,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: newMetrics(),
    });
    await cluster.startAgent();
    await eventually('the worker is ready', async () => {
      const list = await cluster.admin.list(workers);
      return list.items[0]?.status?.conditions?.find(
        ({ type, status }) => type === 'Ready' && status === 'True',
      );
    });
    return cluster;
  }

  get admin() {
    if (this.#registry === undefined) throw new Error('the cluster is not open');
    return this.#registry.as(adminIdentity);
  }

  async startAgent(): Promise<void> {
    if (this.#registry === undefined) throw new Error('the cluster is not open');
    this.#agent = await startAgent({
      client: this.#registry.as(workerIdentity('w1')),
      runtime: this.runtime,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: this.metrics,
      workerName: 'w1',
      clusterId: this.id,
      agentVersion: 'test',
      relistMs: 1_000,
      readFileSystem: () =>
        Promise.resolve({
          totalBytes: 1000 * MIB,
          availableBytes: (100 - this.fullPercent) * 10 * MIB,
          totalInodes: 0,
          freeInodes: 0,
        }),
      images: { recordFile: join(this.home, 'images.json'), ...this.#images },
    });
  }

  async apply(name: string, spec: Partial<Task['spec']>): Promise<void> {
    const whole = { terminationGracePeriodSeconds: 1, network: { mode: 'none' }, ...spec };
    await this.admin.create(tasks, taskManifest(name, whole));
    const key = { namespace: 'default', name };
    const binding = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: 'w1' },
      epoch: 1,
    };
    await this.admin.post(tasks, key, 'binding', binding);
  }

  async login(name: string, registry: string, password = USER.password): Promise<void> {
    const config = { auths: { [registry]: { username: USER.username, password } } };
    await this.admin.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
    });
  }

  read(name: string): Promise<Task> {
    return this.admin.get(tasks, { namespace: 'default', name });
  }

  untilReason(name: string, reason: string, withinMs?: number): Promise<Task> {
    const look = async (): Promise<Task | undefined> => {
      const task = await this.read(name);
      return task.status?.reason === reason ? task : undefined;
    };
    return eventually(`${name} waits for ${reason}`, look, withinMs);
  }

  untilRunning(name: string, withinMs?: number): Promise<Task> {
    const look = async (): Promise<Task | undefined> => {
      const task = await this.read(name);
      return task.status?.phase === 'Running' ? task : undefined;
    };
    return eventually(`${name} runs`, look, withinMs);
  }

  /** In the order in which they were first told. */
  async told(name: string): Promise<readonly string[]> {
    const { items } = await this.admin.list(events, { fieldSelector: `involvedObject.name=${name}` });
    return items
      .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
      .map(({ reason, message }) => `${reason}: ${message}`);
  }

  async untilTold(name: string, pattern: RegExp, withinMs?: number): Promise<string> {
    const look = async (): Promise<string | undefined> =>
      (await this.told(name)).find((line) => pattern.test(line));
    return eventually(`an Event of ${name} like ${pattern}`, look, withinMs);
  }

  async close(): Promise<void> {
    await this.#agent?.stop();
    const left = await this.runtime.list({ 'gantry.dev/cluster': this.id }, signal);
    for (const { id } of left) await this.runtime.remove(id, signal);
    await this.#registry?.close();
    await this.#store?.close();
    await rm(this.home, { recursive: true, force: true });
  }
}

(isLeftOut ? describe.skip : describe)('Tasks and a real registry', function () {
  this.timeout(200_000);
  let open: ImageRegistry;
  let guarded: ImageRegistry;
  let base: Buffer;
  let cluster: Cluster;

  before(async function () {
    needRegistry(this);
    await prepareEngine();
    open = await ImageRegistry.start();
    guarded = await ImageRegistry.start({ hasUsers: true });
    base = await rootFileSystem(docker, IMAGE);
  });
  afterEach(async () => {
    await cluster.close();
    for (const { id, references } of await cluster.runtime.images(signal)) {
      const isOurs = references.some((name) => name.includes('/gantry-imgtest/'));
      if (isOurs) await cluster.runtime.removeImage(id, signal);
    }
  });
  after(async () => {
    await open?.stop();
    await guarded?.stop();
  });

  /** One that runs, unlike any other. */
  const image = (bytes = 64): ImageToPush => ({
    layers: [base, tarOf('layer', randomBytes(bytes))],
    config: { Cmd: ['/bin/sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait $!'], Env: ['PATH=/bin'] },
  });
  const repository = (name: string): string => `gantry-imgtest/${name}`;

  it('run what they name, by tag and by digest, and say which image it is', async () => {
    cluster = await Cluster.open();
    const { reference, pinned, digest } = await open.push(repository('good'), '1', image());
    await cluster.apply('by-tag', { image: reference });
    const task = await cluster.untilRunning('by-tag');
    const info = await cluster.runtime.image(reference, signal);
    expect(task.status?.container).to.include({ image: reference, imageID: info?.id });
    await open.push(repository('good'), '1', image());
    await cluster.apply('by-digest', { image: pinned, imagePullPolicy: 'Always' });
    await cluster.apply('by-both', { image: `${reference}@${digest}` });
    for (const name of ['by-digest', 'by-both']) {
      expect((await cluster.untilRunning(name)).status?.container?.imageID).to.equal(info?.id);
    }
    expect(await cluster.told('by-tag')).to.satisfy((lines: string[]) =>
      lines.some((line) => /^Pulled: Pulled image ".*good:1" in .*: 2 MiB$/.test(line)),
    );
  });

  it('pull with what imagePullSecrets hold, and not without', async () => {
    cluster = await Cluster.open();
    const { reference } = await guarded.push(repository('secret'), '1', image());
    await cluster.apply('nobody', { image: reference });
    const refused = await cluster.untilReason('nobody', 'ErrImagePull');
    expect(refused.status?.message).to.include('no basic auth credentials');
    await cluster.login('wrong', guarded.host, 'wrong password');
    await cluster.apply('wrong', { image: reference, imagePullSecrets: [{ name: 'wrong' }] });
    const wrong = await cluster.untilReason('wrong', 'ErrImagePull');
    expect(wrong.status?.message).to.include('unauthorized: authentication required');
    await cluster.untilTold('wrong', /^Failed: .*unauthorized/);
    await cluster.login('right', guarded.host);
    await cluster.apply('right', { image: reference, imagePullSecrets: [{ name: 'right' }] });
    await cluster.untilRunning('right');
    // Of several the one that is good, whatever its place, and a Secret that is not there is passed over.
    const names = ['absent', 'wrong', 'right'].map((name) => ({ name }));
    await cluster.apply('several', { image: reference, imagePullPolicy: 'Always', imagePullSecrets: names });
    await cluster.untilRunning('several');
    const stored = JSON.stringify([await cluster.admin.list(tasks), await cluster.admin.list(events)]);
    expect(stored).to.not.include('wrong password').and.not.include(USER.password);
  });

  it('wait for a missing tag with ErrImagePull, then ImagePullBackOff, and run when it is there', async () => {
    cluster = await Cluster.open();
    await open.push(repository('later'), '1', image());
    const reference = `${open.host}/${repository('later')}:2`;
    await cluster.apply('later', { image: reference });
    const task = await cluster.untilReason('later', 'ErrImagePull');
    expect(task.status?.message).to.include('manifest unknown');
    // The second try comes after ten seconds, and the third after twenty more.
    await cluster.untilReason('later', 'ImagePullBackOff', 30_000);
    await cluster.untilTold('later', /^BackOff: .*manifest unknown/);
    await open.push(repository('later'), '2', image());
    await cluster.untilRunning('later', 60_000);
  });

  it('say that an image is none for this machine, before anything is started', async () => {
    cluster = await Cluster.open();
    const foreign: ImageToPush = { ...image(), architecture: 'riscv64' };
    const several = await open.pushAll(repository('several'), '1', [
      foreign,
      { ...image(), architecture: 's390x' },
    ]);
    await cluster.apply('several', { image: several.reference });
    expect((await cluster.untilReason('several', 'ErrImagePull')).status?.message).to.match(
      /no matching manifest for linux\/\w+ in the manifest list/,
    );
    const one = await open.push(repository('one'), '1', foreign);
    await cluster.apply('one', { image: one.reference });
    const refused = await cluster.untilReason('one', 'CreateContainerError');
    expect(refused.status?.message).to.match(/is linux\/riscv64, this worker is linux\/\w+/);
    expect(refused.status?.history ?? []).to.deep.equal([]);
    expect(await cluster.runtime.list({ 'gantry.dev/cluster': cluster.id }, signal)).to.deep.equal([]);
  });

  it('share one pull', async () => {
    cluster = await Cluster.open();
    const { reference } = await open.push(repository('shared'), '1', image(2 * MIB));
    const line = await SlowLine.open(open.host, 2 * MIB);
    try {
      const slow = reference.replace(open.host, line.host);
      const before = open.manifestRequests(repository('shared'));
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      for (const name of names) await cluster.apply(name, { image: slow });
      for (const name of names) await cluster.untilRunning(name, 60_000);
      // The engine asks twice for a pull: whether there is one, and for it.
      expect(open.manifestRequests(repository('shared')) - before).to.be.within(1, 2);
    } finally {
      await line.close();
    }
  });

  it('tell how far a slow pull has come', async () => {
    cluster = await Cluster.open();
    const { reference } = await open.push(repository('slow'), '1', image(6 * MIB));
    const line = await SlowLine.open(open.host, MIB / 2);
    try {
      await cluster.apply('slow', { image: reference.replace(open.host, line.host) });
      await eventually('its status says how far', async () => {
        const { status } = await cluster.admin.get(tasks, { namespace: 'default', name: 'slow' });
        return (
          /is being pulled: \d+ MiB of \d+ MiB, [01] of 2 layers$/.test(status?.message ?? '') || undefined
        );
      });
      const told = await cluster.untilTold('slow', /Pulling image .*: \d+ MiB of \d+ MiB, [01] of 2 layers$/);
      expect(told).to.match(/^Pulling: /);
      await cluster.untilRunning('slow', 60_000);
      expect((await cluster.told('slow')).filter((line) => line.includes(' MiB of '))).to.have.length(1);
      await cluster.untilTold('slow', /^Pulled: .* in 1\d s: 8 MiB$/);
    } finally {
      await line.close();
    }
  });

  it('give up a registry that stands still, and one that was killed, and go on when it is back', async () => {
    cluster = await Cluster.open({ progressDeadlineMs: 3_000 });
    const mortal = await ImageRegistry.start();
    const { reference } = await mortal.push(repository('mortal'), '1', image(4 * MIB));
    const line = await SlowLine.open(mortal.host, 2 * MIB);
    try {
      await cluster.apply('mortal', { image: reference.replace(mortal.host, line.host) });
      await eventually('something of the image', async () => (line.passed > MIB ? true : undefined));
      line.isStalled = true;
      const held = line.connections;
      const stalled = await cluster.untilReason('mortal', 'ErrImagePull');
      expect(stalled.status?.message).to.match(
        /nothing came from the registry for 3 s \(.* of .*\), gave it up/,
      );
      line.isStalled = false;
      // The engine sees that nobody wants it any more when the next byte comes; one connection may be kept.
      await eventually('the engine to let go', async () => (line.connections < held ? true : undefined));
      line.bytesPerSecond = MIB / 2;
      const passed = line.passed;
      await eventually('the second try', async () => (line.passed > passed + MIB / 2 ? true : undefined));
      await mortal.kill();
      await cluster.untilReason('mortal', 'ImagePullBackOff');
      await mortal.resume();
      line.bytesPerSecond = 100 * MIB;
      const task = await cluster.untilRunning('mortal', 60_000);
      expect(task.status?.attempts).to.equal(1);
    } finally {
      await line.close();
      await mortal.stop();
    }
  });

  it('do what their policy says when the registry is down and the image is here', async () => {
    cluster = await Cluster.open();
    const mortal = await ImageRegistry.start();
    const { reference } = await mortal.push(repository('policy'), '1', image());
    await cluster.apply('first', { image: reference });
    await cluster.untilRunning('first');
    await mortal.stop();
    await cluster.apply('always', { image: reference, imagePullPolicy: 'Always' });
    await cluster.apply('present', { image: reference, imagePullPolicy: 'IfNotPresent' });
    await cluster.apply('never', { image: reference, imagePullPolicy: 'Never' });
    for (const name of ['present', 'never']) {
      await cluster.untilRunning(name);
      expect((await cluster.told(name)).filter((line) => line.startsWith('Pull'))).to.deep.equal([]);
    }
    const always = await cluster.untilReason('always', 'ErrImagePull');
    expect(always.status?.message).to.include('connection refused');
    expect(always.status?.container).to.equal(undefined);
  });

  it('lose their images to the collector only when nobody uses them any more', async () => {
    const settings = { minAgeMs: 0, highPercent: 85, lowPercent: 80, periodMs: 300 };
    cluster = await Cluster.open(settings);
    const used = await open.push(repository('used'), '1', image());
    const gone = await open.push(repository('gone'), '1', image());
    const tagged = await open.push(repository('tagged'), '1', image());
    const foreign = await open.push(repository('foreign'), '1', image());
    await cluster.runtime.pull(foreign.reference, {}, signal);
    for (const [name, { reference }] of Object.entries({ used, gone, tagged })) {
      await cluster.apply(name, { image: reference });
      await cluster.untilRunning(name);
    }
    await docker.getImage(tagged.reference).tag({ repo: `${open.host}/gantry-imgtest/mine`, tag: '1' });
    for (const name of ['gone', 'tagged']) {
      await cluster.admin.delete(tasks, { namespace: 'default', name });
      await eventually(`${name} is deleted`, async () => {
        const { items } = await cluster.admin.list(tasks);
        return items.some(({ metadata }) => metadata.name === name) ? undefined : true;
      });
    }
    const present = async (reference: string): Promise<boolean> =>
      (await cluster.runtime.image(reference, signal)) !== undefined;
    expect(await present(gone.reference)).to.equal(true);
    cluster.fullPercent = 90;
    await cluster.untilTold('w1', /^ImageGCRemoved: Removed image .*gone/);
    await cluster.untilTold('w1', /^FreeDiskSpaceFailed: .* is 90 % full/);
    const worker = await cluster.admin.get(workers, { name: 'w1' });
    const { items } = await cluster.admin.list(events, {
      fieldSelector: `involvedObject.uid=${worker.metadata.uid}`,
    });
    expect(items.map(({ reason }) => reason)).to.include('ImageGCRemoved');
    expect(await present(gone.reference)).to.equal(false);
    for (const { reference } of [used, tagged, foreign])
      expect(await present(reference), reference).to.equal(true);
    expect(await cluster.runtime.image(IMAGE, signal)).to.not.equal(undefined);
    expect((await cluster.read('used')).status?.phase).to.equal('Running');
  });
});
