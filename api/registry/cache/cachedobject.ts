/**
 * One object as the cache keeps it: the bytes it is served as, and beside them only what selectors and lists ask of
 * every object. The object itself is parsed when somebody asks for it and kept as long as anybody holds it, so that a
 * hundred thousand objects cost little more than their bytes.
 */
import { deepFreeze, isDynamicObject } from '../../../machinery/json.ts';
import { type DynamicObject, keyOf } from '../../../machinery/meta.ts';
import { relativeKey } from '../keys.ts';
import type { StoredObject } from '../types.ts';

export class CachedObject implements StoredObject {
  /** `[<namespace>/]<name>`. */
  readonly key: string;
  readonly json: Uint8Array;
  readonly resourceVersion: number;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Values of the kind's declared fields, in their order. */
  readonly #fields: readonly (string | undefined)[];
  #parsed: WeakRef<DynamicObject> | undefined;

  constructor(
    key: string,
    json: Uint8Array,
    resourceVersion: number,
    labels: Readonly<Record<string, string>> | undefined,
    fields: readonly (string | undefined)[],
  ) {
    this.key = key;
    this.json = json;
    this.resourceVersion = resourceVersion;
    this.labels = labels;
    this.#fields = fields;
  }

  /** Frozen; the same one as long as anybody holds it. */
  get object(): DynamicObject {
    const known = this.#parsed?.deref();
    if (known !== undefined) return deepFreeze(known);
    const { buffer, byteOffset, byteLength } = this.json;
    const parsed: unknown = JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString());
    if (!isDynamicObject(parsed)) throw new Error(`the bytes kept of ${this.key} are not an object`);
    this.remember(parsed);
    return deepFreeze(parsed);
  }

  /** Takes what the bytes say, where somebody has parsed them anyway. */
  remember(object: DynamicObject): void {
    this.#parsed = new WeakRef(object);
  }

  /** The same as it is told at another revision, such as that of its deletion. */
  at(resourceVersion: number, json: Uint8Array): CachedObject {
    return new CachedObject(this.key, json, resourceVersion, this.labels, this.#fields);
  }

  /** The value of the kind's declared field with this index. */
  field(index: number): string | undefined {
    return this.#fields[index];
  }
}

/** The labels of an object, without parsing it where that can be avoided. */
export function labelsOf(stored: StoredObject): Readonly<Record<string, string>> | undefined {
  return stored instanceof CachedObject ? stored.labels : stored.object.metadata.labels;
}

/** `[<namespace>/]<name>` of an object. */
export function keyOfStored(stored: StoredObject): string {
  return stored instanceof CachedObject ? stored.key : relativeKey(keyOf(stored.object));
}
