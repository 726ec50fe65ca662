/**
 * Read, decide, write: every change of an object goes through here, as one compare-and-write commit.
 *
 * The decision is made on what the cache holds; the commit says whether that was still the present. If it was not, the
 * decision is made again on what is there now, a few times, unless the caller named the version it had seen. A write
 * that changes nothing commits nothing.
 */
import { ApiError, notFound, type Status } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { type DynamicObject, type ObjectKey, qualifiedName } from '../../machinery/meta.ts';
import { applyJsonPatch, applyMergePatch } from '../../machinery/patch.ts';
import { namespaces, tasks } from '../../schemas/kinds.ts';
import type { Admission } from './admission/admission.ts';
import { conflict, modified } from './admission/metadata.ts';
import { asObject, asTask } from './admission/rules/task.ts';
import type { AllocationRecord } from './binding/allocation.ts';
import { type Binding, planBinding } from './binding/binding.ts';
import { type Eviction, planEviction } from './binding/eviction.ts';
import {
  type BoundTask,
  type CacheOf,
  type Commits,
  isHeld,
  isSameObject,
  type Judge,
  MAX_ATTEMPTS,
  WRITTEN_BY_OTHERS,
} from './commits.ts';
import type { KeyedQueue } from './keyedqueue.ts';
import { relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { encodePayload, storedFrom } from './payload.ts';
import type { RegistryPatch, RegistryWriteOptions, StoredObject, WriteResult } from './types.ts';

export interface WriteParts {
  readonly commits: Commits;
  readonly admission: Admission;
  readonly cacheOf: CacheOf;
  /** Changes of one object, one after another here. Only saves attempts: the commit is what keeps it right. */
  readonly objects: KeyedQueue;
}

export class Writes {
  readonly #parts: WriteParts;

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

  /** `tasks/eviction`: the Task off its worker and out of the worker's record, in one commit. */
  async evict(entry: KindEntry, key: ObjectKey, eviction: Eviction, judge: Judge): Promise<Status> {
    const found = this.#parts.commits.read(entry, key);
    if (found === undefined) throw notFound(entry.kind, key.name);
    const worker = asTask(found.object).spec.workerName;
    const decide = (before: StoredObject | undefined, record: AllocationRecord): BoundTask | undefined => {
      if (before === undefined) throw notFound(entry.kind, key.name);
      const planned = planEviction(asTask(before.object), eviction, record);
      if (planned === undefined) return undefined;
      const object = asObject(planned.task);
      judge(before.object, object);
      return { before, object, record: planned.record };
    };
    if (worker !== undefined) {
      await this.#parts.commits.commitBound(entry, key, worker, decide, eviction.isDryRun);
    }
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  }

  #inTurn<T>(entry: KindEntry, key: ObjectKey, work: () => Promise<T>): Promise<T> {
    return this.#parts.objects.run(entry.prefix + relativeKey(key), work);
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

  #requireNamespace(entry: KindEntry, namespace: string | undefined): void {
    if (!entry.kind.namespaced || namespace === undefined) return;
    const cache = this.#parts.cacheOf(namespaces);
    if (cache !== undefined && cache.get(namespace) === undefined) throw notFound(namespaces, namespace);
  }
}

/** The subresource that `evict` serves. */
export function isEviction(entry: KindEntry, subresource: string): boolean {
  return entry.kind.plural === tasks.plural && entry.kind.group === tasks.group && subresource === 'eviction';
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
