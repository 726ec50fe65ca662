/**
 * Owners, looked up by their references: at first glance in the copies of all kinds, and for good with the server.
 * That a uid is absent under its name stays true for ever, so it is asked for once (a bounded number is remembered).
 */
import type { Client } from '../../machinery/client.ts';
import { isApiError } from '../../machinery/errors.ts';
import { FINALIZER_FOREGROUND } from '../../machinery/labels.ts';
import { type KubeObject, keyString, type ObjectKey, type OwnerReference } from '../../machinery/meta.ts';
import { itemText } from '../kinds/item.ts';
import type { FollowedKind, Kinds } from '../kinds/kinds.ts';
import type { Owner, OwnerState } from './plan.ts';

/** Owners known to be absent; the longest known are forgotten first. */
const ABSENT_LIMIT = 4096;

export class Lookup {
  readonly #client: Client;
  readonly #kinds: Kinds;
  /** Kind, name and uid -> whether the uid was found in another namespace. */
  readonly #absent = new Map<string, boolean>();

  constructor(client: Client, kinds: Kinds) {
    this.#client = client;
    this.#kinds = kinds;
  }

  /** From the copies: what is not in them is called absent, and must be verified. */
  guess(object: KubeObject): readonly Owner[] {
    return references(object).map((reference) => {
      const place = this.#placeOf(object, reference);
      if (typeof place === 'string') return { reference, state: place };
      const copy = place.kind.store.get(keyString(place.key));
      return { reference, state: copy?.metadata.uid === reference.uid ? stateOf(copy) : 'absent' };
    });
  }

  /** Read from the server, one by one. Rejects with `ApiError` when that cannot be done. */
  async verify(object: KubeObject, signal: AbortSignal): Promise<readonly Owner[]> {
    const owners: Owner[] = [];
    for (const reference of references(object)) {
      owners.push({ reference, state: await this.#verify(object, reference, signal) });
    }
    return owners;
  }

  /** The object as it is now; undefined when it is gone. Rejects when its kind is not served. */
  async read(kind: FollowedKind, key: ObjectKey, signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(kind.resource, key, { signal });
    } catch (error) {
      // Also a kind that is not served is "not found", but no object of it is named then.
      if (isApiError(error, 'NotFound') && error.details?.name === key.name) return undefined;
      throw error;
    }
  }

  /** The owner a reference means, if its copy is there. */
  copyOf(
    object: KubeObject | undefined,
    reference: OwnerReference,
  ): { readonly item: string; readonly object: KubeObject } | undefined {
    const place = object === undefined ? 'absent' : this.#placeOf(object, reference);
    if (typeof place === 'string') return undefined;
    const key = keyString(place.key);
    const copy = place.kind.store.get(key);
    return copy?.metadata.uid === reference.uid
      ? { item: itemText(place.kind.name, key), object: copy }
      : undefined;
  }

  /** Whether an absent owner's uid is there under the same name in another namespace. */
  isElsewhere(object: KubeObject, reference: OwnerReference): boolean {
    return this.#absent.get(absentKey(object, reference)) === true;
  }

  async #verify(object: KubeObject, reference: OwnerReference, signal: AbortSignal): Promise<OwnerState> {
    const place = this.#placeOf(object, reference);
    if (typeof place === 'string') return place;
    const remembered = absentKey(object, reference);
    if (this.#absent.has(remembered)) return 'absent';
    const owner = await this.read(place.kind, place.key, signal);
    if (owner?.metadata.uid === reference.uid) return stateOf(owner);
    this.#absent.set(remembered, this.#isUnderNameElsewhere(place, reference));
    if (this.#absent.size > ABSENT_LIMIT) {
      const [oldest] = this.#absent.keys();
      if (oldest !== undefined) this.#absent.delete(oldest);
    }
    return 'absent';
  }

  /** The name is looked for in each namespace there is: cheap, and enough to tell people what they did. */
  #isUnderNameElsewhere({ kind, key }: Place, { uid }: OwnerReference): boolean {
    if (!kind.resource.namespaced) return false;
    const namespaces = this.#kinds.named('namespaces')?.store.list() ?? [];
    return namespaces.some(({ metadata }) => {
      const copy = kind.store.get(keyString({ namespace: metadata.name, name: key.name }));
      return copy?.metadata.uid === uid;
    });
  }

  #placeOf({ metadata }: KubeObject, reference: OwnerReference): Place | 'unreadable' | 'misplaced' {
    const kind = this.#kinds.referred(reference.apiVersion, reference.kind);
    if (kind === undefined) return 'unreadable';
    const { name } = reference;
    if (!kind.resource.namespaced) return { kind, key: { name } };
    const { namespace } = metadata;
    return namespace === undefined ? 'misplaced' : { kind, key: { namespace, name } };
  }
}

interface Place {
  readonly kind: FollowedKind;
  readonly key: ObjectKey;
}

function references({ metadata }: KubeObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? [];
}

function absentKey({ metadata }: KubeObject, { apiVersion, kind, name, uid }: OwnerReference): string {
  return [apiVersion, kind, metadata.namespace ?? '', name, uid].join(' ');
}

function stateOf({ metadata }: KubeObject): OwnerState {
  const isWaiting =
    metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FINALIZER_FOREGROUND) === true;
  return isWaiting ? 'foreground' : 'present';
}
