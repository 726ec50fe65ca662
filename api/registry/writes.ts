/**
 * Read, decide, write: every change of an object goes through here, as one compare-and-write commit.
 *
 * The decision is made on what the cache holds; the commit says whether that was still the present. If it was not, the
 * decision is made again on what is there now, a few times, unless the caller named the version it had seen. A write
 * that changes nothing commits nothing.
 */

import type { DeleteOptions } from '../../machinery/client.ts';
import { type Clock, timestamp } from '../../machinery/clock.ts';
import { ApiError, notFound, type Status } from '../../machinery/errors.ts';
import { isRecord, isSameJson } from '../../machinery/json.ts';
import { type DynamicObject, type ObjectKey, type ObjectMeta, qualifiedName } from '../../machinery/meta.ts';
import { applyJsonPatch, applyMergePatch } from '../../machinery/patch.ts';
import { namespaces, tasks, workers } from '../../schemas/kinds.ts';
import type { Store, Write } from '../../store/store.ts';
import { type Admission, withTrace } from './admission.ts';
import { type AllocationRecord, emptyRecord, parseRecord, settle, workerToSettle } from './allocation.ts';
import { type Binding, planBinding } from './binding.ts';
import { invalid, invalidObject } from './fielderrors.ts';
import { KeyedQueue } from './keyedqueue.ts';
import { allocationKey, relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { conflict, modified, preconditionFailed } from './metadata.ts';
import { decodeStored, encodePayload, storedFrom } from './payload.ts';
import { asObject, asTask, asWorker, defaultGraceSeconds, isTaskKind } from './taskrules.ts';
import type {
  DeleteResult,
  RegistryPatch,
  RegistryWriteOptions,
  StoredObject,
  WriteResult,
} from './types.ts';
import type { WatchCache } from './watchcache.ts';

/** Decisions are made anew this often when others write the same object at the same time. */
const MAX_ATTEMPTS = 8;

/** Throws `Forbidden` when this very write is not allowed. */
export type Judge = (before: DynamicObject | undefined, after: DynamicObject | undefined) => void;

export interface WriteParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly cacheOf: (kind: { readonly group: string; readonly plural: string }) => WatchCache | undefined;
}

/** What a commit gave: the object as stored, or what is there instead of what was expected. */
type Outcome =
  | { readonly ok: true; readonly stored: StoredObject }
  | { readonly ok: false; readonly current: StoredObject | undefined };

export class Writes {
  readonly #parts: WriteParts;
  /** Writes of one worker's record, one after another here. Only saves attempts: the commit is what keeps it right. */
  readonly #records = new KeyedQueue();

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  async create(
    entry: KindEntry,
    body: unknown,
    options: RegistryWriteOptions,
    judge: Judge,
  ): Promise<WriteResult> {
    for (let attempt = 1; ; attempt++) {
      const { object, warnings } = this.#parts.admission.create(entry, body, options);
      const { name, namespace, generateName } = object.metadata;
      this.#requireNamespace(entry, namespace);
      judge(undefined, object);
      const isGenerated = generateName !== undefined && !isNamed(body);
      const outcome = await this.#commit(entry, undefined, object, options.dryRun === true);
      if (outcome.ok) return { stored: outcome.stored, isCreated: true, warnings };
      if (!isGenerated || attempt >= MAX_ATTEMPTS) {
        throw new ApiError('AlreadyExists', `${qualifiedName(entry.kind)} "${name}" already exists`, {
          name,
          ...(entry.kind.group === '' ? {} : { group: entry.kind.group }),
          kind: entry.kind.plural,
        });
      }
    }
  }

  update(
    entry: KindEntry,
    key: ObjectKey,
    body: unknown,
    options: RegistryWriteOptions,
    judge: Judge,
  ): Promise<WriteResult> {
    return this.#change(entry, key, () => body, options, judge);
  }

  patch(
    entry: KindEntry,
    key: ObjectKey,
    patch: RegistryPatch,
    options: RegistryWriteOptions,
    judge: Judge,
  ): Promise<WriteResult> {
    if (patch.type === 'merge' && !isRecord(patch.body)) {
      throw new ApiError('BadRequest', 'a merge patch must be an object (RFC 7386)');
    }
    const apply = patch.type === 'merge' ? applyMergePatch : applyJsonPatch;
    return this.#change(entry, key, (current) => apply(current, patch.body), options, judge);
  }

