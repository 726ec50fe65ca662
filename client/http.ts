/**
 * `Client` over HTTP: the same promise as the registry's in-process client, kept against any server that speaks the
 * Kubernetes API. Rejects with `ApiError` only; `ConnectionError` (a kind of it) means that the server said nothing.
 */
import type { Readable } from 'node:stream';
import type {
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  Patch,
  ReadMoment,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../machinery/client.ts';
import { systemClock, type Timer } from '../machinery/clock.ts';
import { ApiError, apiErrorFromStatus } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import {
  apiVersionOf,
  type KubeObject,
  type ObjectKey,
  type ObjectList,
  type Resource,
} from '../machinery/meta.ts';
import { ConnectionError, isStatus } from './failures.ts';
import { readLines } from './lines.ts';
import { type PathOptions, resourcePath } from './paths.ts';
import { openTransport, type RawRequest, type Transport, type TransportOptions } from './transport.ts';

/** An object is at most 1 MiB in the store; a frame around it, escaped, stays well below this. */
const DEFAULT_MAX_FRAME_BYTES = 8 * 1024 * 1024;
const DEFAULT_WATCH_IDLE_MS = 10 * 60_000;
const PATCH_TYPES: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export interface HttpClientOptions extends TransportOptions {
  /** The longest watch frame accepted, in bytes. */
  readonly maxFrameBytes?: number;
  /**
   * A watch over which nothing came for this long (milliseconds), not even a heartbeat, is taken for dead. The default
   * leaves room for servers without heartbeats, whose quiet watches then merely begin again.
   */
  readonly watchIdleMs?: number;
}

export interface HttpClient extends Client, Transport {
  /** The frames of a watch as the server sends them, for callers that ask for another form (such as Table). */
  frames(path: string, request: RawRequest): AsyncGenerator<WatchFrame, void, undefined>;
}

export interface WatchFrame {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: Record<string, unknown>;
}

export function newHttpClient(options: HttpClientOptions): HttpClient {
  const transport = openTransport(options);
  const maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  const watchIdleMs = options.watchIdleMs ?? DEFAULT_WATCH_IDLE_MS;
  const clock = options.clock ?? systemClock;

  /** Passes bytes on, and gives the connection up when none come. */
  async function* whileAlive(body: Readable): AsyncGenerator<Uint8Array, void, undefined> {
    const arm = (): Timer =>
      clock.after(watchIdleMs, () => {
        body.destroy(
          new ConnectionError(`the watch at ${transport.address} was silent for ${watchIdleMs / 1000} s`),
        );
      });
    let timer = arm();
    try {
      for await (const chunk of body) {
        timer.cancel();
        yield chunk;
        timer = arm();
      }
    } finally {
      timer.cancel();
    }
  }

  /** Ends quietly on abort and when the server ends the stream; throws what an ERROR frame or a lost connection says. */
  async function* frames(
    path: string,
    request: RawRequest,
    onStart?: () => void,
  ): AsyncGenerator<WatchFrame, void, undefined> {
    const { signal } = request;
    const isAborted = (): boolean => signal?.aborted === true;
    if (isAborted()) return;
    try {
      const answer = await transport.raw('GET', path, {
        ...request,
        query: { ...request.query, watch: true },
      });
      try {
        onStart?.();
        for await (const line of readLines(whileAlive(answer.body), maxFrameBytes)) {
          if (isAborted()) return;
          yield parseFrame(line);
        }
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      if (isAborted()) return;
      throw transport.explain(error);
    }
  }

  async function* watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const { namespace, signal, onStart, ...query } = options;
    const path = resourcePath(resource, namespace === undefined ? {} : { namespace });
    for await (const frame of frames(path, { query: { ...query }, ...withSignal(signal) }, onStart)) {
      if (frame.type === 'BOOKMARK') yield { type: 'BOOKMARK', resourceVersion: versionOf(frame.object) };
      else
        yield { type: frame.type, object: asObject(resource, frame.object, `a watch of ${resource.plural}`) };
    }
  }

  const write = async <T extends KubeObject>(
    method: string,
    resource: Resource<T>,
    at: PathOptions,
    body: unknown,
    options: WriteOptions,
    contentType = 'application/json',
    isForced = false,
  ): Promise<T> => {
    const subresource = options.subresource ?? at.subresource;
    const path = resourcePath(resource, { ...at, ...(subresource === undefined ? {} : { subresource }) });
    const query = {
      dryRun: options.dryRun === true ? 'All' : undefined,
      fieldManager: options.fieldManager,
      fieldValidation: options.fieldValidation,
      force: isForced ? true : undefined,
    };
    const answer = await transport.json(method, path, {
      query,
      body,
      contentType,
      ...withSignal(options.signal),
    });
    return asObject(resource, answer, `${method} ${path}`);
  };

  return {
    ...transport,
    frames,
    watch,

    async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options: GetOptions = {}) {
      const path = resourcePath(resource, key);
      return asObject(resource, await transport.json('GET', path, readRequest(options)), `GET ${path}`);
    },

    async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) {
      const { namespace, ...rest } = options;
      const path = resourcePath(resource, namespace === undefined ? {} : { namespace });
      const answer = await transport.json('GET', path, readRequest(rest));
      return asList(resource, answer, path);
    },

    async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}) {
      const { namespace, name } = object.metadata;
      if (resource.namespaced && (namespace ?? '') === '') {
        throw new ApiError(
          'BadRequest',
          `${resource.plural} "${name}" needs a namespace: ${resource.kind} is namespaced`,
        );
      }
      const at = {
        ...(namespace === undefined ? {} : { namespace }),
        ...(options.subresource === undefined ? {} : { name }),
      };
      return write('POST', resource, at, object, options);
    },

    async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}) {
      const { namespace, name } = object.metadata;
      return write(
        'PUT',
        resource,
        { name, ...(namespace === undefined ? {} : { namespace }) },
        object,
        options,
      );
    },

    async patch<T extends KubeObject>(
      resource: Resource<T>,
      key: ObjectKey,
      patch: Patch,
      options: WriteOptions = {},
    ) {
      const isForced = patch.type === 'apply' && patch.isForced === true;
      return write('PATCH', resource, key, patch.body, options, PATCH_TYPES[patch.type], isForced);
    },

    async delete<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options: DeleteOptions = {}) {
      const { signal, dryRun, ...rest } = options;
      const path = resourcePath(resource, key);
      const body = {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        ...rest,
        ...(dryRun === true ? { dryRun: ['All'] } : {}),
      };
      const answer = await transport.json('DELETE', path, { body, ...withSignal(signal) });
      // Some servers say only that it is done: then the last seen state is what the answer names.
      if (isStatus(answer)) {
        const { uid } = answer.details ?? {};
        const metadata = { ...key, ...(uid === undefined ? {} : { uid }) };
        return asObject(
          resource,
          { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata },
          `DELETE ${path}`,
        );
      }
      return asObject(resource, answer, `DELETE ${path}`);
    },

    post(resource, key, subresource, body, options = {}) {
      return write('POST', answerOf(resource), { ...key, subresource }, body, options);
    },
  };
}

