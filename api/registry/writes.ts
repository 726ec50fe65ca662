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
import { namespaces, tasks } from '../../schemas/kinds.ts';
import { type Admission, stampTrace } from './admission/admission.ts';
import { conflict, modified, preconditionFailed } from './admission/metadata.ts';
import { asObject, asTask, defaultGraceSeconds } from './admission/taskrules.ts';
import type { AllocationRecord } from './binding/allocation.ts';
import { type Binding, planBinding } from './binding/binding.ts';
import { type BoundTask, type CacheOf, type Commits, MAX_ATTEMPTS } from './commits.ts';
import { KeyedQueue } from './keyedqueue.ts';
import { relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { encodePayload, storedFrom } from './payload.ts';
import type {
  DeleteResult,
  RegistryPatch,
  RegistryWriteOptions,
  StoredObject,
  WriteResult,
} from './types.ts';

const WRITTEN_BY_OTHERS = 'it is written by others all the time; try again';

/** Throws `Forbidden` when this very write is not allowed. */
export type Judge = (before: DynamicObject | undefined, after: DynamicObject | undefined) => void;

export interface WriteParts {
  readonly commits: Commits;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly cacheOf: CacheOf;
}

export class Writes {
  readonly #parts: WriteParts;
  /** Changes of one object, one after another here. Only saves attempts: the commit is what keeps it right. */
  readonly #objects = new KeyedQueue();

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
      const outcome = await this.#parts.commits.commit(entry, undefined, object, options.dryRun === true);
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
    return this.#inTurn(entry, key, () => this.#change(entry, key, () => body, options, judge));
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
    return this.#inTurn(entry, key, () =>
      this.#change(entry, key, (current) => apply(current, patch.body), options, judge),
    );
  }

  delete(entry: KindEntry, key: ObjectKey, options: DeleteOptions, judge: Judge): Promise<DeleteResult> {
    return this.#inTurn(entry, key, () => this.#delete(entry, key, options, judge));
  }

  async #delete(
    entry: KindEntry,
    key: ObjectKey,
    options: DeleteOptions,
    judge: Judge,
  ): Promise<DeleteResult> {
    let before = this.#parts.commits.read(entry, key);
    for (let attempt = 1; ; attempt++) {
      if (before === undefined) throw notFound(entry.kind, key.name);
      checkPreconditions(entry, before, options);
      judge(before.object, undefined);
      const after = isHeld(before.object) ? this.#markDeleted(entry, before.object, options) : undefined;
      if (after !== undefined && isSameObject(before.object, after)) return { stored: before, isGone: false };
      const outcome = await this.#parts.commits.commit(entry, before, after, options.dryRun === true);
      if (outcome.ok) return { stored: outcome.stored, isGone: after === undefined };
      before = outcome.current;
      if (attempt >= MAX_ATTEMPTS) throw conflict(entry.kind, key.name, WRITTEN_BY_OTHERS);
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
    const decide = (before: StoredObject | undefined, record: AllocationRecord): BoundTask => {
      if (before === undefined) throw notFound(entry.kind, key.name);
      const planned = planBinding(
        asTask(before.object),
        binding,
        this.#parts.commits.worker(binding.worker),
        record,
      );
      const object = asObject(planned.task);
      judge(before.object, object);
      return { before, object, record: planned.record };
    };
    await this.#parts.commits.commitBound(entry, key, binding.worker, decide, isDryRun);
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  }

  #inTurn<T>(entry: KindEntry, key: ObjectKey, work: () => Promise<T>): Promise<T> {
    return this.#objects.run(entry.prefix + relativeKey(key), work);
  }

  async #change(
    entry: KindEntry,
    key: ObjectKey,
    makeBody: (current: DynamicObject) => unknown,
    options: RegistryWriteOptions,
    judge: Judge,
  ): Promise<WriteResult> {
    let before = this.#parts.commits.read(entry, key);
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
      const outcome = await this.#parts.commits.commit(
        entry,
        before,
        isRemoval ? undefined : after,
        options.dryRun === true,
      );
      if (outcome.ok) {
        // The last finalizer went, and the object with it: the answer is what was asked for, as Kubernetes gives it.
        const stored = isRemoval
          ? storedFrom(after, encodePayload(after), before.resourceVersion)
          : outcome.stored;
        return { stored, isCreated: false, warnings };
      }
      before = outcome.current;
      if (attempt >= MAX_ATTEMPTS) throw conflict(entry.kind, key.name, WRITTEN_BY_OTHERS);
    }
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
    return { ...object, metadata: entry.hasGeneration ? stampTrace(marked) : marked };
  }

  #requireNamespace(entry: KindEntry, namespace: string | undefined): void {
    if (!entry.kind.namespaced || namespace === undefined) return;
    const cache = this.#parts.cacheOf(namespaces);
    if (cache !== undefined && cache.get(namespace) === undefined) throw notFound(namespaces, namespace);
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
