/**
 * The laws of collecting, under random owners, adoptions, deletions, failing calls and restarts:
 * - safety: nothing is ever collected that has a live owner which does not itself wait for it;
 * - liveness: in the end nothing is left whose owners are all gone, and nothing waits for ever.
 */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { ControlPlane } from '../../../controllers/list.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { KubeObject, OwnerReference } from '../../../machinery/meta.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { configMaps } from '../../../schemas/kinds.ts';
import type { ConfigMap } from '../../../schemas/types.gen.ts';
import { type ClientCall, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      name,
      owners: fc.subarray([...NAMES], { maxLength: 2 }),
      blocks: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('adopt' as const),
      name,
      owners: fc.subarray([...NAMES], { maxLength: 2 }),
      blocks: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      name,
      policy: fc.constantFrom('Background' as const, 'Foreground' as const, 'Orphan' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 500 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One world with a collector whose every call may fail, before it happened or after. */
class Scene {
  readonly world: World;
  /** Chance that a call of the collector fails; a stream of figures in [0, 1). */
  readonly #chance: Iterator<number>;
  readonly violations: string[] = [];
  isCalm = false;
  readonly #deleting = new Map<string, string | undefined>();
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(world: World, chance: Iterator<number>) {
    this.world = world;
    this.#chance = chance;
  }

  start(): void {
    this.#stop = new AbortController();
    const { clock, random } = this.world;
    const clientOf = (controller: string): Client =>
      controller === 'garbage-collector'
        ? intercept(this.world.controllerClient(controller), {
            before: (call) => this.#before(call),
            after: (call) => this.#after(call),
          })
        : this.world.controllerClient(controller);
    const metrics = newMetrics();
    this.#running = new ControlPlane({ clientOf, clock, random, log: silentLog, metrics }).run(
      this.#stop.signal,
    );
  }

  async halt(): Promise<void> {
    this.#stop.abort();
    await this.world.advance(10_000);
    await this.#running;
  }

  async find(at: string): Promise<ConfigMap | undefined> {
    try {
      return await this.world.admin.get(configMaps, { namespace: 'default', name: at });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async all(): Promise<readonly ConfigMap[]> {
    return (await this.world.admin.list(configMaps)).items;
  }

  async #before({ operation, key }: ClientCall): Promise<void> {
    this.#mayFail();
    if (operation !== 'delete' || key === undefined) return;
    const object = await this.find(key.name);
    const live = object === undefined ? undefined : await this.#liveOwner(object);
    this.#deleting.set(key.name, live === undefined ? undefined : `${key.name} of ${live}`);
  }

  #after({ operation, key }: ClientCall): void {
    const violation = operation === 'delete' && key !== undefined ? this.#deleting.get(key.name) : undefined;
    if (violation !== undefined) this.violations.push(violation);
    this.#mayFail();
  }

  /** An owner that is there and is no reason to go. */
  async #liveOwner({ metadata }: KubeObject): Promise<string | undefined> {
    for (const reference of metadata.ownerReferences ?? []) {
      const owner = await this.find(reference.name);
      const isWaiting =
        owner?.metadata.deletionTimestamp !== undefined &&
        owner.metadata.finalizers?.includes('foregroundDeletion') === true;
      if (owner?.metadata.uid === reference.uid && !isWaiting) return reference.name;
    }
    return undefined;
  }

  #mayFail(): void {
    const { value } = this.#chance.next();
    if (!this.isCalm && value < 0.15) throw new ApiError('ServiceUnavailable', 'the line is down');
  }

  async references(owners: readonly string[], blocks: boolean): Promise<OwnerReference[]> {
    const references: OwnerReference[] = [];
    for (const at of owners) {
      const owner = await this.find(at);
      const uid = owner?.metadata.uid ?? `never-${at}`;
      references.push({ apiVersion: 'v1', kind: 'ConfigMap', name: at, uid, blockOwnerDeletion: blocks });
    }
    return references;
  }

  /** What the server refuses (it is there, it is gone, it changed) is no concern of the law. */
  async act(next: Step): Promise<void> {
    const { admin } = this.world;
    try {
      switch (next.kind) {
        case 'create': {
          const ownerReferences = await this.references(next.owners, next.blocks);
          const metadata = { name: next.name, namespace: 'default', ownerReferences };
          await admin.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
          return;
        }
        case 'adopt': {
          const body = { metadata: { ownerReferences: await this.references(next.owners, next.blocks) } };
          await admin.patch(configMaps, { namespace: 'default', name: next.name }, { type: 'merge', body });
          return;
        }
        case 'delete':
          await admin.delete(
            configMaps,
            { namespace: 'default', name: next.name },
            { propagationPolicy: next.policy },
          );
          return;
        case 'pass':
          return await this.world.advance(next.ms);
        case 'restart':
          await this.halt();
          this.start();
      }
    } catch (error) {
      if (!isApiError(error, 'NotFound', 'AlreadyExists', 'Conflict')) throw error;
    }
  }
}

function* figures(seed: number): Generator<number> {
  for (let state = seed >>> 0; ; state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0)
    yield state / 2 ** 32;
}

describe('Garbage collector: laws', function () {
  this.timeout(60_000);

  it('nothing with a live owner goes, nothing without one stays, nobody waits for ever', async () => {
    const scenario = fc.record({ steps: fc.array(step, { maxLength: 25, minLength: 5 }), seed: fc.nat() });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ steps, seed }) => {
        const scene = new Scene(await openWorld(), figures(seed));
        scene.start();
        await scene.world.settle();
        for (const next of steps) await scene.act(next);
        scene.isCalm = true;
        await scene.world.advance(3 * 60_000);
        expect(scene.violations).to.deep.equal([]);
        const left = await scene.all();
        for (const { metadata } of left) {
          expect(metadata.deletionTimestamp, `${metadata.name} waits for ever`).to.equal(undefined);
          const references = metadata.ownerReferences ?? [];
          const isOwned = references.some(({ uid }) => left.some((other) => other.metadata.uid === uid));
          expect(references.length === 0 || isOwned, `${metadata.name} was left behind`).to.equal(true);
        }
        await scene.halt();
        await scene.world.close();
      }),
      { numRuns: 40 },
    );
  });
});
