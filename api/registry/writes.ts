/**
 * Read, decide, write: every change of an object goes through here, as one compare-and-write commit.
 *
 * The decision is made on what the cache holds; the commit says whether that was still the present. If it was not, the
 * decision is made again on what is there now, a few times, unless the caller named the version it had seen. A write
 * that changes nothing commits nothing.
 */
import type { Clock } from '../../machinery/clock.ts';
import { ApiError, notFound, type Status } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import {
  type DynamicObject,
  isKubernetesGroup,
  type ObjectKey,
  qualifiedName,
} from '../../machinery/meta.ts';
import { applyJsonPatch, applyMergePatch } from '../../machinery/patch.ts';
import { applyStrategicMergePatch } from '../../machinery/strategicmerge.ts';
import { namespaces, tasks } from '../../schemas/kinds.ts';
import type { Admission, Admitted } from './admission/admission.ts';
import { requireNoUid } from './admission/bodies.ts';
import { conflict, modified } from './admission/metadata.ts';
import { asObject, asTask } from './admission/rules/task.ts';
import type { Noted } from './authors.ts';
import type { AllocationRecord } from './binding/allocation.ts';
import { type Binding, planBinding } from './binding/binding.ts';
import { type Eviction, planEviction } from './binding/eviction.ts';
import type { CacheOf } from './cache/cacheof.ts';
import {
  type BoundTask,
  type Commits,
  isHeld,
  isSameObject,
  type Judge,
  MAX_ATTEMPTS,
  type Outcome,
  WRITTEN_BY_OTHERS,
} from './commits.ts';
import type { Idempotency, KeyedRequest } from './idempotency.ts';
import type { KeyedQueue } from './keyedqueue.ts';
import { relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { encodePayload, storedFrom } from './payload.ts';
import { SCALE, scaleOf, storedScale, wishOfScale, withScale } from './scale.ts';
import type { TaskSecurity } from './security.ts';
import type { RegistryPatch, RegistryWriteOptions, StoredObject, WriteResult } from './types.ts';

export interface WriteParts {
  readonly commits: Commits;
  readonly admission: Admission;
  readonly cacheOf: CacheOf;
  readonly clock: Clock;
  readonly security: TaskSecurity;
  readonly idempotency: Idempotency;
  /** Changes of one object, one after another here. Only saves attempts: the commit is what keeps it right. */
  readonly objects: KeyedQueue;
}

/** With who writes. */
type Signed = RegistryWriteOptions & Noted;

/** An object as a write would leave it. */
type Admit = (current: DynamicObject) => Admitted;

export class Writes {
  readonly #parts: WriteParts;

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  create(entry: KindEntry, body: unknown, options: Signed, judge: Judge): Promise<WriteResult> {
    const keyed = this.#parts.idempotency.asked(entry, body, options);
    return this.#parts.idempotency.counted(keyed, options, () =>
      this.#inTurnOf(keyed, () => this.#create(entry, body, keyed, options, judge)),
    );
  }

  async #create(
    entry: KindEntry,
    body: unknown,
    keyed: KeyedRequest | undefined,
    options: Signed,
    judge: Judge,
  ): Promise<WriteResult> {
    const { admission, security } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const answered = await keyed?.answer();
      if (answered !== undefined) return answered;
      const { object, warnings: admitted } = admission.create(entry, body, options);
      const { name, namespace, generateName } = object.metadata;
      this.#requireNamespace(entry, namespace);
      judge(undefined, object);
      security.require(entry, undefined, object);
      const isGenerated = generateName !== undefined && !isNamed(body);
      const outcome = await this.#commitNew(entry, object, keyed, options);
      if (outcome === 'companion failed') {
        await this.#lookAgain(entry, name, keyed, attempt);
        continue;
      }
      const warnings = [...admitted, ...security.warnings(undefined, object)];
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
    options: Signed,
    judge: Judge,
  ): Promise<WriteResult> {
    const admit = this.#admitting(entry, key, () => body, options);
    return this.#inTurn(entry, key, () => this.#change(entry, key, admit, options, judge));
  }

  patch(
    entry: KindEntry,
    key: ObjectKey,
    patch: RegistryPatch,
    options: Signed,
    judge: Judge,
  ): Promise<WriteResult> {
    if (patch.type === 'apply') {
      return this.#inTurn(entry, key, () => this.#apply(entry, key, patch, options, judge));
    }
    const admit = this.#admitting(entry, key, patcher(entry, patch, options), options);
    return this.#inTurn(entry, key, () => this.#change(entry, key, admit, options, judge));
  }

  /** Server-side apply: changes what is there, or creates it. */
  async #apply(
    entry: KindEntry,
    key: ObjectKey,
    patch: Extract<RegistryPatch, { type: 'apply' }>,
    options: Signed,
    judge: Judge,
  ): Promise<WriteResult> {
    const { admission, commits, idempotency } = this.#parts;
    const isForced = patch.isForced === true;
    const wish = options.subresource === SCALE ? wishOfScale(entry, patch.body, key) : patch.body;
    let before = commits.read(entry, key);
    for (let attempt = 1; ; attempt++) {
      if (before !== undefined) {
        const admit: Admit = (current) => admission.apply(entry, key, current, wish, options, isForced);
        return this.#change(entry, key, admit, options, judge);
      }
      if (options.subresource !== undefined) throw notFound(entry.kind, key.name);
      requireNoUid(entry, key, wish);
      const where = key.namespace === undefined ? options : { ...options, namespace: key.namespace };
      const keyed = idempotency.asked(entry, wish, where);
      const made = await idempotency.counted(keyed, options, async () => {
        const answered = await keyed?.answer();
        if (answered !== undefined) return answered;
        const admitted = admission.apply(entry, key, undefined, wish, where, isForced);
        return this.#applyNew(entry, admitted, keyed, options, judge);
      });
      if (made === 'companion failed') {
        await this.#lookAgain(entry, key.name, keyed, attempt);
        continue;
      }
      if ('isCreated' in made) return made;
      before = made.current;
      if (!(await commits.mayTryAgain(attempt))) throw conflict(entry.kind, key.name, WRITTEN_BY_OTHERS);
    }
  }

  /** What an apply creates, or what is there by now instead. */
  async #applyNew(
    entry: KindEntry,
    { object, warnings: admitted }: Admitted,
    keyed: KeyedRequest | undefined,
    options: Signed,
    judge: Judge,
  ): Promise<WriteResult | Extract<Outcome, { ok: false }> | 'companion failed'> {
    const { security } = this.#parts;
    this.#requireNamespace(entry, object.metadata.namespace);
    judge(undefined, object);
    security.require(entry, undefined, object);
    const outcome = await this.#commitNew(entry, object, keyed, options);
    if (outcome === 'companion failed' || !outcome.ok) return outcome;
    const warnings = [...admitted, ...security.warnings(undefined, object)];
    return { stored: outcome.stored, isCreated: true, warnings };
  }

  /** Under one key one after another: those that wait for the first hold no room for keys of their own. */
  #inTurnOf(keyed: KeyedRequest | undefined, work: () => Promise<WriteResult>): Promise<WriteResult> {
    return keyed === undefined ? work() : this.#parts.objects.run(keyed.turn, work);
  }

  /** A new object, and with it what remembers its idempotency key. */
  #commitNew(
    entry: KindEntry,
    object: DynamicObject,
    keyed: KeyedRequest | undefined,
    options: Signed,
  ): Promise<Outcome | 'companion failed'> {
    const { commits } = this.#parts;
    return keyed === undefined
      ? commits.commit(entry, undefined, object, options)
      : commits.commitTogether(entry, object, keyed.record(object), options);
  }

  /** Somebody else was faster under the same idempotency key. */
  async #lookAgain(
    entry: KindEntry,
    name: string,
    keyed: KeyedRequest | undefined,
    attempt: number,
  ): Promise<void> {
    await keyed?.lookAgain();
    if (!(await this.#parts.commits.mayTryAgain(attempt)))
      throw conflict(entry.kind, name, WRITTEN_BY_OTHERS);
  }

  /** `tasks/binding`: the Task and its worker's record in one commit. */
  async bind(
    entry: KindEntry,
    key: ObjectKey,
    binding: Binding,
    options: Signed,
    judge: Judge,
  ): Promise<Status> {
    const writer = { name: options.fieldManager ?? '', subresource: 'binding' };
    const decide = (before: StoredObject | undefined, record: AllocationRecord): BoundTask => {
      if (before === undefined) throw notFound(entry.kind, key.name);
      const planned = planBinding(
        asTask(before.object),
        binding,
        this.#parts.commits.worker(binding.worker),
        record,
        this.#parts.clock.now(),
      );
      const object = this.#parts.admission.tracked(entry, before.object, asObject(planned.task), writer);
      judge(before.object, object);
      return { before, object, record: planned.record };
    };
    await this.#parts.commits.commitBound(entry, key, binding.worker, decide, options);
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  }

  /** `tasks/eviction`: the Task off its worker and out of the worker's record, in one commit. */
  async evict(
    entry: KindEntry,
    key: ObjectKey,
    eviction: Eviction,
    options: Signed,
    judge: Judge,
  ): Promise<Status> {
    const writer = { name: options.fieldManager ?? '', subresource: 'eviction' };
    const found = this.#parts.commits.read(entry, key);
    if (found === undefined) throw notFound(entry.kind, key.name);
    const worker = asTask(found.object).spec.workerName;
    const decide = (before: StoredObject | undefined, record: AllocationRecord): BoundTask | undefined => {
      if (before === undefined) throw notFound(entry.kind, key.name);
      const planned = planEviction(asTask(before.object), eviction, record, this.#parts.clock.now());
      if (planned === undefined) return undefined;
      const object = this.#parts.admission.tracked(entry, before.object, asObject(planned.task), writer);
      judge(before.object, object);
      return { before, object, record: planned.record };
    };
    if (worker !== undefined) {
      await this.#parts.commits.commitBound(entry, key, worker, decide, {
        ...options,
        dryRun: eviction.isDryRun,
      });
    }
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  }

  #inTurn<T>(entry: KindEntry, key: ObjectKey, work: () => Promise<T>): Promise<T> {
    return this.#parts.objects.run(entry.prefix + relativeKey(key), work);
  }

  /** What is made of the object as it is now becomes the body of an update; of its Scale, where that is written. */
  #admitting(
    entry: KindEntry,
    key: ObjectKey,
    makeBody: (current: DynamicObject) => unknown,
    options: Signed,
  ): Admit {
    const { admission } = this.#parts;
    if (options.subresource !== SCALE) {
      return (current) => admission.update(entry, key, current, makeBody(current), options);
    }
    return (current) => {
      const body = withScale(entry, current, makeBody(scaleOf(entry, current)));
      return admission.update(entry, key, current, body, options);
    };
  }

  async #change(
    entry: KindEntry,
    key: ObjectKey,
    admit: Admit,
    options: Signed,
    judge: Judge,
  ): Promise<WriteResult> {
    let before = this.#parts.commits.read(entry, key);
    for (let attempt = 1; ; attempt++) {
      if (before === undefined) throw notFound(entry.kind, key.name);
      const current = String(before.resourceVersion);
      const { object: after, warnings: admitted, sentVersion } = admit(before.object);
      if (sentVersion !== undefined && sentVersion !== '' && sentVersion !== current) {
        throw modified(entry.kind, key.name, sentVersion, current);
      }
      judge(before.object, after);
      const { security } = this.#parts;
      security.require(entry, before.object, after);
      const warnings = [...admitted, ...security.warnings(before.object, after)];
      const isRemoval = before.object.metadata.deletionTimestamp !== undefined && !isHeld(after);
      if (!isRemoval && isSameObject(before.object, after))
        return { stored: shown(entry, before, options), isCreated: false, warnings };
      const outcome = await this.#parts.commits.commit(entry, before, isRemoval ? undefined : after, options);
      if (outcome.ok) {
        // The last finalizer went, and the object with it: the answer is what was asked for, as Kubernetes gives it.
        const stored = isRemoval
          ? storedFrom(after, encodePayload(after), before.resourceVersion)
          : outcome.stored;
        return { stored: shown(entry, stored, options), isCreated: false, warnings };
      }
      before = outcome.current;
      if (!(await this.#parts.commits.mayTryAgain(attempt)))
        throw conflict(entry.kind, key.name, WRITTEN_BY_OTHERS);
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

/** What a write of a subresource is answered with. */
function shown(entry: KindEntry, stored: StoredObject, { subresource }: RegistryWriteOptions): StoredObject {
  return subresource === SCALE ? storedScale(entry, stored) : stored;
}

/** Throws `BadRequest` for a body that is no such patch, `UnsupportedMediaType` for a patch the kind does not take. */
function patcher(
  { kind, schema }: KindEntry,
  patch: Exclude<RegistryPatch, { type: 'apply' }>,
  { subresource }: RegistryWriteOptions,
): (current: DynamicObject) => unknown {
  switch (patch.type) {
    case 'json':
      return (current) => applyJsonPatch(current, patch.body);
    case 'merge':
      if (!isRecord(patch.body)) {
        throw new ApiError('BadRequest', 'a merge patch must be an object (RFC 7386)');
      }
      return (current) => applyMergePatch(current, patch.body);
    case 'strategic':
      if (subresource === SCALE) return (current) => applyStrategicMergePatch(current, patch.body, {});
      if (!isKubernetesGroup(kind.group)) {
        throw new ApiError(
          'UnsupportedMediaType',
          'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
          {},
        );
      }
      return (current) => applyStrategicMergePatch(current, patch.body, schema);
  }
}

function isNamed(body: unknown): boolean {
  const metadata = isRecord(body) ? body['metadata'] : undefined;
  const name = isRecord(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' && name !== '';
}
