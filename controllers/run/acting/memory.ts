/**
 * What this process wrote and its copies do not show yet: so that it neither plans from what it knows to be old, nor reads
 * what it has just been told. Nothing depends on it being kept: it is bounded, forgotten after a moment, and a new process
 * begins without it.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { type KubeObject, keyOf, keyString } from '../../../machinery/meta.ts';

/** Copies lag by less; what is older is looked at anew. */
const KEPT_MS = 2_000;
const LIMIT = 4_096;

export class Written<T extends KubeObject> {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #objects = new Map<string, { readonly object: T; readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(object: T): void {
    const key = keyString(keyOf(object));
    this.#objects.delete(key);
    this.#objects.set(key, { object, atMs: this.#clock.monotonicMs() });
    for (const [oldest, { atMs }] of this.#objects) {
      if (this.#objects.size <= LIMIT && this.#clock.monotonicMs() - atMs < KEPT_MS) break;
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
    const found = this.#objects.get(key)?.object.metadata;
    if (found === undefined) return;
    const isSame = object?.metadata.resourceVersion === found.resourceVersion;
    if (object === undefined || isSame) this.#objects.delete(key);
  }
}
