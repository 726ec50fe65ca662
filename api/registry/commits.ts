/**
 * One decision as one compare-and-write commit: an object, and for Tasks the allocation record of their worker with it.
 *
 * Says whether the object was still what the decision was made on. A record that changed meanwhile is read again here;
 * an object that did is the caller's to decide on anew.
 */
import { type Clock, sleep } from '../../machinery/clock.ts';
import { ApiError } from '../../machinery/errors.ts';
import { isSameJson } from '../../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import type { Random } from '../../machinery/random.ts';
import { workers } from '../../schemas/kinds.ts';
import type { Worker } from '../../schemas/types.gen.ts';
import type { Store, Write } from '../../store/store.ts';
import { invalid, invalidObject } from './admission/fielderrors.ts';
import { conflict } from './admission/metadata.ts';
import { isNamespace, isNamespaceHeld } from './admission/rules/namespace.ts';
import { asObject, asTask, asWorker, isTaskKind } from './admission/rules/task.ts';
import type { Noted } from './authors.ts';
import {
  type AllocationRecord,
  emptyRecord,
  parseRecord,
  settle,
  workerToSettle,
} from './binding/allocation.ts';
import type { CacheOf } from './cache/cacheof.ts';
import { KeyedQueue } from './keyedqueue.ts';
import { allocationKey, quotaKey, relativeKey } from './keys.ts';
import { asKept, asServed, decodeServed } from './kinds/versions.ts';
import type { KindEntry } from './kindtable.ts';
import { requireOpenNamespace } from './namespaces.ts';
import { encodePayload, storedFrom } from './payload.ts';
import type { Quotas } from './quota/quotas.ts';
import type { Reservation } from './quota/tally.ts';
import { putObject, putQuota, putRecord, removeObject, undo } from './storewrites.ts';
import type { ServedKind, StoredObject } from './types.ts';

/** Decisions are made anew this often when others write the same things at the same time. */
export const MAX_ATTEMPTS = 8;
/** Where other servers write, too, nobody stands in line with them: more often, and after pauses that differ. */
const MAX_SHARED_ATTEMPTS = 32;
const MAX_PAUSE_MS = 64;

export const WRITTEN_BY_OTHERS = 'it is written by others all the time; try again';

/** Who commits, and whether it is only pretended. */
export interface How extends Noted {
  readonly dryRun?: boolean;
}

/** Throws `Forbidden` when this very write is not allowed. */
export type Judge = (before: DynamicObject | undefined, after: DynamicObject | undefined) => void;

/** What a commit gave: the object as stored, or what is there instead of what was expected. */
export type Outcome =
  | { readonly ok: true; readonly stored: StoredObject }
  | { readonly ok: false; readonly current: StoredObject | undefined };

/** An object that is written together with another one, or in the place of `before`. */
export interface Together {
  readonly entry: KindEntry;
  readonly before: StoredObject | undefined;
  readonly after: DynamicObject;
}

/** What is written in the same commit as an object. */
interface Companion {
  readonly write: Write;
  /** Where it is an object: the room it takes in its namespace. */
  readonly room?: Reservation | undefined;
}

/** A Task as bound, and its worker's record with it. */
export interface BoundTask {
  readonly before: StoredObject;
  readonly object: DynamicObject;
  readonly record: AllocationRecord;
}

export interface CommitParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly cacheOf: CacheOf;
  /** The kind as it is known here now: undefined for one that is gone, or not here yet. */
  readonly kindNow: (kind: ServedKind) => KindEntry | undefined;
  readonly quotas: Quotas;
  /** Resolves when the caches have reached the revision. */
  readonly reach: (revision: number) => Promise<void>;
  /** Told after every commit in a namespace, also one that others were faster with. */
  readonly onWritten: (kind: ServedKind, namespace: string) => void;
}

interface Change {
  readonly entry: KindEntry;
  readonly key: ObjectKey;
  readonly before: StoredObject | undefined;
  readonly after: DynamicObject | undefined;
  /** As it is stored. */
  readonly kept: DynamicObject | undefined;
  readonly payload: Buffer | undefined;
  /** The record of the worker that the change settles with, or an object that remembers the change. */
  readonly companion: Companion | undefined;
  readonly how: How;
}

