/**
 * Idempotency keys: the same request under the same key makes one Run, however often it is sent, by whom, and through
 * which server. The Run and the IdempotencyKey that remembers it are one commit, so that neither is there without the
 * other; a key is forgotten some minutes after its Run was made.
 *
 * The key belongs to its namespace. What is compared is all that was asked for, with the schema's defaults, but not what a
 * server adds: names that it generates, parameters that it completes. A Run that is gone by then is not made again under
 * its key: a request that was done must not be done twice.
 */
import type { Clock } from '../../machinery/clock.ts';
import { parseDurationMs } from '../../machinery/duration.ts';
import { isApiError } from '../../machinery/errors.ts';
import { deepFreeze, isRecord, jsonHash, readPath } from '../../machinery/json.ts';
import { ANNOTATION_TRACE, ANNOTATION_TTL } from '../../machinery/labels.ts';
import { apiVersionOf, type DynamicObject, type ObjectKey, type ObjectMeta } from '../../machinery/meta.ts';
import { idempotencyKeys, runs } from '../../schemas/kinds.ts';
import type { Store } from '../../store/store.ts';
import type { Admission } from './admission/admission.ts';
import { readBody } from './admission/bodies.ts';
import { conflict } from './admission/metadata.ts';
import type { Commits, Together } from './commits.ts';
import { relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { isRefusal, type KeyedResult } from './metrics.ts';
import type { RegistryWriteOptions, StoredObject, WriteResult } from './types.ts';

export interface IdempotencySettings {
  /** How long a key is remembered. */
  readonly ttlMs: number;
  /** How many keys a namespace may remember at once. */
  readonly maxKeys: number;
}

export const DEFAULT_IDEMPOTENCY: IdempotencySettings = { ttlMs: 5 * 60_000, maxKeys: 10_000 };

const MAX_KEY_LENGTH = 255;
const NAME_LENGTH = 40;
const MANAGER = 'gantry-api';

export interface IdempotencyParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly commits: Commits;
  /** The kind of IdempotencyKeys; undefined where they are not kept. */
  readonly entry: () => KindEntry | undefined;
  /** Resolves when the caches have reached the revision. */
  readonly reach: (revision: number) => Promise<void>;
  readonly settings: IdempotencySettings;
  /** Told what became of each request under a key. */
  readonly count: (result: KeyedResult) => void;
}

export class Idempotency {
  readonly #parts: IdempotencyParts;

  constructor(parts: IdempotencyParts) {
    this.#parts = parts;
  }

  /** A request to make a Run with a key; undefined for every other one, and for one that admission will refuse. */
  asked(entry: KindEntry, body: unknown, options: RegistryWriteOptions): KeyedRequest | undefined {
    const { kind } = entry;
    const key = readPath(body, ['spec', 'idempotencyKey']);
    if (kind.group !== runs.group || kind.plural !== runs.plural || typeof key !== 'string') return undefined;
    const keyEntry = this.#parts.entry();
    if (key === '' || key.length > MAX_KEY_LENGTH || keyEntry === undefined) return undefined;
    const { metadata, fields } = readBody(entry, body, { ...options, fieldValidation: 'Ignore' }, 'dropped');
    const namespace = options.namespace ?? metadata.namespace;
    if (namespace === undefined) return undefined;
    const hash = jsonHash({ metadata: wishOf(metadata), spec: fields['spec'] });
    return new KeyedRequest(this.#parts, entry, keyEntry, { namespace, key, hash });
  }

  /** Does the work and counts what became of the request, where it has a key. A dry run makes nothing, so it counts as none. */
  async counted<T>(
    keyed: KeyedRequest | undefined,
    { dryRun = false }: RegistryWriteOptions,
    work: () => Promise<T | WriteResult>,
  ): Promise<T | WriteResult> {
    const { count } = this.#parts;
    if (keyed === undefined || dryRun) return work();
    try {
      const answer = await work();
      if (isRecord(answer) && 'isCreated' in answer) count(answer['isCreated'] === true ? 'miss' : 'hit');
      return answer;
    } catch (error) {
      if (isApiError(error, 'Conflict')) count('conflict');
      else if (isRefusal(error) || isApiError(error, 'AlreadyExists', 'NotFound')) count('refused');
      throw error;
    }
  }
}

interface Asked {
  readonly namespace: string;
  readonly key: string;
  /** Of all that is asked for. */
  readonly hash: string;
}

export class KeyedRequest {
  readonly #parts: IdempotencyParts;
  readonly #runEntry: KindEntry;
  readonly #keyEntry: KindEntry;
  readonly #asked: Asked;
  readonly #keyKey: ObjectKey;

  constructor(parts: IdempotencyParts, runEntry: KindEntry, keyEntry: KindEntry, asked: Asked) {
    this.#parts = parts;
    this.#runEntry = runEntry;
    this.#keyEntry = keyEntry;
    this.#asked = asked;
    this.#keyKey = { namespace: asked.namespace, name: `run-${jsonHash(asked.key).slice(0, NAME_LENGTH)}` };
  }

