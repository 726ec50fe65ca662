/**
 * The garbage collector: what belongs to an owner goes when the owner goes, or is let go, as the deletion of the owner
 * asked. It follows all kinds, built in and registered by users.
 *
 * It promises:
 * - nothing is deleted on what a watch said: the object and every owner are read anew first, and the delete carries the
 *   uid and the version that was read, so that an object adopted in the meantime stays;
 * - an owner of a kind that nobody serves, or that is a view (Pod, Node), never leads to a deletion;
 * - it can stop at any moment: what is to be done is seen from the objects alone.
 */
import { isApiError } from '../../machinery/errors.ts';
import { FINALIZER_FOREGROUND, FINALIZER_ORPHAN } from '../../machinery/labels.ts';
import { type KubeObject, keyOf, keyString, type OwnerReference, parseKey } from '../../machinery/meta.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { itemText, parseItem } from '../kinds/item.ts';
import type { FollowedKind, Kinds } from '../kinds/kinds.ts';
import { OwnerGraph } from './graph.ts';
import { Lookup } from './lookup.ts';
import { performCollection } from './perform.ts';
import { type CollectPlan, type Dependent, type Owner, planCollection } from './plan.ts';

/** A copy that is not complete yet is looked at again after this long. */
const INCOMPLETE_RECHECK_MS = 1_000;
/** What was refused (protected, or not allowed) is tried again after this long even if nothing changes. */
const REFUSED_RECHECK_MS = 10 * 60_000;
const CONCURRENCY = 4;

export function openGarbageCollector(context: ControllerContext, kinds: Kinds): ControllerLoop {
  const collector = new GarbageCollector(context, kinds);
  const loop = new ControllerLoop(collector, {
    ...context,
    concurrency: CONCURRENCY,
    // The others come through events; only what failed comes back by time, and a minute is soon enough.
    backoff: { baseMs: 10, maxMs: 60_000 },
  });
  collector.attach(loop);
  return loop;
}

class GarbageCollector implements Controller {
  readonly name = 'garbage-collector';
  readonly #context: ControllerContext;
  readonly #kinds: Kinds;
  readonly #graph = new OwnerGraph();
  readonly #lookup: Lookup;

  constructor(context: ControllerContext, kinds: Kinds) {
    this.#context = context;
    this.#kinds = kinds;
    this.#lookup = new Lookup(context.client, kinds);
  }

