/**
 * What was made of each object, kept as long as the version it was made of: asking again costs only what has changed
 * meanwhile. Made a few at a time, so that thousands of objects at once hold nobody else up.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { StoredObject } from '../../registry/types.ts';

/** Parsing and describing an object takes some 50 us: a few ms in one go. */
const MADE_AT_ONCE = 50;

export class Kept<T> {
  readonly #make: (object: DynamicObject) => T;
  readonly #kept = new WeakMap<StoredObject, { readonly made: T }>();

  constructor(make: (object: DynamicObject) => T) {
    this.#make = make;
  }

  /** In the order of the objects. Stops early, with an error, when the signal aborts. */
  async of(objects: readonly StoredObject[], signal?: AbortSignal): Promise<readonly T[]> {
    let fresh = 0;
    const all: T[] = [];
    for (const stored of objects) {
      let entry = this.#kept.get(stored);
      if (entry === undefined) {
        if (++fresh % MADE_AT_ONCE === 0) await turnOfTheLoop();
        signal?.throwIfAborted();
        entry = { made: this.#make(stored.object) };
        this.#kept.set(stored, entry);
      }
      all.push(entry.made);
    }
    return all;
  }
}
