/**
 * Who refers to whom: of every owner's uid the items whose references name it. Kept from the copies of all kinds; an
 * owner needs not exist to be in it, and an object without references costs nothing.
 */
import type { KubeObject } from '../../machinery/meta.ts';

const NONE: ReadonlySet<string> = new Set();

export class OwnerGraph {
  readonly #dependents = new Map<string, Set<string>>();

  /** @param item `itemText` of the object that changed from `old` to `object`. */
  see(item: string, object: KubeObject | undefined, old: KubeObject | undefined): void {
    const now = ownerUids(object);
    const before = ownerUids(old);
    for (const uid of before) {
      if (now.includes(uid)) continue;
      const items = this.#dependents.get(uid);
      items?.delete(item);
      if (items?.size === 0) this.#dependents.delete(uid);
    }
    for (const uid of now) {
      const items = this.#dependents.get(uid);
      if (items === undefined) this.#dependents.set(uid, new Set([item]));
      else items.add(item);
    }
  }

  /** Live: it changes with the graph. */
  dependentsOf(uid: string | undefined): ReadonlySet<string> {
    return (uid === undefined ? undefined : this.#dependents.get(uid)) ?? NONE;
  }

  /** Everything that refers to anything. */
  items(): ReadonlySet<string> {
    const all = new Set<string>();
    for (const items of this.#dependents.values()) for (const item of items) all.add(item);
    return all;
  }
}

function ownerUids(object: KubeObject | undefined): readonly string[] {
  return object?.metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
}
