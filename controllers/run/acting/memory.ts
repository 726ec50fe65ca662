/**
 * What this process wrote and its copies do not show yet: so that it neither plans from what it knows to be old, nor reads
 * what it has just been told. Nothing depends on it being kept: it is bounded, forgotten after a moment, and a new process
 * begins without it.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { type KubeObject, keyOf, keyString } from '../../../machinery/meta.ts';

/** Copies lag by less; what is older is looked at anew. */
export const KEPT_MS = 2_000;
const LIMIT = 4_096;

export class Written<T extends KubeObject> {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #objects = new Map<string, { readonly object: T; readonly atMs: number }>();
  /** Versions that the copy has shown lately, oldest first: it may show one before its writer has the answer. */
  readonly #shown = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(object: T): void {
    const key = keyString(keyOf(object));
    this.#objects.delete(key);
    if (this.#shown.has(versionOf(object))) return;
    const nowMs = this.#clock.monotonicMs();
    this.#objects.set(key, { object, atMs: nowMs });
    for (const [oldest, { atMs }] of this.#objects) {
      if (this.#objects.size <= LIMIT && nowMs - atMs < KEPT_MS) break;
      this.#objects.delete(oldest);
    }
  }

  /** Undefined: whatever the copy shows is what is known. */
  get(key: string): T | undefined {
    const found = this.#objects.get(key);
    return found !== undefined && this.#clock.monotonicMs() - found.atMs < KEPT_MS ? found.object : undefined;
  }

  forget(key: string): void {
    this.#objects.delete(key);
  }

  /** The copy shows this now, or that it is gone. */
  seen(key: string, object: T | undefined): void {
    if (object === undefined) {
      this.#objects.delete(key);
      return;
    }
    const version = versionOf(object);
    this.#shown.add(version);
    if (this.#shown.size > LIMIT) {
      for (const oldest of this.#shown) {
        this.#shown.delete(oldest);
        break;
      }
    }
    const found = this.#objects.get(key);
    if (found !== undefined && versionOf(found.object) === version) this.#objects.delete(key);
  }
}

function versionOf({ metadata: { uid = '', resourceVersion = '' } }: KubeObject): string {
  return `${uid} ${resourceVersion}`;
}