  attach(loop: ControllerLoop): void {
    this.#kinds.onItem((kind, key, object, old) => {
      const item = itemText(kind.name, key);
      this.#graph.see(item, object, old);
      for (const touched of this.#touched(item, object, old)) loop.enqueue(touched);
    });
    this.#kinds.onKind((kind, change) => {
      if (change === 'went') {
        for (const object of kind.store.list()) {
          this.#graph.see(itemText(kind.name, keyString(keyOf(object))), undefined, object);
        }
        return;
      }
      // Owners of the new kind could not be looked up until now.
      for (const item of this.#graph.items()) loop.enqueue(item);
    });
  }

  async reconcile(text: string, signal: AbortSignal): Promise<Result> {
    const { kind: name, key } = parseItem(text);
    const kind = this.#kinds.named(name);
    const copy = kind?.store.get(key);
    // Gone: its going has called its dependents already.
    if (kind === undefined || copy === undefined || this.#isPlainlyWaiting(copy)) return done;
    const owners = this.#lookup.guess(copy);
    const guess = planCollection({ object: copy, owners, dependents: this.#dependentsOf(copy) });
    if (guess.kind === 'nothing') this.#warnOfMisplaced(copy, owners, 'misplaced');
    if (guess.kind === 'nothing' || guess.kind === 'wait') return done;
    if (guess.kind === 'lift' && !this.#kinds.isComplete) {
      this.#context.log.info(
        { object: text, unread: this.#kinds.unread() },
        `${guess.finalizer} stays until all kinds have been read: a dependent might be among them`,
      );
      return requeueAfter(INCOMPLETE_RECHECK_MS);
    }
    const object = await this.#lookup.read(kind, parseKey(key), signal);
    // Another one of the same name: the watch will bring it.
    if (object === undefined || object.metadata.uid !== copy.metadata.uid) return done;
    const verified = await this.#lookup.verify(object, signal);
    const plan = planCollection({ object, owners: verified, dependents: this.#dependentsOf(object) });
    this.#warnOfMisplaced(object, verified, 'misplaced', 'absent');
    return this.#perform(kind, object, verified, plan, signal);
  }

  async #perform(
    kind: FollowedKind,
    object: KubeObject,
    owners: readonly Owner[],
    plan: CollectPlan,
    signal: AbortSignal,
  ): Promise<Result> {
    try {
      await performCollection(
        { ...this.#context, kinds: this.#kinds },
        { kind, object, owners, plan },
        signal,
      );
      return plan.kind === 'protected' ? requeueAfter(REFUSED_RECHECK_MS) : done;
    } catch (error) {
      // It went, which is what was wanted; or somebody changed it, and the watch brings that.
      if (isApiError(error, 'NotFound')) return done;
      if (!isApiError(error, 'Forbidden')) throw error;
      const { log, recorder } = this.#context;
      const { name, namespace } = object.metadata;
      log.warn(
        { kind: kind.name, namespace, name, plan: plan.kind },
        `collecting was refused: ${error.message}`,
      );
      recorder.record({
        object,
        type: 'Warning',
        reason: 'CollectionRefused',
        message: `${plan.kind} was refused: ${error.message}`,
        decision: { inputs: { plan }, verdict: 'CollectionRefused', action: 'it stays; tried again later' },
      });
      return requeueAfter(REFUSED_RECHECK_MS);
    }
  }

  /** Everything that has to be looked at because of one change. */
  *#touched(item: string, object: KubeObject | undefined, old: KubeObject | undefined): Generator<string> {
    if (object === undefined) {
      yield* this.#graph.dependentsOf(old?.metadata.uid);
    } else if (object.metadata.ownerReferences !== undefined || isOurs(object)) {
      yield item;
      // An owner that begins to wait makes its dependents go.
      if (isOurs(object) && (old === undefined || !isOurs(old)))
        yield* this.#graph.dependentsOf(object.metadata.uid);
    }
    // Owners may wait for this one: to go, to let go of them, or to stop blocking.
    for (const reference of [
      ...(object?.metadata.ownerReferences ?? []),
      ...(old?.metadata.ownerReferences ?? []),
    ]) {
      const owner = this.#lookup.copyOf(object ?? old, reference);
      if (owner !== undefined && isOurs(owner.object)) yield owner.item;
    }
  }

  /** As the graph has them. */
  #dependentsOf({ metadata }: KubeObject): Dependent[] {
    const { uid } = metadata;
    if (uid === undefined) return [];
    const isGoing = metadata.deletionTimestamp !== undefined;
    return Array.from(this.#graph.dependentsOf(uid), (item) => ({
      item,
      blocks: this.#blocks(item, uid),
      isInCircle: isGoing && this.#isWaitingFor(item, uid),
    }));
  }

  #blocks(item: string, ownerUid: string): boolean {
    const references = this.#copy(item)?.metadata.ownerReferences ?? [];
    return references.some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true);
  }

  /** Whether an item in foreground deletion waits, through others that do, for the object with this uid. */
  #isWaitingFor(item: string, uid: string): boolean {
    const seen = new Set<string>();
    const ahead = [item];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const object = this.#copy(next);
      const isWaiting =
        object?.metadata.deletionTimestamp !== undefined &&
        object.metadata.finalizers?.includes(FINALIZER_FOREGROUND) === true;
      if (!isWaiting || object.metadata.uid === undefined) continue;
      if (object.metadata.uid === uid) return true;
      const waitedFor = object.metadata.uid;
      for (const other of this.#graph.dependentsOf(waitedFor)) {
        if (this.#blocks(other, waitedFor)) ahead.push(other);
      }
    }
    return false;
  }

  #copy(item: string): KubeObject | undefined {
    const { kind, key } = parseItem(item);
    return this.#kinds.named(kind)?.store.get(key);
  }

  /** The ordinary wait, seen without looking at every dependent: one that blocks and is not waiting itself. */
  #isPlainlyWaiting({ metadata }: KubeObject): boolean {
    const { uid, finalizers, deletionTimestamp } = metadata;
    if (deletionTimestamp === undefined || uid === undefined) return false;
    if (finalizers?.includes(FINALIZER_FOREGROUND) !== true || finalizers.includes(FINALIZER_ORPHAN))
      return false;
    for (const item of this.#graph.dependentsOf(uid)) {
      const dependent = this.#copy(item);
      if (dependent !== undefined && !isOurs(dependent) && this.#blocks(item, uid)) return true;
    }
    return false;
  }

  /** The reason is Kubernetes' own word: people look for it. */
  #warnOfMisplaced(object: KubeObject, owners: readonly Owner[], ...states: readonly Owner['state'][]): void {
    for (const { reference, state } of owners) {
      if (!states.includes(state)) continue;
      if (state === 'absent' && !this.#lookup.isElsewhere(object, reference)) continue;
      this.#context.recorder.record({
        object,
        type: 'Warning',
        reason: 'OwnerRefInvalidNamespace',
        message: `ownerRef ${refText(reference, object)} does not exist in namespace "${object.metadata.namespace ?? ''}"`,
        decision: {
          inputs: { reference },
          verdict: 'OwnerRefInvalidNamespace',
          action: state === 'misplaced' ? 'the owner counts as there' : 'the owner counts as absent',
        },
      });
    }
  }
}

function refText({ apiVersion, kind, name, uid }: OwnerReference, { metadata }: KubeObject): string {
  return `[${apiVersion}/${kind}, namespace: ${metadata.namespace ?? ''}, name: ${name}, uid: ${uid}]`;
}

/** Waits for the garbage collector. */
function isOurs({ metadata }: KubeObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    metadata.finalizers?.some((item) => item === FINALIZER_FOREGROUND || item === FINALIZER_ORPHAN) === true
  );
}
