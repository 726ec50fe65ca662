/**
 * Which worker's Tasks refer to which ConfigMaps and Secrets: what a worker may read of them. Kept from the cache of
 * Tasks, change by change, from the first question on, so that a question costs one look-up, however many Tasks there
 * are. A change of a Task that refers to nothing costs a search in its bytes.
 */
import { isApiError } from '../../../machinery/errors.ts';
import { readPath } from '../../../machinery/json.ts';
import type { ObjectKey } from '../../../machinery/meta.ts';
import { type InputKind, taskReferences } from '../../../schemas/taskreferences.ts';
import { keyOfStored } from '../cache/cachedobject.ts';
import type { Cursor, WatchCache, Watcher } from '../cache/watchcache.ts';
import type { StoredObject } from '../types.ts';

/** What one Task lets its workers read. */
interface Uses {
  readonly workers: readonly string[];
  readonly inputs: readonly string[];
}

/** How the JSON of a Task that refers to anything holds it: all fields that do begin with one of these. */
const TRACES: readonly Buffer[] = ['"configMap', '"secret', '"imagePullSecrets"'].map((text) =>
  Buffer.from(text),
);

export class InputUses implements Watcher {
  readonly #source: () => WatchCache | undefined;
  #cache: WatchCache | undefined;
  #cursor: Cursor | undefined;
  /** By the Task's key; only those that refer to something and concern a worker. */
  readonly #byTask = new Map<string, Uses>();
  /** By worker: how many of its Tasks refer to each. */
  readonly #counts = new Map<string, Map<string, number>>();

  /** @param source the cache of Tasks, undefined where they are not kept. */
  constructor(source: () => WatchCache | undefined) {
    this.#source = source;
  }

  /** Whether a Task that is bound to the worker, or was last told of by it, refers to the object. */
  has(worker: string, kind: InputKind, { namespace, name }: ObjectKey): boolean {
    this.#catchUp();
    return this.#counts.get(worker)?.has(inputKey(kind, namespace ?? '', name)) === true;
  }

  /** Changes are read as they come: the cache keeps only the last of them. */
  wake(): void {
    this.#catchUp();
  }

  #catchUp(): void {
    const cache = this.#source();
    if (cache !== this.#cache || this.#cursor === undefined) return this.#begin(cache);
    if (cache === undefined) return;
    try {
      for (let change = cache.read(this.#cursor); change !== undefined; change = cache.read(this.#cursor)) {
        this.#cursor.sequence++;
        const event = change.eventFor(() => true);
        if (event === undefined) continue;
        const { stored } = event;
        this.#set(keyOfStored(stored), event.type === 'DELETED' ? undefined : usesOf(stored));
      }
    } catch (error) {
      if (!isApiError(error, 'Expired')) throw error;
      this.#begin(cache);
    }
  }

  /** Reads all Tasks. */
  #begin(cache: WatchCache | undefined): void {
    this.#cache?.unsubscribe(this);
    this.#cache = cache;
    this.#byTask.clear();
    this.#counts.clear();
    this.#cursor = cache?.cursor(cache.lastChange);
    cache?.subscribe(this);
    for (const stored of cache?.list() ?? []) this.#set(keyOfStored(stored), usesOf(stored));
  }

  #set(key: string, uses: Uses | undefined): void {
    this.#count(this.#byTask.get(key), -1);
    if (uses === undefined) this.#byTask.delete(key);
    else this.#byTask.set(key, uses);
    this.#count(uses, 1);
  }

  #count(uses: Uses | undefined, by: 1 | -1): void {
    for (const worker of uses?.workers ?? []) {
      let counts = this.#counts.get(worker);
      if (counts === undefined) this.#counts.set(worker, (counts = new Map()));
      for (const input of uses?.inputs ?? []) {
        const left = (counts.get(input) ?? 0) + by;
        if (left === 0) counts.delete(input);
        else counts.set(input, left);
      }
      if (counts.size === 0) this.#counts.delete(worker);
    }
  }
}

/** Undefined where there is nothing that a worker could read for it. */
function usesOf(stored: StoredObject): Uses | undefined {
  const { buffer, byteOffset, byteLength } = stored.json;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  if (!TRACES.some((trace) => bytes.includes(trace))) return undefined;
  const { object } = stored;
  const { namespace = '' } = object.metadata;
  const inputs = taskReferences(object['spec']).map(({ kind, name }) => inputKey(kind, namespace, name));
  const workers = new Set(
    [readPath(object, ['spec', 'workerName']), readPath(object, ['status', 'workerName'])].filter(
      (worker): worker is string => typeof worker === 'string' && worker !== '',
    ),
  );
  return inputs.length === 0 || workers.size === 0 ? undefined : { workers: [...workers], inputs };
}

function inputKey(kind: InputKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
