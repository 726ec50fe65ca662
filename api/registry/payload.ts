/**
 * Between objects and stored bytes. The stored payload is the object's JSON without resourceVersion, with apiVersion,
 * kind and metadata first, so that the revision can be spliced in when it is served: an object is parsed once and
 * stringified once in its life.
 */
import { ApiError } from '../../machinery/errors.ts';
import { deepFreeze } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { MAX_VALUE_BYTES } from '../../store/store.ts';
import { CachedObject } from './cache/cachedobject.ts';
import type { StoredObject } from './types.ts';

const METADATA_OPEN = '"metadata":{';
const VERSION_OPEN = '"resourceVersion":"';

/** Throws `RequestEntityTooLarge` for an object that no engine would take. */
export function encodePayload(object: DynamicObject): Buffer {
  const { apiVersion, kind, metadata, ...rest } = object;
  const { resourceVersion: _served, ...stored } = metadata;
  const payload = Buffer.from(JSON.stringify({ apiVersion, kind, metadata: stored, ...rest }));
  if (payload.length > MAX_VALUE_BYTES) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `${kind} "${metadata.name}" is ${payload.length} bytes as JSON, at most ${MAX_VALUE_BYTES} are stored`,
      { name: metadata.name, kind },
    );
  }
  return payload;
}

/** The bytes as they are served: the payload with its revision in it. */
export function spliceVersion(payload: Uint8Array, revision: number): Buffer {
  const bytes = bufferOf(payload);
  // The first one is the object's own: apiVersion and kind come before it, and a quote inside them is escaped.
  const at = bytes.indexOf(METADATA_OPEN) + METADATA_OPEN.length;
  const version = `${VERSION_OPEN}${revision}",`;
  // Bytes of their own: a slice of a shared pool would keep the whole of it for as long as the object lives.
  const spliced = Buffer.allocUnsafeSlow(bytes.length + version.length);
  bytes.copy(spliced, 0, 0, at);
  spliced.write(version, at, 'latin1');
  bytes.copy(spliced, at + version.length, at);
  return spliced;
}

/** An object that was just made, at the revision its payload was committed at. */
export function storedFrom(object: DynamicObject, payload: Uint8Array, revision: number): StoredObject {
  const { resourceVersion: _old, ...metadata } = object.metadata;
  const served: DynamicObject = {
    ...object,
    metadata: { resourceVersion: String(revision), ...metadata },
  };
  return { object: deepFreeze(served), json: spliceVersion(payload, revision), resourceVersion: revision };
}

/** The same object as seen at another revision: what a watcher is told of a deletion. */
export function withRevision(stored: StoredObject, revision: number): StoredObject {
  if (stored.resourceVersion === revision) return stored;
  const json = bufferOf(stored.json);
  const from = json.indexOf(METADATA_OPEN) + METADATA_OPEN.length + VERSION_OPEN.length;
  const to = json.indexOf('"', from);
  const told = Buffer.concat([json.subarray(0, from), Buffer.from(String(revision)), json.subarray(to)]);
  if (stored instanceof CachedObject) return stored.at(revision, told);
  return {
    object: deepFreeze({
      ...stored.object,
      metadata: { ...stored.object.metadata, resourceVersion: String(revision) },
    }),
    json: told,
    resourceVersion: revision,
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
