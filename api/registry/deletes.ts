/**
 * Deletion: what a delete does to an object depends on who still holds it. Without finalizers it goes at once, in one
 * commit; with them it is marked (deletionTimestamp) and goes with the last of them. What becomes of its dependents is
 * the garbage collector's business: the propagation policy is written down here as the finalizer the collector looks for.
 * Source of the rules: Kubernetes documentation, "Finalizers" and "Garbage Collection"; the apiserver's
 * `rest.BeforeDelete` and `deletionFinalizersForGarbageCollection`.
 */
import type { DeleteOptions } from '../../machinery/client.ts';
import { type Clock, timestamp } from '../../machinery/clock.ts';
import { forbiddenObject, notFound } from '../../machinery/errors.ts';
import { ANNOTATION_PROTECT, FINALIZER_FOREGROUND, FINALIZER_ORPHAN } from '../../machinery/labels.ts';
import type { DynamicObject, ObjectKey, ObjectMeta } from '../../machinery/meta.ts';
import { restampTrace } from './admission/admission.ts';
import { conflict } from './admission/metadata.ts';
import type { Noted } from './authors.ts';
import { type Commits, isHeld, isSameObject, type Judge, WRITTEN_BY_OTHERS } from './commits.ts';
import type { KeyedQueue } from './keyedqueue.ts';
import { relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import type { DeleteResult, StoredObject } from './types.ts';

export interface DeleteParts {
  readonly commits: Commits;
  readonly clock: Clock;
  /** Shared with the other writes of an object. */
  readonly objects: KeyedQueue;
}

export class Deletes {
  readonly #parts: DeleteParts;

  constructor(parts: DeleteParts) {
    this.#parts = parts;
  }

  delete(
    entry: KindEntry,
    key: ObjectKey,
    options: DeleteOptions & Noted,
    judge: Judge,
  ): Promise<DeleteResult> {
    return this.#parts.objects.run(entry.prefix + relativeKey(key), () =>
      this.#delete(entry, key, options, judge),
    );
  }

  /** Throws `Forbidden` for the first that may not be deleted: a collection is refused before any of it is gone. */
  refuseAny(entry: KindEntry, objects: readonly StoredObject[]): void {
    for (const { object } of objects) refuse(entry, object);
  }

  async #delete(
    entry: KindEntry,
    key: ObjectKey,
    options: DeleteOptions & Noted,
    judge: Judge,
  ): Promise<DeleteResult> {
    let before = this.#parts.commits.read(entry, key);
    for (let attempt = 1; ; attempt++) {
      if (before === undefined) throw notFound(entry.kind, key.name);
      judge(before.object, undefined);
      checkPreconditions(entry, before, options);
      refuse(entry, before.object);
      const after = this.#afterDelete(entry, before.object, options);
      if (after !== undefined && isSameObject(before.object, after)) return { stored: before, isGone: false };
      const outcome = await this.#parts.commits.commit(entry, before, after, options);
      if (outcome.ok) return { stored: outcome.stored, isGone: after === undefined };
      before = outcome.current;
      if (!(await this.#parts.commits.mayTryAgain(attempt)))
        throw conflict(entry.kind, key.name, WRITTEN_BY_OTHERS);
    }
  }

  /** The object as a delete leaves it: undefined when nobody holds it any more. */
  #afterDelete(entry: KindEntry, object: DynamicObject, options: DeleteOptions): DynamicObject | undefined {
    const { resourceVersion: _served, finalizers: _old, ...metadata } = object.metadata;
    const finalizers = finalizersAfter(object.metadata.finalizers ?? [], options.propagationPolicy);
    const held: DynamicObject = {
      ...object,
      metadata: { ...metadata, ...(finalizers.length === 0 ? {} : { finalizers: [...finalizers] }) },
    };
    if (!isHeld(held)) return undefined;
    return held.metadata.deletionTimestamp === undefined
      ? this.#mark(entry, held, options)
      : hurry(held, options);
  }

  #mark(entry: KindEntry, object: DynamicObject, options: DeleteOptions): DynamicObject {
    const { metadata } = object;
    // Only kinds that end gracefully listen to a grace; for all others it is 0, whatever was asked for.
    const ownGrace = entry.rules.graceSeconds?.(object);
    const graceSeconds = ownGrace === undefined ? 0 : (graceIn(options) ?? ownGrace);
    const marked: ObjectMeta = {
      ...metadata,
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      deletionTimestamp: timestamp(this.#parts.clock.now() + graceSeconds * 1000),
      deletionGracePeriodSeconds: graceSeconds,
    };
    const after = { ...object, metadata: entry.hasGeneration ? restampTrace(entry.kind, marked) : marked };
    entry.rules.onMarkDeleted?.(after);
    return after;
  }
}

