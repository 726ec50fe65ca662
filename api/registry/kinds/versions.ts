/**
 * Between stored bytes, the version objects are kept in, and the versions they are served at. Conversion is Kubernetes'
 * strategy None: apiVersion changes, and what the other version's schema does not know is left out. The version that
 * is kept, which for most kinds is the only one, passes through untouched.
 *
 * Objects that were written before their schema changed are read as the schema is now: pruned, and with its defaults.
 * Source: Kubernetes documentation, "Versions in CustomResourceDefinitions" and "Defaulting".
 */
import { isDynamicObject } from '../../../machinery/json.ts';
import { apiVersionOf, type DynamicObject } from '../../../machinery/meta.ts';
import type { KeyValue } from '../../../store/store.ts';
import { conformObject, isConforming, pruneObject } from '../admission/structural.ts';
import { CachedObject, keyOfStored } from '../cache/cachedobject.ts';
import { watchEvent } from '../cache/change.ts';
import type { KindEntry } from '../kindtable.ts';
import { encodePayload, spliceVersion } from '../payload.ts';
import type { StoredEvent, StoredObject } from '../types.ts';

/**
 * A stored value as the version it is kept in. Throws when it is not an object of the kind at all.
 * @param isNews whether somebody is likely to look at the object soon: then what was parsed is not thrown away.
 */
export function decodeKept(kept: KindEntry, item: KeyValue, isNews = false): CachedObject {
  const parsed: unknown = JSON.parse(
    Buffer.from(item.value.buffer, item.value.byteOffset, item.value.byteLength).toString(),
  );
  if (!isDynamicObject(parsed)) throw new Error(`the store's value of ${item.key} is not an object`);
  const isCurrent = parsed.apiVersion === apiVersionOf(kept.kind) && isConforming(kept.schema, parsed);
  const object = isCurrent ? parsed : renamed(kept, conformObject(kept.schema, parsed).value);
  const payload = isCurrent ? item.value : encodePayload(object);
  const key = item.key.slice(kept.prefix.length);
  const cached = newCached(kept, key, object, spliceVersion(payload, item.modRevision), item.modRevision);
  if (isNews) {
    const metadata = { resourceVersion: String(item.modRevision), ...object.metadata };
    cached.remember({ ...object, metadata });
  }
  return cached;
}

function newCached(
  entry: KindEntry,
  key: string,
  object: DynamicObject,
  json: Uint8Array,
  resourceVersion: number,
): CachedObject {
  const { labels } = object.metadata;
  const fields = entry.declaredFields.map((field) => entry.readField(object, field));
  return new CachedObject(key, json, resourceVersion, labels, fields);
}

function renamed({ kind }: KindEntry, value: unknown): DynamicObject {
  if (!isDynamicObject(value)) throw new Error(`a ${kind.kind} became no object`);
  return { ...value, apiVersion: apiVersionOf(kind) };
}

/** The object at another version of its kind. Its defaults are those of the version it was written or kept in. */
function converted(entry: KindEntry, object: DynamicObject): DynamicObject {
  return renamed(entry, pruneObject(entry.schema, object).value);
}

/** One face for each object and version, made when first asked for and shared by all readers. */
const faces = new WeakMap<KindEntry, WeakMap<StoredObject, StoredObject>>();
const lists = new WeakMap<KindEntry, WeakMap<readonly StoredObject[], readonly StoredObject[]>>();

/** An object as it is kept, at the version of the entry. */
export function asServed(entry: KindEntry, kept: StoredObject): StoredObject {
  if (entry.storage === undefined) return kept;
  let known = faces.get(entry);
  if (known === undefined) faces.set(entry, (known = new WeakMap()));
  let face = known.get(kept);
  if (face === undefined) {
    const object = converted(entry, kept.object);
    const json = spliceVersion(encodePayload(object), kept.resourceVersion);
    face = newCached(entry, keyOfStored(kept), object, json, kept.resourceVersion);
    known.set(kept, face);
  }
  return face;
}

/** The same for a list; the same list gives the same one again. */
export function listAsServed(entry: KindEntry, kept: readonly StoredObject[]): readonly StoredObject[] {
  if (entry.storage === undefined) return kept;
  let known = lists.get(entry);
  if (known === undefined) lists.set(entry, (known = new WeakMap()));
  let served = known.get(kept);
  if (served === undefined) {
    served = kept.map((stored) => asServed(entry, stored));
    known.set(kept, served);
  }
  return served;
}

const events = new WeakMap<KindEntry, WeakMap<StoredEvent, StoredEvent>>();

/** The same for a change; all watchers of the version share its frame. */
export function eventAsServed(entry: KindEntry, kept: StoredEvent): StoredEvent {
  if (entry.storage === undefined) return kept;
  let known = events.get(entry);
  if (known === undefined) events.set(entry, (known = new WeakMap()));
  let served = known.get(kept);
  if (served === undefined) {
    const previous = kept.previous === undefined ? undefined : asServed(entry, kept.previous);
    served = watchEvent(kept.type, asServed(entry, kept.stored), previous);
    known.set(kept, served);
  }
  return served;
}

/** An object of the entry's version as it will be kept. */
export function asKept(entry: KindEntry, object: DynamicObject): DynamicObject {
  if (entry.storage === undefined) return object;
  return converted(entry.storage, object);
}

/** A stored value at the version of the entry. */
export function decodeServed(entry: KindEntry, item: KeyValue): StoredObject {
  return asServed(entry, decodeKept(entry.storage ?? entry, item));
}
