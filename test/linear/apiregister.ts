/**
 * ConfigMaps as registers, over HTTP: get, create, PUT with a resourceVersion, merge patch without one, delete with and
 * without a precondition; and watches of them. What each failure says about a write is decided here.
 */
import { ConnectionError } from '../../client/failures.ts';
import type { HttpClient } from '../../client/http.ts';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { configMaps } from '../../schemas/kinds.ts';
import type { ConfigMap } from '../../schemas/types.gen.ts';
import type {
  Intent,
  NotMade,
  ReadAnswer,
  Register,
  Seen,
  WatchedEvent,
  WatchLog,
  WriteOutcome,
} from './history.ts';

const NAMESPACE = 'default';
/** Every so many reads one is a list. */
const LIST_EVERY = 4;

export class ApiRegister implements Register {
  readonly #client: HttpClient;
  #reads = 0;

  constructor(client: HttpClient) {
    this.#client = client;
  }

  async read(key: string): Promise<ReadAnswer> {
    try {
      this.#reads++;
      if (this.#reads % LIST_EVERY > 0) {
        const found = await this.#client.get(configMaps, { namespace: NAMESPACE, name: key });
        return { kind: 'found', seen: seenOf(found) };
      }
      const list = await this.#client.list(configMaps, {
        namespace: NAMESPACE,
        fieldSelector: `metadata.name=${key}`,
      });
      const [item] = list.items;
      return { kind: 'found', seen: item === undefined ? undefined : seenOf(item) };
    } catch (error) {
      if (isAbsence(error)) return { kind: 'found', seen: undefined };
      if (isApiError(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests'))
        return { kind: 'failed', why: messageOf(error) };
      throw error;
    }
  }

  async write(key: string, intent: Intent): Promise<WriteOutcome | NotMade> {
    try {
      return await this.#send(key, intent);
    } catch (error) {
      return failureOf(error, intent);
    }
  }

  async #send(key: string, { value, wants }: Intent): Promise<WriteOutcome> {
    const at = { namespace: NAMESPACE, name: key };
    if (value === undefined) {
      const preconditions =
        wants.kind === 'revision' ? { resourceVersion: String(wants.revision) } : undefined;
      const removed = await this.#client.delete(
        configMaps,
        at,
        preconditions === undefined ? {} : { preconditions },
      );
      // A deletion may answer with what it removed, under the version that had; over HTTP it is a Status.
      const { resourceVersion } = removed.metadata;
      return { kind: 'done', ...(resourceVersion === undefined ? {} : { was: Number(resourceVersion) }) };
    }
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: at, data: { value } };
    switch (wants.kind) {
      case 'absent':
        return doneBy(await this.#client.create(configMaps, object));
      case 'revision': {
        const metadata = { ...at, resourceVersion: String(wants.revision) };
        return doneBy(await this.#client.update(configMaps, { ...object, metadata }));
      }
      case 'present':
        return doneBy(await this.#client.patch(configMaps, at, { type: 'merge', body: { data: { value } } }));
      case 'none':
        throw new RangeError('no request of the API writes an object whether it is there or not');
    }
  }
}

/**
 * - 404 and 409 were decided on what is there: evidence. But an unconditional write that gives up because others write
 *   all the time says nothing of it.
 * - 429 is said before anything is done, and a refused connection carried nothing: not made.
 * - 503, 504 and lost connections leave it open: the store may have had it.
 * - Anything else no fault explains.
 */
function failureOf(error: unknown, { wants }: Intent): WriteOutcome | NotMade {
  const why = messageOf(error);
  if (isAbsence(error) && wants.kind !== 'absent') return { kind: 'conflict', evidence: { kind: 'absent' } };
  if (isApiError(error, 'AlreadyExists') && wants.kind === 'absent')
    return { kind: 'conflict', evidence: { kind: 'present' } };
  if (isApiError(error, 'Conflict')) {
    if (wants.kind === 'revision') return { kind: 'conflict', evidence: { kind: 'present' } };
    if (wants.kind === 'present') return { kind: 'not made', why };
  }
  if (isApiError(error, 'TooManyRequests') || isRefusedConnection(error)) return { kind: 'not made', why };
  if (isApiError(error, 'ServiceUnavailable', 'Timeout')) return { kind: 'unknown', why };
  throw error;
}

/** Of the ConfigMap, not of its namespace or of the kind. */
function isAbsence(error: unknown): boolean {
  return (
    isApiError(error, 'NotFound') && error.details?.kind === 'configmaps' && error.details.name !== undefined
  );
}

function isRefusedConnection(error: unknown): boolean {
  if (!(error instanceof ConnectionError)) return false;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}

function doneBy(object: ConfigMap): WriteOutcome {
  return { kind: 'done', revision: revisionOf(object) };
}

function revisionOf({ metadata }: ConfigMap): number {
  return Number(metadata.resourceVersion);
}

function seenOf(object: ConfigMap): Seen {
  return { value: object.data?.['value'] ?? '', revision: revisionOf(object) };
}

export interface ApiWatchOptions {
  readonly name: string;
  readonly keys: readonly string[];
  readonly clock: Clock;
  /** The client of the next attempt: a watch may go on at another server. */
  readonly client: () => HttpClient;
}

/** How soon a cut watch tries again, milliseconds. */
const AGAIN_MS = 100;

/** A watch of the registers from now on that goes on, wherever it was cut, from the last version it was told. */
export class ApiWatch {
  readonly #options: ApiWatchOptions;
  readonly #afterRevision: number;
  readonly #events: WatchedEvent[] = [];
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  #reached: number;
  #news = Promise.withResolvers<void>();
  #failure: unknown;

  static async open(options: ApiWatchOptions): Promise<ApiWatch> {
    const list = await options.client().list(configMaps, { namespace: NAMESPACE });
    return new ApiWatch(options, Number(list.metadata.resourceVersion));
  }

  private constructor(options: ApiWatchOptions, afterRevision: number) {
    this.#options = options;
    this.#afterRevision = afterRevision;
    this.#reached = afterRevision;
    this.#ended = this.#follow().catch((error: unknown) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    const { client, clock, keys } = this.#options;
    while (!signal.aborted) {
      try {
        const frames = client().watch(configMaps, {
          namespace: NAMESPACE,
          resourceVersion: String(this.#reached),
          allowWatchBookmarks: true,
          signal,
        });
        for await (const frame of frames) {
          if (frame.type === 'BOOKMARK') {
            this.#reached = Math.max(this.#reached, Number(frame.resourceVersion));
          } else {
            const revision = revisionOf(frame.object);
            const key = frame.object.metadata.name;
            const value = frame.type === 'DELETED' ? undefined : seenOf(frame.object).value;
            const previous = frame.type === 'ADDED' ? { previous: null } : {};
            if (keys.includes(key)) this.#events.push({ key, revision, value, ...previous });
            this.#reached = Math.max(this.#reached, revision);
          }
          this.#wake();
        }
      } catch (error) {
        // Interrupted watches are told to begin again: from where they were, since nothing is forgotten here.
        if (!isApiError(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests', 'Expired')) throw error;
      }
      await sleep(clock, AGAIN_MS, signal);
    }
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  /** Waits until everything up to a revision has been told, then stops. */
  async finish(revision: number, signal: AbortSignal): Promise<WatchLog> {
    const { name } = this.#options;
    const late = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => late.resolve(), { once: true });
    while (this.#reached < revision && this.#failure === undefined) {
      if (signal.aborted)
        throw new Error(`watch ${name} stands at ${this.#reached}, does not reach ${revision}`);
      await Promise.race([this.#news.promise, late.promise]);
    }
    this.#abort.abort();
    await this.#ended;
    if (this.#failure !== undefined)
      throw new Error(`watch ${name} failed: ${messageOf(this.#failure)}`, { cause: this.#failure });
    return { name, afterRevision: this.#afterRevision, isWhole: true, events: this.#events };
  }
}

const MARKER_TRIES = 20;

/** Writes a ConfigMap that is no register, and gives its revision: a watch that has told it has told all before it. */
export async function writeMarker(client: HttpClient, clock: Clock): Promise<number> {
  for (let tries = 1; ; tries++) {
    const metadata = { namespace: NAMESPACE, name: `marker-${tries}` };
    try {
      return revisionOf(await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata }));
    } catch (error) {
      if (tries === MARKER_TRIES || !isApiError(error, 'ServiceUnavailable', 'Timeout')) throw error;
      await sleep(clock, AGAIN_MS);
    }
  }
}
