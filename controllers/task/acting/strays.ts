/**
 * Containers of this cluster and this worker whose Task is gone or with another worker.
 *
 * One is removed only after the API itself, not a copy, has said so. If one look would remove more than half of at
 * least four, something is probably wrong with what is asked rather than with the containers (an empty store, a wrong
 * cluster): they are held, that is said, and only those that a second look after a while confirms are removed.
 */
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { parseKey } from '../../../machinery/meta.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { responsibleWorker } from '../plan.ts';
import type { KnownContainer } from './observe.ts';

/** From this many containers on, losing more than half of them at once is held to be a mistake. */
const GUARDED_FROM = 4;

export interface StrayVerdict {
  readonly remove: readonly string[];
  readonly hold: readonly string[];
}

/**
 * Pure.
 * @param ours containers of this cluster and worker. @param strays ids whose Task is confirmed to be gone.
 * @param heldSinceMs stray id -> when it was first held. @param confirmMs how long a held one stays held.
 */
export function judgeStrays(
  ours: number,
  strays: readonly string[],
  heldSinceMs: ReadonlyMap<string, number>,
  nowMs: number,
  confirmMs: number,
): StrayVerdict {
  if (ours < GUARDED_FROM || strays.length * 2 <= ours) return { remove: strays, hold: [] };
  const isConfirmed = (id: string): boolean => nowMs - (heldSinceMs.get(id) ?? nowMs) >= confirmMs;
  return {
    remove: strays.filter(isConfirmed),
    hold: strays.filter((id) => !isConfirmed(id)),
  };
}

/** What to do with a stray: the Task as the API has it, undefined when it is gone. */
export interface Stray {
  readonly task: Task | undefined;
}

export interface StrayWatchOptions {
  readonly client: Client;
  readonly worker: string;
  readonly confirmMs: number;
}

export class StrayWatch {
  readonly #options: StrayWatchOptions;
  #confirmed = new Map<string, Stray>();
  #heldSinceMs = new Map<string, number>();

  constructor(options: StrayWatchOptions) {
    this.#options = options;
  }

  /** The confirmed stray with this container id, which may be removed. */
  find(containerId: string): Stray | undefined {
    return this.#confirmed.get(containerId);
  }

  /**
   * Judges everything on the engine anew. `seen` is the copy's Task of a key: what it knows to be well is not asked for.
   * @returns keys with containers to remove, and how many are held. Rejects with `ApiError`: then nothing is judged.
   */
  async look(
    known: readonly KnownContainer[],
    seen: (taskKey: string) => Task | undefined,
    monotonicMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly keys: ReadonlySet<string>; readonly held: number }> {
    const suspects = known.filter(({ uid, taskKey }) => this.#isStray(seen(taskKey), uid));
    const fresh = new Map<string, Task | undefined>();
    for (const { taskKey } of suspects) {
      if (!fresh.has(taskKey)) fresh.set(taskKey, await this.#read(taskKey, signal));
    }
    const strays = suspects.filter(({ uid, taskKey }) => this.#isStray(fresh.get(taskKey), uid));
    const verdict = judgeStrays(
      known.length,
      strays.map(({ id }) => id),
      this.#heldSinceMs,
      monotonicMs,
      this.#options.confirmMs,
    );
    this.#heldSinceMs = new Map(verdict.hold.map((id) => [id, this.#heldSinceMs.get(id) ?? monotonicMs]));
    const removable = new Set(verdict.remove);
    const confirmed = strays.filter(({ id }) => removable.has(id));
    this.#confirmed = new Map(
      confirmed.map(({ id, uid, taskKey }) => {
        const task = fresh.get(taskKey);
        return [id, { task: task?.metadata.uid === uid ? task : undefined }];
      }),
    );
    return { keys: new Set(confirmed.map(({ taskKey }) => taskKey)), held: verdict.hold.length };
  }

  #isStray(task: Task | undefined, uid: string): boolean {
    return task?.metadata.uid !== uid || responsibleWorker(task) !== this.#options.worker;
  }

  async #read(taskKey: string, signal: AbortSignal): Promise<Task | undefined> {
    try {
      return await this.#options.client.get(tasks, parseKey(taskKey), { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
