/**
 * Deletion: what a delete does to an object depends on who still holds it. Without finalizers it goes at once, in one
 * commit; with them it is marked (deletionTimestamp) and goes with the last of them.
 * Source of the rules: Kubernetes documentation, "Finalizers" and "Garbage Collection".
 */
import type { DeleteOptions } from '../../machinery/client.ts';
import { type Clock, timestamp } from '../../machinery/clock.ts';
import { notFound } from '../../machinery/errors.ts';
import type { DynamicObject, ObjectKey, ObjectMeta } from '../../machinery/meta.ts';
import { stampTrace } from './admission/admission.ts';
import { conflict, preconditionFailed } from './admission/metadata.ts';
import {
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

  delete(entry: KindEntry, key: ObjectKey, options: DeleteOptions, judge: Judge): Promise<DeleteResult> {
    return this.#parts.objects.run(entry.prefix + relativeKey(key), () =>
      this.#delete(entry, key, options, judge),
    );
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
      deletionGracePeriodSeconds: gracePeriodSeconds ?? entry.rules.graceSeconds?.(object) ?? 0,
    };
    return { ...object, metadata: entry.hasGeneration ? stampTrace(marked) : marked };
  }
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
