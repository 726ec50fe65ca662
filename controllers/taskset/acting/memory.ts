/**
 * What this process remembers of each TaskSet between two looks. Nothing that is right or wrong depends on it: without
 * it refused creations would be tried too often, warnings told again and again, and a clock that jumped be believed.
 * All times are monotonic.
 */
import { findCondition } from '../../../machinery/conditions.ts';
import type { Task, TaskSet } from '../../../schemas/types.gen.ts';
import type { Refusal } from './answers.ts';

const REFUSED_MIN_MS = 1_000;
const REFUSED_MAX_MS = 60_000;
/** Warnings, and names that are somebody else's, remembered of one set. */
const REMEMBERED = 1_000;

interface Remembered {
  readonly uid: string | undefined;
  generation: number | undefined;
  /** The sources of its template were read themselves in this generation. */
  isRead: boolean;
  /** Creations that were refused, and are not tried again before their time. */
  held: { readonly refusal: Refusal; readonly delayMs: number; readonly untilMs: number } | undefined;
  /** Since when each uid was seen in the stored `leaving`. */
  noticed: ReadonlyMap<string, number>;
  /** uid -> version of those whose deletion was refused; only of those in the stored `leaving`. */
  readonly undeletable: Map<string, string | undefined>;
  /** Since when each Task's condition Ready was seen True, and when it says it became so. */
  ready: ReadonlyMap<string, { readonly time: string; readonly sinceMs: number }>;
  progress: { readonly time: string | undefined; readonly sinceMs: number };
  readonly told: Set<string>;
  readonly taken: Set<string>;
}

export class SetMemory {
  readonly #sets = new Map<string, Remembered>();

  forget(key: string): void {
    this.#sets.delete(key);
  }

  /** Whether its template's sources are to be read themselves. */
  isUnread(key: string, set: TaskSet, nowMs: number): boolean {
    return !this.#of(key, set, nowMs).isRead;
  }

  noteRead(key: string, set: TaskSet, nowMs: number): void {
    this.#of(key, set, nowMs).isRead = true;
  }

  /** How long the stored `lastProgressTime` was seen unchanged. */
  watchedMs(key: string, set: TaskSet, nowMs: number): number {
    const found = this.#of(key, set, nowMs);
    const time = set.status?.lastProgressTime;
    if (found.progress.time !== time) found.progress = { time, sinceMs: nowMs };
    return nowMs - found.progress.sinceMs;
  }

  /** How long each uid was seen in the stored `leaving`. */
  noticedMs(key: string, set: TaskSet, nowMs: number): ReadonlyMap<string, number> {
    const found = this.#of(key, set, nowMs);
    const uids = (set.status?.leaving ?? []).map(({ uid }) => uid);
    const known = new Set(uids);
    for (const uid of found.undeletable.keys()) if (!known.has(uid)) found.undeletable.delete(uid);
    found.noticed = new Map(uids.map((uid) => [uid, found.noticed.get(uid) ?? nowMs]));
    return new Map([...found.noticed].map(([uid, sinceMs]) => [uid, nowMs - sinceMs]));
  }

  /** How long each Task was seen Ready without a break. */
  readyMs(key: string, set: TaskSet, all: readonly Task[], nowMs: number): ReadonlyMap<string, number> {
    const found = this.#of(key, set, nowMs);
    const ready = new Map<string, { readonly time: string; readonly sinceMs: number }>();
    for (const { metadata, status } of all) {
      const condition = findCondition(status?.conditions, 'Ready');
      if (condition?.status !== 'True' || metadata.uid === undefined) continue;
      const seen = found.ready.get(metadata.uid);
      const time = condition.lastTransitionTime;
      ready.set(metadata.uid, seen?.time === time ? seen : { time, sinceMs: nowMs });
    }
    found.ready = ready;
    return new Map([...ready].map(([uid, { sinceMs }]) => [uid, nowMs - sinceMs]));
  }

  /** Tasks whose deletion was refused, with the version that they had. */
  undeletable(key: string): ReadonlyMap<string, string | undefined> {
    return this.#sets.get(key)?.undeletable ?? new Map();
  }

  noteUndeletable(key: string, uid: string, version: string | undefined): void {
    this.#sets.get(key)?.undeletable.set(uid, version);
  }

  /** What was refused so recently that it is not asked for again yet. */
  heldFor(key: string, set: TaskSet, nowMs: number): Refusal | undefined {
    const { held } = this.#of(key, set, nowMs);
    return held !== undefined && held.untilMs > nowMs ? held.refusal : undefined;
  }

  /** When to ask again, from now on. */
  heldMs(key: string, nowMs: number): number {
    return Math.max(0, (this.#sets.get(key)?.held?.untilMs ?? 0) - nowMs);
  }

  noteRefusal(key: string, set: TaskSet, refusal: Refusal | undefined, nowMs: number): void {
    const found = this.#of(key, set, nowMs);
    if (refusal === undefined) {
      found.held = undefined;
      return;
    }
    // With another name it may work at once.
    const lastMs = refusal.isOfName ? undefined : found.held?.delayMs;
    const delayMs = lastMs === undefined ? REFUSED_MIN_MS : Math.min(lastMs * 2, REFUSED_MAX_MS);
    found.held = { refusal, delayMs, untilMs: nowMs + delayMs };
  }

  /** Names that others have; those that they have no more are forgotten. */
  taken(key: string, set: TaskSet, isThere: (name: string) => boolean, nowMs: number): ReadonlySet<string> {
    const { taken } = this.#of(key, set, nowMs);
    for (const name of taken) {
      if (!isThere(name)) taken.delete(name);
    }
    return taken;
  }

  noteTaken(key: string, name: string): void {
    const taken = this.#sets.get(key)?.taken;
    if (taken !== undefined && taken.size < REMEMBERED) taken.add(name);
  }

  /** True the first time that a set is told this in its generation. */
  isNews(key: string, message: string): boolean {
    const told = this.#sets.get(key)?.told;
    if (told === undefined || told.has(message)) return told === undefined;
    if (told.size >= REMEMBERED) told.clear();
    told.add(message);
    return true;
  }

  #of(key: string, { metadata, status }: TaskSet, nowMs: number): Remembered {
    const { uid, generation } = metadata;
    const found = this.#sets.get(key);
    if (found !== undefined && found.uid === uid) {
      if (found.generation !== generation) {
        found.generation = generation;
        found.isRead = false;
        found.held = undefined;
        found.told.clear();
      }
      return found;
    }
    const fresh: Remembered = {
      uid,
      generation,
      isRead: false,
      held: undefined,
      noticed: new Map(),
      undeletable: new Map(),
      ready: new Map(),
      progress: { time: status?.lastProgressTime, sinceMs: nowMs },
      told: new Set(),
      taken: new Set(),
    };
    this.#sets.set(key, fresh);
    return fresh;
  }
}
