/** Who acts on the cluster from outside: users through the API, and people with `docker` on a worker. */
import type { Client } from '../../machinery/client.ts';
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../../machinery/labels.ts';
import { pick, type Random } from '../../machinery/random.ts';
import type { FakeContainer } from '../../runtime/fake/container.ts';
import type { FakeRuntime } from '../../runtime/fake/fake.ts';
import { configMaps, tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { taskManifest } from '../builders.ts';
import { CLUSTER, PROGRAMS } from './cluster.ts';

const NAMES = ['t0', 't1', 't2', 't3', 't4', 't5'];
const CONFIG_MAPS = ['c0', 'c1'];
/** What Tasks call the volume of their ConfigMap. */
export const VOLUME = 'config';
const RESTART = ['Always', 'Always', 'Always', 'OnFailure', 'Never'] as const;

/** What the user was told is stored, by task name. */
export interface Acknowledged {
  readonly uid: string;
  readonly wish: unknown;
  readonly isDeleted: boolean;
}

/** What of a Task is the user's own. */
export function wishOf(task: Task): unknown {
  const { workerName: _worker, bindingEpoch: _epoch, ...spec } = task.spec;
  return { spec, labels: task.metadata.labels ?? {} };
}

export class User {
  readonly acknowledged = new Map<string, Acknowledged>();
  readonly #client: Client;
  readonly #random: Random;
  readonly #trace: (line: string) => void;

  constructor(client: Client, random: Random, trace: (line: string) => void) {
    this.#client = client;
    this.#random = random;
    this.#trace = trace;
  }

  /** Does one thing to one task. */
  async act(): Promise<void> {
    if (this.#random.next() < 0.25) return this.touchConfigMap();
    const name = pick(this.#random, NAMES) ?? 't0';
    const told = this.acknowledged.get(name);
    const isThere = told !== undefined && !told.isDeleted;
    if (!isThere) return this.create(name);
    const dice = this.#random.next();
    if (dice < 0.15) return this.delete(name);
    if (dice < 0.4)
      return this.patch(name, { spec: { args: [`v${Math.floor(this.#random.next() * 1000)}`] } });
    if (dice < 0.55) return this.patch(name, { spec: { resources: { limits: { memory: this.#memory() } } } });
    if (dice < 0.7) return this.patch(name, { spec: { image: this.#image() } });
    if (dice < 0.8) return this.patch(name, { spec: { desiredState: 'Stopped' } });
    if (dice < 0.95) return this.patch(name, { spec: { desiredState: 'Running' } });
    return this.patch(name, {
      metadata: { labels: { touched: String(Math.floor(this.#random.next() * 1000)) } },
    });
  }

  create(name: string): Promise<void> {
    const port = 8080 + Math.floor(this.#random.next() * 2);
    const spec: Partial<Task['spec']> = {
      image: this.#image(),
      restartPolicy: pick(this.#random, RESTART) ?? 'Always',
      terminationGracePeriodSeconds: 2,
      resources: { requests: { cpu: `${Math.ceil(this.#random.next() * 6) * 400}m` } },
      ...(this.#random.next() < 0.4 ? { ports: [{ containerPort: 80, hostPort: port }] } : {}),
      ...(this.#random.next() < 0.1 ? { workerSelector: { disk: 'ssd' } } : {}),
      ...this.#life(),
    };
    return this.#change(`create ${name} ${JSON.stringify(spec)}`, name, () =>
      this.#client.create(tasks, taskManifest(name, spec)),
    );
  }

  /** What goes on around the container's life. */
  #life(): Partial<Task['spec']> {
    const chance = (odds: number): boolean => this.#random.next() < odds;
    const config = pick(this.#random, CONFIG_MAPS) ?? 'c0';
    const probe = { exec: { command: ['well'] }, periodSeconds: 2, failureThreshold: 2 };
    const seconds = Math.floor(this.#random.next() * 3);
    return {
      ...(chance(0.2) ? { envFrom: [{ configMapRef: { name: config } }] } : {}),
      ...(chance(0.4)
        ? {
            volumes: [{ name: VOLUME, configMap: { name: config } }],
            volumeMounts: [{ name: VOLUME, mountPath: '/config' }],
          }
        : {}),
      ...(chance(0.2) ? { livenessProbe: probe } : {}),
      ...(chance(0.2) ? { readinessProbe: probe } : {}),
      ...(chance(0.1) ? { startupProbe: probe } : {}),
      ...(chance(0.2)
        ? { lifecycle: { postStart: { sleep: { seconds } }, preStop: { exec: { command: ['well'] } } } }
        : {}),
      ...(chance(0.05) ? { activeDeadlineSeconds: 5 + Math.floor(this.#random.next() * 20) } : {}),
    };
  }

  /** Makes one, changes it, or now and then deletes it. */
  async touchConfigMap(): Promise<void> {
    const name = pick(this.#random, CONFIG_MAPS) ?? 'c0';
    const key = { namespace: 'default', name };
    const data = { colour: `v${Math.floor(this.#random.next() * 1000)}` };
    const isGone = (await this.#has(name)) && this.#random.next() < 0.3;
    try {
      if (isGone) await this.#client.delete(configMaps, key);
      else if (await this.#has(name))
        await this.#client.patch(configMaps, key, { type: 'merge', body: { data } });
      else
        await this.#client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data });
      this.#trace(`user: configmap ${name}: ${isGone ? 'deleted' : JSON.stringify(data)}`);
    } catch (error) {
      if (!isApiError(error)) throw error;
      this.#trace(`user: configmap ${name}: refused: ${messageOf(error)}`);
    }
  }

  async #has(name: string): Promise<boolean> {
    return (await this.#client.list(configMaps)).items.some(({ metadata }) => metadata.name === name);
  }

  patch(name: string, body: Record<string, unknown>): Promise<void> {
    const key = { namespace: 'default', name };
    return this.#change(`patch ${name} ${JSON.stringify(body)}`, name, () =>
      this.#client.patch(tasks, key, { type: 'merge', body }),
    );
  }

  delete(name: string): Promise<void> {
    return this.#change(
      `delete ${name}`,
      name,
      () => this.#client.delete(tasks, { namespace: 'default', name }),
      true,
    );
  }

  async #change(what: string, name: string, write: () => Promise<Task>, isDeleted = false): Promise<void> {
    try {
      const stored = await write();
      const { uid = '', deletionTimestamp } = stored.metadata;
      this.acknowledged.set(name, {
        uid,
        wish: wishOf(stored),
        isDeleted: isDeleted || deletionTimestamp !== undefined,
      });
      this.#trace(`user: ${what}`);
    } catch (error) {
      if (!isApiError(error)) throw error;
      this.#trace(`user: ${what}: refused: ${messageOf(error)}`);
    }
  }

  #image(): string {
    return pick(this.#random, Object.keys(PROGRAMS)) ?? 'forever:1';
  }

  #memory(): string {
    return `${32 + Math.floor(this.#random.next() * 4) * 32}Mi`;
  }
}

/** One thing done by hand to one of our containers, or to the engine itself. */
export class Hand {
  /** Task uid -> the container that somebody started by hand: beside it another may run until the product notices. */
  readonly started = new Map<string, FakeContainer>();
  isActing = false;
  readonly #engines: ReadonlyMap<string, FakeRuntime>;
  readonly #random: Random;
  readonly #trace: (line: string) => void;

  constructor(engines: ReadonlyMap<string, FakeRuntime>, random: Random, trace: (line: string) => void) {
    this.#engines = engines;
    this.#random = random;
    this.#trace = trace;
  }

  act(): void {
    const [worker, runtime] = pick(this.#random, [...this.#engines]) ?? [];
    if (worker === undefined || runtime === undefined) return;
    const ours = runtime.engine
      .containers()
      .filter(({ spec }) => spec.labels[LABEL_CLUSTER] === CLUSTER && spec.labels[LABEL_WORKER] === worker);
    const container = pick(this.#random, ours);
    if (container === undefined) return;
    this.isActing = true;
    try {
      this.#touch(worker, runtime, container);
    } catch (error) {
      this.#trace(`hand: ${worker}: refused: ${messageOf(error)}`);
    } finally {
      this.isActing = false;
    }
  }

  #touch(worker: string, { engine }: FakeRuntime, container: FakeContainer): void {
    const { id, name, spec } = container;
    const deeds: readonly (readonly [string, () => void])[] = [
      ['kill', () => engine.kill(id)],
      ['kill', () => engine.kill(id)],
      ['exit 0', () => engine.exit(id, 0)],
      ['remove', () => engine.remove(id)],
      ['pause', () => engine.pause(id)],
      ['stop', () => void engine.beginStop(id, 1_000)],
      ['rename', () => engine.rename(id, `mine-${Math.floor(this.#random.next() * 10_000)}`)],
      ['update', () => engine.update(id, { memoryBytes: 48 * 2 ** 20, nanoCpus: 5e8 })],
      ['start', () => this.#start(engine, container)],
    ];
    const [what, deed] = pick(this.#random, deeds) ?? ['', () => undefined];
    this.#trace(`hand: ${worker}: ${what} ${name} of task ${spec.labels[LABEL_TASK] ?? ''}`);
    deed();
  }

  #start(engine: FakeRuntime['engine'], container: FakeContainer): void {
    engine.start(container.id);
    this.started.set(container.spec.labels[LABEL_UID] ?? '', container);
  }
}