  async delete(
    entry: KindEntry,
    key: ObjectKey,
    options: DeleteOptions,
    judge: Judge,
  ): Promise<DeleteResult> {
    let before = this.#read(entry, key);
    for (let attempt = 1; ; attempt++) {
      if (before === undefined) throw notFound(entry.kind, key.name);
      checkPreconditions(entry, before, options);
      judge(before.object, undefined);
      const after = isHeld(before.object) ? this.#markDeleted(entry, before.object, options) : undefined;
      if (after !== undefined && isSameObject(before.object, after)) return { stored: before, isGone: false };
      const outcome = await this.#commit(entry, before, after, options.dryRun === true);
      if (outcome.ok) return { stored: outcome.stored, isGone: after === undefined };
      before = outcome.current;
      if (attempt >= MAX_ATTEMPTS)
        throw conflict(entry.kind, key.name, 'it is written by others all the time; try again');
    }
  }

  /** `tasks/binding`: the Task and its worker's record in one commit. */
  async bind(
    entry: KindEntry,
    key: ObjectKey,
    binding: Binding,
    isDryRun: boolean,
    judge: Judge,
  ): Promise<Status> {
    return this.#records.run(binding.worker, async () => {
      let before = this.#read(entry, key);
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        if (before === undefined) throw notFound(entry.kind, key.name);
        const { record, modRevision } = await this.#readRecord(binding.worker);
        const planned = planBinding(asTask(before.object), binding, this.#worker(binding.worker), record);
        const after = asObject(planned.task);
        judge(before.object, after);
        if (isDryRun) return success();
        const result = await this.#parts.store.commit([
          putRecord(planned.record, modRevision),
          putObject(entry, key, encodePayload(after), before),
        ]);
        if (result.ok) return success();
        if (result.failed === 1)
          before = result.current === undefined ? undefined : decodeStored(result.current);
      }
      throw conflict(entry.kind, key.name, 'it and its worker are written by others all the time; try again');
    });
  }

  async #change(
    entry: KindEntry,
    key: ObjectKey,
    makeBody: (current: DynamicObject) => unknown,
    options: RegistryWriteOptions,
    judge: Judge,
  ): Promise<WriteResult> {
    let before = this.#read(entry, key);
    for (let attempt = 1; ; attempt++) {
      if (before === undefined) throw notFound(entry.kind, key.name);
      const current = String(before.resourceVersion);
      const body = makeBody(before.object);
      const {
        object: after,
        warnings,
        sentVersion,
      } = this.#parts.admission.update(entry, key, before.object, body, options);
      if (sentVersion !== undefined && sentVersion !== '' && sentVersion !== current) {
        throw modified(entry.kind, key.name, sentVersion, current);
      }
      judge(before.object, after);
      const isRemoval = before.object.metadata.deletionTimestamp !== undefined && !isHeld(after);
      if (!isRemoval && isSameObject(before.object, after))
        return { stored: before, isCreated: false, warnings };
      const outcome = await this.#commit(
        entry,
        before,
        isRemoval ? undefined : after,
        options.dryRun === true,
      );
      if (outcome.ok) return { stored: outcome.stored, isCreated: false, warnings };
      before = outcome.current;
      if (attempt >= MAX_ATTEMPTS)
        throw modified(entry.kind, key.name, current, before?.object.metadata.resourceVersion);
    }
  }

  /** `after` undefined removes. Answers with what was stored, or removed. */
  async #commit(
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
        this.#worker(worker),
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
    const result = await this.#parts.store.commit(companion === undefined ? [write] : [companion, write]);
    if (result.ok) {
      const revision = result.modRevisions.at(-1) ?? result.revision;
      const stored =
        after === undefined || payload === undefined ? before : storedFrom(after, payload, revision);
      if (stored === undefined) throw new Error('a removal was committed without an object to remove');
      return { ok: true, stored };
    }
    if (companion !== undefined && result.failed === 0) return 'companion failed';
    return { ok: false, current: result.current === undefined ? undefined : decodeStored(result.current) };
  }

  /** What a dry run answers: everything but the commit. */
  #pretend(
    entry: KindEntry,
    key: ObjectKey,
    before: StoredObject | undefined,
    after: DynamicObject | undefined,
    payload: Buffer | undefined,
  ): Outcome {
    const current = this.#read(entry, key);
    if (current?.resourceVersion !== before?.resourceVersion) return { ok: false, current };
    if (after === undefined || payload === undefined) {
      return before === undefined ? { ok: false, current } : { ok: true, stored: before };
    }
    if (before === undefined)
      return { ok: true, stored: { object: after, json: payload, resourceVersion: 0 } };
    return { ok: true, stored: storedFrom(after, payload, before.resourceVersion) };
  }

  #markDeleted(entry: KindEntry, object: DynamicObject, options: DeleteOptions): DynamicObject {
    const { resourceVersion: _served, ...metadata } = object.metadata;
    const { gracePeriodSeconds } = options;
    const graceBefore = metadata.deletionGracePeriodSeconds;
    if (metadata.deletionTimestamp !== undefined) {
      // Deleting again can only hurry.
      const isSooner = gracePeriodSeconds !== undefined && gracePeriodSeconds < (graceBefore ?? 0);
      return isSooner
        ? { ...object, metadata: { ...metadata, deletionGracePeriodSeconds: gracePeriodSeconds } }
        : object;
    }
    const marked: ObjectMeta = {
      ...metadata,
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      deletionTimestamp: timestamp(this.#parts.clock.now()),
      deletionGracePeriodSeconds: gracePeriodSeconds ?? defaultGraceSeconds(entry.kind, object),
    };
    return { ...object, metadata: withTrace(marked, undefined, entry.hasGeneration) };
  }

  #requireNamespace(entry: KindEntry, namespace: string | undefined): void {
    if (!entry.kind.namespaced || namespace === undefined) return;
    const cache = this.#parts.cacheOf(namespaces);
    if (cache !== undefined && cache.get(namespace) === undefined) throw notFound(namespaces, namespace);
  }

  #read(entry: KindEntry, key: ObjectKey): StoredObject | undefined {
    return this.#parts.cacheOf(entry.kind)?.get(relativeKey(key));
  }

  #worker(name: string): ReturnType<typeof asWorker> {
    return asWorker(this.#parts.cacheOf(workers)?.get(name)?.object);
  }

  async #readRecord(worker: string): Promise<{ record: AllocationRecord; modRevision: number | undefined }> {
    const stored = await this.#parts.store.get(allocationKey(worker));
    return stored === undefined
      ? { record: emptyRecord(worker), modRevision: undefined }
      : { record: parseRecord(stored.value, worker), modRevision: stored.modRevision };
  }
}