  /**
   * The answer, where the key is remembered: the Run it made, as it is now. Throws `Conflict` when something else was
   * asked for, or when that Run is gone.
   */
  async answer(): Promise<WriteResult | undefined> {
    const known = this.#known();
    if (known === undefined || this.#isForgotten(known.object)) return undefined;
    const { namespace, key, hash } = this.#asked;
    const spec = known.object['spec'];
    const name = String(readPath(spec, ['run', 'name']));
    const used = `idempotency key ${JSON.stringify(key)} was used ${this.#age(known.object)} ago for run "${name}"`;
    if (readPath(spec, ['requestHash']) !== hash || readPath(spec, ['key']) !== key) {
      throw this.#conflict(
        name,
        `${used}, which asked for something else; send that request, or another key`,
      );
    }
    const run = await this.#run({ namespace, name });
    if (run === undefined || run.object.metadata.uid !== readPath(spec, ['run', 'uid'])) {
      throw this.#conflict(
        name,
        `${used}, which is gone; what was done is not done twice: send another key if it is to be`,
      );
    }
    return { stored: run, isCreated: false, warnings: [] };
  }

  /** Equal for requests under the same key. */
  get turn(): string {
    return this.#keyEntry.prefix + relativeKey(this.#keyKey);
  }

  /** What remembers the Run. */
  record(run: DynamicObject): Together {
    const { namespace, key, hash } = this.#asked;
    const { name, uid } = run.metadata;
    const body = {
      apiVersion: apiVersionOf(idempotencyKeys),
      kind: idempotencyKeys.kind,
      metadata: {
        ...this.#keyKey,
        annotations: { [ANNOTATION_TTL]: ttlText(this.#parts.settings.ttlMs) },
      },
      spec: { key, requestHash: hash, run: { name, uid } },
    };
    const options = { namespace, fieldManager: MANAGER };
    const { object: after } = this.#parts.admission.create(this.#keyEntry, body, options);
    return { entry: this.#keyEntry, before: this.#known(), after };
  }

  /** Resolves when the caches have what the store has under the key: somebody else was faster. */
  async lookAgain(): Promise<void> {
    const { store, reach } = this.#parts;
    const stored = await store.get(this.#keyEntry.prefix + relativeKey(this.#keyKey));
    await reach(stored?.modRevision ?? store.revision());
  }

  #known(): StoredObject | undefined {
    return this.#parts.commits.read(this.#keyEntry, this.#keyKey);
  }

  /** The caches may have heard of the key and not yet of the Run that was written with it. */
  async #run(key: ObjectKey): Promise<StoredObject | undefined> {
    const { commits, store, reach } = this.#parts;
    const cached = commits.read(this.#runEntry, key);
    if (cached !== undefined) return cached;
    const stored = await store.get(this.#runEntry.prefix + relativeKey(key));
    if (stored === undefined) return undefined;
    await reach(stored.modRevision);
    return commits.read(this.#runEntry, key);
  }

  /** It may not have been removed yet. */
  #isForgotten(key: DynamicObject): boolean {
    const ttlMs = parseDurationMs(key.metadata.annotations?.[ANNOTATION_TTL] ?? '');
    return ttlMs !== undefined && this.#ageMs(key) >= ttlMs;
  }

  #ageMs({ metadata }: DynamicObject): number {
    return Math.max(0, this.#parts.clock.now() - Date.parse(metadata.creationTimestamp ?? ''));
  }

  #age(key: DynamicObject): string {
    return `${Math.floor(this.#ageMs(key) / 1000)} s`;
  }

  #conflict(name: string, why: string): Error {
    return conflict(this.#runEntry.kind, name, why);
  }
}

/** The Run as it was asked for: what its steps have said since is for those who may read it. */
export function withoutStatus({ object, resourceVersion }: StoredObject): StoredObject {
  const { status: _status, ...wish } = object;
  return { object: deepFreeze(wish), json: Buffer.from(JSON.stringify(wish)), resourceVersion };
}

function ttlText(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000}m` : `${Math.ceil(ms / 1000)}s`;
}

/** What a request says of its object, without what is the server's. */
function wishOf(sent: Partial<ObjectMeta>): unknown {
  const { name, generateName, labels, annotations = {}, ownerReferences, finalizers } = sent;
  const { [ANNOTATION_TRACE]: _trace, ...others } = annotations;
  const named = name === undefined || name === '' ? { generateName } : { name };
  return defined({ ...named, labels, annotations: others, ownerReferences, finalizers });
}

/** Absent and empty are the same. */
function defined(fields: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) =>
      isRecord(value) ? Object.keys(value).length > 0 : value !== undefined,
    ),
  );
}
