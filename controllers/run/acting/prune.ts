/** Removes the ControllerRevisions of Jobs and TaskTemplates that no Run uses any more; of each owner the newest stays. */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { keyOf, parseKey } from '../../../machinery/meta.ts';
import { controllerRevisions, jobs, taskTemplates } from '../../../schemas/kinds.ts';
import type { ControllerRevision, Run } from '../../../schemas/types.gen.ts';
import { BY_CONTROLLER, BY_REVISION } from '../../informers.ts';

/** A Run that was pinned is in every copy by then. */
const KEPT_MS = 10_000;
const OWNERS: readonly string[] = [jobs.kind, taskTemplates.kind];

export interface PruneSources {
  readonly client: Client;
  readonly clock: Clock;
  readonly runs: ObjectStore<Run>;
  readonly revisions: ObjectStore<ControllerRevision>;
}

export class Pruner {
  readonly #sources: PruneSources;
  /** Revisions that Runs are being pinned to: by key, until when they stay whatever the copies say. */
  readonly #kept = new Map<string, number>();

  constructor(sources: PruneSources) {
    this.#sources = sources;
  }

  keep(key: string): void {
    const nowMs = this.#sources.clock.monotonicMs();
    for (const [other, untilMs] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(other);
    this.#kept.set(key, nowMs + KEPT_MS);
  }

  /** @returns when to look again, in milliseconds. */
  async prune(key: string, signal: AbortSignal): Promise<number | undefined> {
    const { client, clock, runs, revisions } = this.#sources;
    const revision = revisions.get(key);
    const owner = ownerOf(revision);
    if (revision === undefined || owner === undefined) return undefined;
    const newest = Math.max(...revisions.byIndex(BY_CONTROLLER, owner).map((other) => other.revision));
    if (revision.revision >= newest || runs.byIndex(BY_REVISION, key).length > 0) return undefined;
    const keptMs = (this.#kept.get(key) ?? 0) - clock.monotonicMs();
    if (keptMs > 0) return keptMs;
    const { uid, resourceVersion } = revision.metadata;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    try {
      await client.delete(controllerRevisions, parseKey(key), { preconditions, signal });
    } catch (error) {
      // Somebody made it the newest again, or took it away: its change brings us back.
      if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
    }
    return undefined;
  }

  /** Other revisions of the same owner, which may have had their last use. */
  siblings(key: string): readonly ControllerRevision[] {
    const { revisions } = this.#sources;
    const owner = ownerOf(revisions.get(key));
    if (owner === undefined) return [];
    const own = parseKey(key).name;
    return revisions.byIndex(BY_CONTROLLER, owner).filter((other) => keyOf(other).name !== own);
  }
}

/** The uid of the Job or TaskTemplate that it is of. */
export function ownerOf(revision: ControllerRevision | undefined): string | undefined {
  const owner = revision?.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner !== undefined && OWNERS.includes(owner.kind) ? owner.uid : undefined;
}