/** The subresource that `bind` serves. */
export function isBinding(entry: KindEntry, subresource: string): boolean {
  return entry.kind.plural === tasks.plural && entry.kind.group === tasks.group && subresource === 'binding';
}

function isNamed(body: unknown): boolean {
  const metadata = isRecord(body) ? body['metadata'] : undefined;
  const name = isRecord(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' && name !== '';
}

function isHeld(object: DynamicObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0;
}

/** Equal but for the version they are served with. */
function isSameObject(before: DynamicObject, after: DynamicObject): boolean {
  const { resourceVersion: _a, ...oldMetadata } = before.metadata;
  const { resourceVersion: _b, ...newMetadata } = after.metadata;
  return isSameJson({ ...before, metadata: oldMetadata }, { ...after, metadata: newMetadata });
}

function checkPreconditions(
  { kind }: KindEntry,
  before: StoredObject,
  { preconditions }: DeleteOptions,
): void {
  const { name, uid } = before.object.metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw preconditionFailed(
      kind,
      name,
      `UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  const sent = preconditions?.resourceVersion;
  if (sent !== undefined && sent !== String(before.resourceVersion)) {
    throw preconditionFailed(
      kind,
      name,
      `ResourceVersion in precondition: ${sent}, ResourceVersion in object meta: ${before.resourceVersion}`,
    );
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

function success(): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}
