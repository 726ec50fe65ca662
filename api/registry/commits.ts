/**
 * One decision as one compare-and-write commit: an object, and for Tasks the allocation record of their worker with it.
 *
 * Says whether the object was still what the decision was made on. A record that changed meanwhile is read again here;
 * an object that did is the caller's to decide on anew.
 */
import { isSameJson } from '../../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import { workers } from '../../schemas/kinds.ts';
import type { Worker } from '../../schemas/types.gen.ts';
import type { Store, Write } from '../../store/store.ts';
import { invalid, invalidObject } from './admission/fielderrors.ts';
import { conflict } from './admission/metadata.ts';
import { asObject, asTask, asWorker, isTaskKind } from './admission/rules/task.ts';
import {
  type AllocationRecord,
  emptyRecord,
  parseRecord,
  settle,
  workerToSettle,
} from './binding/allocation.ts';
import type { WatchCache } from './cache/watchcache.ts';
import { KeyedQueue } from './keyedqueue.ts';
import { allocationKey, relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { decodeStored, encodePayload, storedFrom } from './payload.ts';
import type { StoredObject } from './types.ts';

/** Decisions are made anew this often when others write the same things at the same time. */
export const MAX_ATTEMPTS = 8;

export const WRITTEN_BY_OTHERS = 'it is written by others all the time; try again';

/** Throws `Forbidden` when this very write is not allowed. */
export type Judge = (before: DynamicObject | undefined, after: DynamicObject | undefined) => void;

/** The cache of a kind, undefined for one that is not served. */
export type CacheOf = (kind: { readonly group: string; readonly plural: string }) => WatchCache | undefined;

/** What a commit gave: the object as stored, or what is there instead of what was expected. */
export type Outcome =
  | { readonly ok: true; readonly stored: StoredObject }
  | { readonly ok: false; readonly current: StoredObject | undefined };

/** A Task as bound, and its worker's record with it. */
export interface BoundTask {
  readonly before: StoredObject;
  readonly object: DynamicObject;
  readonly record: AllocationRecord;
}

export class Commits {
  readonly #store: Store;
  readonly #cacheOf: CacheOf;
  /** Writes of one worker's record, one after another here. Only saves attempts: the commit is what keeps it right. */
  readonly #records = new KeyedQueue();

  constructor(store: Store, cacheOf: CacheOf) {
    this.#store = store;
    this.#cacheOf = cacheOf;
  }

  /** The object as the cache has it. */
  read(entry: KindEntry, key: ObjectKey): StoredObject | undefined {
    return this.#cacheOf(entry.kind)?.get(relativeKey(key));
  }

  worker(name: string): Worker | undefined {
    return asWorker(this.#cacheOf(workers)?.get(name)?.object);
  }

  /** `after` undefined removes. Answers with what was stored, or removed. */
  async commit(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    isDryRun: boolean,
  ): Promise<Outcome> {
    if (isTaskKind(entry.kind) && before !== undefined) {
      const task = asTask(before.object);
      const worker = workerToSettle(task, after === undefined ? undefined : asTask(after));
      if (worker !== undefined) {
        return this.#records.run(worker, () => this.#commitSettled(entry, worker, before, after, isDryRun));
      }
    }
    return this.#commitWith(entry, before, after, isDryRun);
  }

  /** The same for a bound Task whose worker's record may have to change with it. */
  async #commitSettled(
    entry: KindEntry,
    worker: string,
    before: StoredObject,
    after: DynamicObject | undefined,
    isDryRun: boolean,
  ): Promise<Outcome> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
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
      const companion = settled.record === record ? undefined : putRecord(settled.record, modRevision);
      const outcome = await this.#commitWith(entry, before, object, isDryRun, companion);
      if (outcome !== 'companion failed') return outcome;
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
    isDryRun: boolean,
  ): Promise<Outcome>;
  #commitWith(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    isDryRun: boolean,
    companion: Write | undefined,
  ): Promise<Outcome | 'companion failed'>;
  async #commitWith(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    isDryRun: boolean,
    companion?: Write,
  ): Promise<Outcome | 'companion failed'> {
    const key = keyOfWrite(before, after);
    const payload = after === undefined ? undefined : encodePayload(after);
    if (isDryRun) return this.#pretend(entry, key, before, after, payload);
    const write =
      payload === undefined ? removeObject(entry, key, before) : putObject(entry, key, payload, before);
    const result = await this.#store.commit(companion === undefined ? [write] : [companion, write]);
    if (result.ok) {
      const revision = result.modRevisions.at(-1) ?? result.revision;
      const stored =
        after === undefined || payload === undefined
          ? before
          : (this.#asCached(entry, key, revision) ?? storedFrom(after, payload, revision));
      if (stored === undefined) throw new Error('a removal was committed without an object to remove');
      return { ok: true, stored };
    }
    if (companion !== undefined && result.failed === 0) return 'companion failed';
    return { ok: false, current: result.current === undefined ? undefined : decodeStored(result.current) };
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
    after: DynamicObject | undefined,
    payload: Buffer | undefined,
  ): Outcome {
    const current = this.read(entry, key);
    if (current?.resourceVersion !== before?.resourceVersion) return { ok: false, current };
    if (after === undefined || payload === undefined) {
      return before === undefined ? { ok: false, current } : { ok: true, stored: before };
    }
    if (before === undefined)
      return { ok: true, stored: { object: after, json: payload, resourceVersion: 0 } };
    return { ok: true, stored: storedFrom(after, payload, before.resourceVersion) };
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
    isDryRun: boolean,
  ): Promise<void> {
    await this.#records.run(worker, async () => {
      let before = this.read(entry, key);
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const { record, modRevision } = await this.#readRecord(worker);
        const bound = decide(before, record);
        if (isDryRun || bound === undefined) return;
        const result = await this.#store.commit([
          putRecord(bound.record, modRevision),
          putObject(entry, key, encodePayload(bound.object), bound.before),
        ]);
        if (result.ok) return;
        if (result.failed === 1)
          before = result.current === undefined ? undefined : decodeStored(result.current);
      }
      throw conflict(entry.kind, key.name, 'it and its worker are written by others all the time; try again');
    });
  }

  async #readRecord(worker: string): Promise<{ record: AllocationRecord; modRevision: number | undefined }> {
    const stored = await this.#store.get(allocationKey(worker));
    return stored === undefined
      ? { record: emptyRecord(worker), modRevision: undefined }
      : { record: parseRecord(stored.value, worker), modRevision: stored.modRevision };
  }
}