/** What a POST to an act answers is of the act's own kind, not of the resource's. */
function answerOf(resource: Resource<KubeObject>): Resource {
  const { group, version, plural, kind, namespaced } = resource;
  return { group, version, plural, kind, namespaced };
}

export type ReadRequest = Omit<ListOptions, 'namespace'>;

/** A read with its options as the query; what is told of the moment comes in headers. */
export function readRequest({ signal, onMoment, ...query }: ReadRequest): RawRequest {
  return {
    query,
    ...withSignal(signal),
    ...(onMoment === undefined
      ? {}
      : {
          onHeaders: (headers) => {
            const moment = momentOf(headers);
            if (moment !== undefined) onMoment(moment);
          },
        }),
  };
}

/** The moment that an answer of a read says it is of; undefined when it says none. */
function momentOf(headers: Readonly<Record<string, string | string[] | undefined>>): ReadMoment | undefined {
  const revision = headers['gantry-read-revision'];
  const time = headers['gantry-read-time'];
  if (typeof revision !== 'string' || !/^\d+$/.test(revision)) return undefined;
  const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return { revision: Number(revision), timeMs: Number.isNaN(timeMs) ? undefined : timeMs };
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function parseFrame(line: string): WatchFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(line);
  } catch (error) {
    throw new ApiError('InternalError', `a watch frame is not JSON: ${line.slice(0, 200)}`, undefined, {
      cause: error,
    });
  }
  if (!isRecord(frame) || !isRecord(frame.object)) {
    throw new ApiError('InternalError', `a watch frame has no object: ${line.slice(0, 200)}`);
  }
  const { type, object } = frame;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object };
    case 'ERROR':
      throw isStatus(object)
        ? apiErrorFromStatus(object)
        : new ApiError('InternalError', `the watch ended with an error: ${line.slice(0, 200)}`);
    default:
      throw new ApiError('InternalError', `a watch frame has the unknown type ${JSON.stringify(type)}`);
  }
}

function versionOf(object: Record<string, unknown>): string {
  const version = isRecord(object.metadata) ? object.metadata.resourceVersion : undefined;
  return typeof version === 'string' ? version : '';
}

/**
 * The border between what a server sent and what the caller asked for: what every object has is checked here, the rest
 * is the word of the server's schema.
 */
function isObjectOf<T extends KubeObject>(_resource: Resource<T>, value: unknown): value is T {
  return isRecord(value) && typeof value.kind === 'string' && isRecord(value.metadata);
}

function isListOf<T extends KubeObject>(resource: Resource<T>, value: unknown): value is ObjectList<T> {
  return (
    isRecord(value) &&
    isRecord(value.metadata) &&
    Array.isArray(value.items) &&
    value.items.every((item) => isObjectOf(resource, item))
  );
}

export function asObject<T extends KubeObject>(resource: Resource<T>, value: unknown, what: string): T {
  if (isObjectOf(resource, value)) return value;
  throw new ApiError('InternalError', `the answer to ${what} is not an object with kind and metadata`);
}

function asList<T extends KubeObject>(resource: Resource<T>, value: unknown, path: string): ObjectList<T> {
  if (isRecord(value) && Array.isArray(value.items)) {
    // Kubernetes leaves apiVersion and kind out of a list's items; every object of ours has them.
    const items = value.items.map((item: unknown) =>
      isRecord(item) ? { apiVersion: apiVersionOf(resource), kind: resource.kind, ...item } : item,
    );
    const list = {
      apiVersion: apiVersionOf(resource),
      kind: `${resource.kind}List`,
      metadata: {},
      ...value,
      items,
    };
    if (isListOf(resource, list)) return list;
  }
  throw new ApiError('InternalError', `the answer to GET ${path} is not a list of ${resource.plural}`);
}
