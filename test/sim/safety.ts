/** What must hold after every step, whatever goes wrong. Each method throws a sentence that says what was broken. */
import { parseRecord } from '../../api/registry/binding/allocation.ts';
import { isSameJson } from '../../machinery/json.ts';
import { LABEL_CLUSTER, LABEL_UID, LABEL_WORKER } from '../../machinery/labels.ts';
import type { FakeContainer } from '../../runtime/fake/container.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import type { World } from '../world.ts';
import { type Hand, type User, wishOf } from './actors.ts';
import { CLUSTER, type Cluster } from './cluster.ts';

export class Violation extends Error {}

export interface SafetyOptions {
  readonly world: World;
  readonly cluster: Cluster;
  readonly user: User;
  readonly hand: Hand;
}

export class Safety {
  readonly #options: SafetyOptions;
  readonly #foreign: ReadonlyMap<string, unknown>;
  readonly #workers: ReadonlyMap<string, Worker>;
  /** The first thing seen at the moment it happened, where throwing would only reach the culprit. */
  #witnessed: string | undefined;
  #isEngineChanged = true;
  #revision = -1;

  constructor(options: SafetyOptions, workers: readonly Worker[]) {
    this.#options = options;
    this.#workers = new Map(workers.map((worker) => [worker.metadata.name, worker]));
    this.#foreign = new Map(this.#foreignNow());
    for (const [worker, { engine }] of options.cluster.engines) {
      engine.onEvent(({ containerId, action }) => this.#witness(worker, containerId, action));
    }
  }

  /** To be called after every step; looks only at what can have changed since the last time. */
  async check(): Promise<void> {
    if (this.#witnessed !== undefined) throw new Violation(this.#witnessed);
    if (this.#isEngineChanged) {
      this.#isEngineChanged = false;
      this.#checkForeign();
      this.#checkOneRunning();
    }
    const revision = this.#options.world.store.revision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    await this.#checkAcknowledged();
    await this.#checkAllocations();
  }

  /** The product never starts a container while another one of the same Task has a process, on any engine. */
  #witness(worker: string, containerId: string, action: string): void {
    const { cluster, hand } = this.#options;
    this.#isEngineChanged = true;
    const container = cluster.engines.get(worker)?.engine.find(containerId);
    const uid = container?.spec.labels[LABEL_UID];
    if (container === undefined || uid === undefined || action !== 'start' || hand.isActing) return;
    // Like a start by hand: nobody alive has asked for it, and nobody knows of it yet.
    if (cluster.lateStarts.delete(containerId)) hand.started.set(uid, container);
    if (this.#isTampered(uid)) return;
    const others = this.#running().filter(
      (other) => other.spec.labels[LABEL_UID] === uid && other.id !== containerId,
    );
    if (others.length === 0) return;
    const names = others.map(nameOf).join(', ');
    this.#witnessed ??= `${worker} started ${container.name} while ${names} of the same Task was running`;
  }

  #checkOneRunning(): void {
    const counts = new Map<string, string[]>();
    for (const container of this.#running()) {
      const uid = container.spec.labels[LABEL_UID] ?? '';
      counts.set(uid, [...(counts.get(uid) ?? []), nameOf(container)]);
    }
    for (const [uid, names] of counts) {
      if (names.length > 1 && !this.#isTampered(uid)) {
        throw new Violation(`two containers of one Task run: ${names.join(', ')}`);
      }
    }
  }

  /** Somebody started a container of the Task by hand, and it still runs: what the product does not know of yet. */
  #isTampered(uid: string): boolean {
    const { started } = this.#options.hand;
    if (started.get(uid)?.isRunning() === true) return true;
    started.delete(uid);
    return false;
  }

  #checkForeign(): void {
    const now = new Map(this.#foreignNow());
    for (const [name, before] of this.#foreign) {
      if (!isSameJson(before, now.get(name))) {
        throw new Violation(
          `foreign container ${name} was touched: ${JSON.stringify(now.get(name) ?? 'removed')}`,
        );
      }
    }
  }

  /** What the user was told is stored is stored. */
  async #checkAcknowledged(): Promise<void> {
    const { world, user } = this.#options;
    const stored = new Map<string, Task>();
    for (const task of (await world.admin.list(tasks)).items) stored.set(task.metadata.name, task);
    for (const [name, told] of user.acknowledged) {
      const task = stored.get(name);
      if (told.isDeleted) {
        if (task?.metadata.uid === told.uid && task.metadata.deletionTimestamp === undefined) {
          throw new Violation(`the deletion of task ${name} was acknowledged and is lost`);
        }
        if (task === undefined) user.acknowledged.delete(name);
      } else if (task?.metadata.uid !== told.uid) {
        throw new Violation(`task ${name} was acknowledged and is gone`);
      } else if (!isSameJson(wishOf(task), told.wish)) {
        throw new Violation(
          `a change of task ${name} was acknowledged and is lost: ${JSON.stringify(task.spec)}`,
        );
      }
    }
  }

  /** No worker has given away more than it has. */
  async #checkAllocations(): Promise<void> {
    for (const [name, worker] of this.#workers) {
      const record = await this.#options.world.store.get(`/allocations/${name}`);
      if (record === undefined) continue;
      const { tasks: held } = parseRecord(record.value, name);
      const entries = Object.values(held);
      const milliCpu = entries.reduce((sum, entry) => sum + entry.milliCpu, 0);
      const cpu = Number(worker.status?.allocatable?.cpu ?? 0) * 1000;
      if (milliCpu > cpu) throw new Violation(`worker ${name} has given away ${milliCpu}m of ${cpu}m`);
      const ports = entries.flatMap((entry) => entry.hostPorts.map(({ hostPort }) => hostPort));
      if (new Set(ports).size < ports.length)
        throw new Violation(`worker ${name} gave a port twice: ${ports.join()}`);
    }
  }

  #running(): FakeContainer[] {
    return [...this.#options.cluster.engines].flatMap(([worker, { engine }]) =>
      engine.containers().filter((container) => container.isRunning() && isOurs(worker, container)),
    );
  }

  *#foreignNow(): Iterable<readonly [string, unknown]> {
    for (const [worker, { engine }] of this.#options.cluster.engines) {
      for (const container of engine.containers()) {
        if (!isOurs(worker, container)) yield [`${worker}/${container.id}`, container.detail()];
      }
    }
  }
}

function nameOf({ name, spec }: FakeContainer): string {
  return `${spec.labels[LABEL_WORKER] ?? ''}/${name}`;
}

export function isOurs(worker: string, { spec }: FakeContainer): boolean {
  return spec.labels[LABEL_CLUSTER] === CLUSTER && spec.labels[LABEL_WORKER] === worker;
}