/** Deleting again can only hurry: the grace, and with it the time at which it ends, shrinks. */
function hurry(object: DynamicObject, options: DeleteOptions): DynamicObject {
  const { metadata } = object;
  const { deletionTimestamp = '', deletionGracePeriodSeconds: before = 0 } = metadata;
  const graceSeconds = graceIn(options);
  if (graceSeconds === undefined || graceSeconds >= before) return object;
  return {
    ...object,
    metadata: {
      ...metadata,
      deletionTimestamp: timestamp(Date.parse(deletionTimestamp) - (before - graceSeconds) * 1000),
      deletionGracePeriodSeconds: graceSeconds,
    },
  };
}

/** What was asked for; Kubernetes takes less than nothing for one second. */
function graceIn({ gracePeriodSeconds }: DeleteOptions): number | undefined {
  return gracePeriodSeconds !== undefined && gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds;
}

/**
 * The finalizers with at most one of the garbage collector's two among them, the last: what the policy asks for, or
 * what is there already when the caller asks for nothing.
 */
function finalizersAfter(
  finalizers: readonly string[],
  policy: DeleteOptions['propagationPolicy'],
): readonly string[] {
  const others = finalizers.filter((item) => item !== FINALIZER_FOREGROUND && item !== FINALIZER_ORPHAN);
  const found = finalizers.find((item) => item === FINALIZER_FOREGROUND || item === FINALIZER_ORPHAN);
  const wanted = policy === undefined ? found : FINALIZER_OF[policy];
  if (wanted === undefined) return others;
  // Unchanged when there is nothing to change: a second delete that asks for the same writes nothing.
  return others.length === finalizers.length - 1 && found === wanted ? finalizers : [...others, wanted];
}

const FINALIZER_OF: Readonly<Record<NonNullable<DeleteOptions['propagationPolicy']>, string | undefined>> = {
  Background: undefined,
  Foreground: FINALIZER_FOREGROUND,
  Orphan: FINALIZER_ORPHAN,
};

/** Throws `Forbidden` for what may not be deleted, whoever asks. */
function refuse({ kind, rules }: KindEntry, object: DynamicObject): void {
  const { name, annotations } = object.metadata;
  const why =
    annotations?.[ANNOTATION_PROTECT] === 'true'
      ? `the annotation ${ANNOTATION_PROTECT} is "true"; remove it first, then delete`
      : rules.deletionRefusal?.(object);
  if (why !== undefined) throw forbiddenObject(kind, name, why);
}

function checkPreconditions(
  { kind }: KindEntry,
  before: StoredObject,
  { preconditions }: DeleteOptions,
): void {
  const { name, uid } = before.object.metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw conflict(
      kind,
      name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  const sent = preconditions?.resourceVersion;
  if (sent !== undefined && sent !== String(before.resourceVersion)) {
    throw conflict(
      kind,
      name,
      `the ResourceVersion in the precondition (${sent}) does not match the ResourceVersion in record (${before.resourceVersion}). The object might have been modified`,
    );
  }
}