export class Commits {
  readonly #parts: CommitParts;
  /** Writes of one worker's record, one after another here. Only saves attempts: the commit is what keeps it right. */
  readonly #records = new KeyedQueue();
  /** Writes near a limit of one namespace, likewise. */
  readonly #tight = new KeyedQueue();

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /** The object as the cache has it. */
  read(entry: KindEntry, key: ObjectKey): StoredObject | undefined {
    const kept = this.#parts.cacheOf(entry.kind)?.get(relativeKey(key));
    return kept === undefined ? undefined : asServed(entry, kept);
  }

  /** Whether to decide once more, when it was not the present that was decided on; resolves when to. */
  async mayTryAgain(attempt: number): Promise<boolean> {
    const { store, clock, random } = this.#parts;
    if (!store.isShared) return attempt < MAX_ATTEMPTS;
    if (attempt > 1) await sleep(clock, random.next() * Math.min(2 ** attempt, MAX_PAUSE_MS));
    return attempt < MAX_SHARED_ATTEMPTS;
  }

  worker(name: string): Worker | undefined {
    return asWorker(this.#parts.cacheOf(workers)?.get(name)?.object);
  }

  /** `after` undefined removes. Answers with what was stored, or removed. */
  async commit(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    how: How,
  ): Promise<Outcome> {
    if (isTaskKind(entry.kind) && before !== undefined) {
      const task = asTask(before.object);
      const worker = workerToSettle(task, after === undefined ? undefined : asTask(after));
      if (worker !== undefined) {
        return this.#records.run(worker, () => this.#commitSettled(entry, worker, before, after, how));
      }
    }
    return this.#commitWith(entry, before, after, how);
  }

  /**
   * A new object, and one that remembers it: both or neither. `companion failed`: the other one is not, or no longer,
   * what it was decided on.
   */
  async commitTogether(
    entry: KindEntry,
    object: DynamicObject,
    { entry: other, before, after }: Together,
    how: How,
  ): Promise<Outcome | 'companion failed'> {
    const payload = encodePayload(asKept(other, after));
    using room = this.#parts.quotas.reserve(other, before, after, payload.length);
    const write = putObject(other, keyOfWrite(before, after), payload, before, how);
    return await this.#commitWith(entry, undefined, object, how, { write, room });
  }

  /** The same for a bound Task whose worker's record may have to change with it. */
  async #commitSettled(
    entry: KindEntry,
    worker: string,
    before: StoredObject,
    after: DynamicObject | undefined,
    how: How,
  ): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      const { record, modRevision } = await this.#readRecord(worker);
      const settled = settle(
        asTask(before.object),
        after === undefined ? undefined : asTask(after),
        record,
        this.worker(worker),
      );
      const { misfit, task } = settled;
      if (misfit !== undefined) {
        throw invalidObject(entry.kind, before.object.metadata.name, [
          invalid(misfit.field, misfit.found, misfit.message),
        ]);
      }
      const object = task === undefined ? undefined : asObject(task);
      const companion =
        settled.record === record ? undefined : { write: putRecord(settled.record, modRevision) };
      const outcome = await this.#commitWith(entry, before, object, how, companion);
      if (outcome !== 'companion failed') return outcome;
      if (!(await this.mayTryAgain(attempt))) break;
    }
    throw conflict(
      entry.kind,
      before.object.metadata.name,
      `the allocations of worker "${worker}" change all the time; try again`,
    );
  }

  #commitWith(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    how: How,
  ): Promise<Outcome>;
  #commitWith(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    how: How,
    companion: Companion | undefined,
  ): Promise<Outcome | 'companion failed'>;
  async #commitWith(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    how: How,
    companion?: Companion,
  ): Promise<Outcome | 'companion failed'> {
    const { store, quotas } = this.#parts;
    const key = keyOfWrite(before, after);
    const kept = after === undefined ? undefined : asKept(entry, after);
    const payload = kept === undefined ? undefined : encodePayload(kept);
    const change: Change = { entry, key, before, after, kept, payload, companion, how };
    if (before === undefined && after !== undefined) requireOpenKind(entry);
    if (before === undefined && after !== undefined) requireOpenNamespace(entry, after, this.#parts.cacheOf);
    if (how.dryRun === true) {
      using _room = this.#reserve(change);
      return this.#pretend(entry, key, before, kept, payload);
    }
    const { namespace } = key;
    const isTight =
      store.isShared &&
      namespace !== undefined &&
      after !== undefined &&
      payload !== undefined &&
      quotas.isTight(entry, before, after, payload.length);
    const outcome = isTight
      ? await this.#tight.run(namespace, () => this.#commitTight(change, namespace))
      : await this.#commitOnce(change);
    if (outcome === 'quota failed') {
      throw conflict(
        entry.kind,
        key.name,
        `what its namespace "${key.namespace}" may hold is used up all the time; try again`,
      );
    }
    return outcome;
  }

  /** Together with the other servers that write near a limit of the namespace: one after another, each counting anew. */
  async #commitTight(
    change: Change,
    namespace: string,
  ): Promise<Outcome | 'companion failed' | 'quota failed'> {
    const { store, reach } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const last = await store.get(quotaKey(namespace));
      // What the one before has written is in the caches, and so in what is counted.
      if (last !== undefined) await reach(last.modRevision);
      const outcome = await this.#commitOnce(change, putQuota(namespace, last?.modRevision));
      if (outcome !== 'quota failed' || !(await this.mayTryAgain(attempt))) return outcome;
    }
  }

  async #commitOnce(change: Change, quota?: Write): Promise<Outcome | 'companion failed' | 'quota failed'> {
    const { entry, key, before, after, kept, payload, companion, how } = change;
    using room = this.#reserve(change);
    const write =
      payload === undefined
        ? removeObject(entry, key, before, how)
        : putObject(entry, key, payload, before, how);
    const writes = [companion?.write, quota, write, this.#removeQuota(change)].filter(
      (one) => one !== undefined,
    );
    const result = await this.#parts.store.commit(writes);
    if (key.namespace !== undefined) this.#parts.onWritten(entry.kind, key.namespace);
    if (result.ok) {
      const revision = result.modRevisions[writes.indexOf(write)] ?? result.revision;
      room?.settle(revision);
      companion?.room?.settle(result.modRevisions[0] ?? result.revision);
      if (this.#parts.store.isShared && before === undefined && after !== undefined) {
        await this.#requireStillOpen(change, after, revision, result.modRevisions[0] ?? revision);
      }
      const stored =
        kept === undefined || payload === undefined
          ? before
          : (this.#asCached(entry, key, revision) ?? asServed(entry, storedFrom(kept, payload, revision)));
      if (stored === undefined) throw new Error('a removal was committed without an object to remove');
      return { ok: true, stored };
    }
    if (companion !== undefined && writes[result.failed] === companion.write) return 'companion failed';
    if (quota !== undefined && writes[result.failed] === quota) return 'quota failed';
    const { current } = result;
    return { ok: false, current: current === undefined ? undefined : decodeServed(entry, current) };
  }

  #reserve({ entry, before, after, payload }: Change): Reservation | undefined {
    return after === undefined || payload === undefined
      ? undefined
      : this.#parts.quotas.reserve(entry, before, after, payload.length);
  }

  /** A namespace takes along what servers wrote to count together. */
  #removeQuota({ after, before }: Change): Write | undefined {
    if (!this.#parts.store.isShared || after !== undefined || before === undefined) return undefined;
    if (!isNamespace(before.object)) return undefined;
    return { kind: 'delete', key: quotaKey(before.object.metadata.name), precondition: { kind: 'none' } };
  }

  /**
   * Another server may have deleted the namespace, or the definition of the kind, while the write was on its way, and may
   * have looked for what is left before the write arrived: what came too late is taken back, so that nothing is left in
   * no namespace and of no kind. Only the very write is: what anybody has changed since is theirs.
   */
  async #requireStillOpen(
    { entry, key, companion }: Change,
    after: DynamicObject,
    revision: number,
    companionRevision: number,
  ): Promise<void> {
    const { store, reach, cacheOf, kindNow } = this.#parts;
    await reach(revision);
    try {
      requireOpenKind(kindNow(entry.kind));
      requireOpenNamespace(entry, after, cacheOf);
    } catch (error) {
      await store.commit([undo(entry.prefix + relativeKey(key), revision)]);
      if (companion?.room !== undefined) await store.commit([undo(companion.write.key, companionRevision)]);
      throw error;
    }
  }

  /** The cache has usually heard of a commit when its writer does: then there is nothing to make again. */
  #asCached(entry: KindEntry, key: ObjectKey, revision: number): StoredObject | undefined {
    const cached = this.read(entry, key);
    return cached?.resourceVersion === revision ? cached : undefined;
  }

  /** What a dry run answers: everything but the commit. */
  #pretend(
    entry: KindEntry,
    key: ObjectKey,
    before: StoredObject | undefined,
    kept: DynamicObject | undefined,
    payload: Buffer | undefined,
  ): Outcome {
    const current = this.read(entry, key);
    if (current?.resourceVersion !== before?.resourceVersion) return { ok: false, current };
    if (kept === undefined || payload === undefined) {
      return before === undefined ? { ok: false, current } : { ok: true, stored: before };
    }
    const stored =
      before === undefined
        ? { object: kept, json: payload, resourceVersion: 0 }
        : storedFrom(kept, payload, before.resourceVersion);
    return { ok: true, stored: asServed(entry, stored) };
  }

  /**
   * Commits what `decide` makes of the Task and the record, deciding again when either has changed; nothing when it
   * makes nothing of them.
   */
  async commitBound(
    entry: KindEntry,
    key: ObjectKey,
    worker: string,
    decide: (before: StoredObject | undefined, record: AllocationRecord) => BoundTask | undefined,
    how: How,
  ): Promise<void> {
    await this.#records.run(worker, async () => {
      let before = this.read(entry, key);
      for (let attempt = 1; ; attempt++) {
        const { record, modRevision } = await this.#readRecord(worker);
        const bound = decide(before, record);
        if (how.dryRun === true || bound === undefined) return;
        const result = await this.#parts.store.commit([
          putRecord(bound.record, modRevision),
          putObject(entry, key, encodePayload(bound.object), bound.before, how),
        ]);
        if (result.ok) return;
        if (result.failed === 1)
          before = result.current === undefined ? undefined : decodeServed(entry, result.current);
        if (!(await this.mayTryAgain(attempt))) break;
      }
      throw conflict(entry.kind, key.name, 'it and its worker are written by others all the time; try again');
    });
  }

  async #readRecord(worker: string): Promise<{ record: AllocationRecord; modRevision: number | undefined }> {
    const stored = await this.#parts.store.get(allocationKey(worker));
    return stored === undefined
      ? { record: emptyRecord(worker), modRevision: undefined }
      : { record: parseRecord(stored.value, worker), modRevision: stored.modRevision };
  }
}

function keyOfWrite(before: StoredObject | undefined, after: DynamicObject | undefined): ObjectKey {
  const { name = '', namespace } = (after ?? before?.object)?.metadata ?? {};
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

/** Throws `MethodNotAllowed` for a kind that is going away, in Kubernetes' words, and `NotFound` for one that is gone. */
function requireOpenKind(entry: KindEntry | undefined): void {
  if (entry === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource');
  if (!entry.isTerminating) return;
  throw new ApiError(
    'MethodNotAllowed',
    'create not allowed while custom resource definition is terminating',
  );
}

/** Whether somebody must still finish before a deleted object goes. */
export function isHeld(object: DynamicObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0 || (isNamespace(object) && isNamespaceHeld(object));
}

/** Equal but for the version they are served with. */
export function isSameObject(before: DynamicObject, after: DynamicObject): boolean {
  const { resourceVersion: _a, ...oldMetadata } = before.metadata;
  const { resourceVersion: _b, ...newMetadata } = after.metadata;
  return isSameJson({ ...before, metadata: oldMetadata }, { ...after, metadata: newMetadata });
}