function keyOfWrite(before: StoredObject | undefined, after: DynamicObject | undefined): ObjectKey {
  const { name = '', namespace } = (after ?? before?.object)?.metadata ?? {};
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function putObject(
  entry: KindEntry,
  key: ObjectKey,
  value: Uint8Array,
  before: StoredObject | undefined,
): Write {
  return { kind: 'put', key: entry.prefix + relativeKey(key), value, precondition: unchanged(before) };
}

function removeObject(entry: KindEntry, key: ObjectKey, before: StoredObject | undefined): Write {
  return { kind: 'delete', key: entry.prefix + relativeKey(key), precondition: unchanged(before) };
}

function unchanged(before: StoredObject | undefined): Write['precondition'] {
  return before === undefined
    ? { kind: 'absent' }
    : { kind: 'modRevision', modRevision: before.resourceVersion };
}

function putRecord(record: AllocationRecord, modRevision: number | undefined): Write {
  return {
    kind: 'put',
    key: allocationKey(record.worker),
    value: Buffer.from(JSON.stringify(record)),
    precondition: modRevision === undefined ? { kind: 'absent' } : { kind: 'modRevision', modRevision },
  };
}

export function isHeld(object: DynamicObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0;
}

/** Equal but for the version they are served with. */
export function isSameObject(before: DynamicObject, after: DynamicObject): boolean {
  const { resourceVersion: _a, ...oldMetadata } = before.metadata;
  const { resourceVersion: _b, ...newMetadata } = after.metadata;
  return isSameJson({ ...before, metadata: oldMetadata }, { ...after, metadata: newMetadata });
}
