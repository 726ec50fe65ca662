/**
 * `registry.as(identity)`: the `Client` without a wire. Authorization, admission and audit run as for anybody; only
 * encoding and transport are skipped. Objects handed out are the cache's own: shared and frozen.
 */
import type {
  CallOptions,
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../../machinery/client.ts';
import { ApiError } from '../../machinery/errors.ts';
import {
  apiVersionOf,
  type DynamicObject,
  type KubeObject,
  type ObjectKey,
  type ObjectList,
  type Resource,
} from '../../machinery/meta.ts';
import type { Registry, RequestContext, ServedKind } from './types.ts';

export class InProcessClient implements Client {
  readonly #registry: Registry;
  readonly #context: RequestContext;

  constructor(registry: Registry, context: RequestContext) {
    this.#registry = registry;
    this.#context = context;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: GetOptions = {},
  ): Promise<T> {
    checkSignal(options);
    const { object } = await this.#registry.get(
      this.#context,
      await this.#kind(resource, options),
      key,
      options,
    );
    return typed(resource, object);
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    checkSignal(options);
    const kind = await this.#kind(resource, options);
    const list = await this.#registry.list(this.#context, kind, options);
    return {
      apiVersion: apiVersionOf(kind),
      kind: kind.listKind,
      metadata: {
        resourceVersion: String(list.resourceVersion),
        ...(list.continue === undefined ? {} : { continue: list.continue }),
        ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
      },
      items: list.items.map(({ object }) => typed(resource, object)),
    };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions = {},
  ): AsyncIterable<WatchEvent<T>> {
    if (options.signal?.aborted === true) return;
    const kind = await this.#kind(resource, options);
    const events = await this.#registry.watch(this.#context, kind, options);
    options.onStart?.();
    for await (const event of events) {
      if (event.type === 'BOOKMARK')
        yield { type: 'BOOKMARK', resourceVersion: String(event.resourceVersion) };
      else yield { type: event.type, object: typed(resource, event.stored.object) };
    }
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    checkSignal(options);
    const { stored } = await this.#registry.create(
      this.#context,
      await this.#kind(resource, options),
      object,
      options,
    );
    return typed(resource, stored.object);
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    checkSignal(options);
    const { name, namespace } = object.metadata;
    const key = namespace === undefined ? { name } : { namespace, name };
    const { stored } = await this.#registry.update(
      this.#context,
      await this.#kind(resource, options),
      key,
      object,
      options,
    );
    return typed(resource, stored.object);
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    checkSignal(options);
    const { stored } = await this.#registry.patch(
      this.#context,
      await this.#kind(resource, options),
      key,
      patch,
      options,
    );
    return typed(resource, stored.object);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<T> {
    checkSignal(options);
    const { stored } = await this.#registry.delete(
      this.#context,
      await this.#kind(resource, options),
      key,
      options,
    );
    return typed(resource, stored.object);
  }

  async post(
    resource: Resource<KubeObject>,
    key: ObjectKey,
    subresource: string,
    body: DynamicObject,
    options: WriteOptions = {},
  ): Promise<DynamicObject> {
    checkSignal(options);
    return this.#registry.post(
      this.#context,
      await this.#kind(resource, options),
      key,
      subresource,
      body,
      options,
    );
  }

  async #kind(
    { group, version, plural }: Resource<KubeObject>,
    { signal }: CallOptions,
  ): Promise<ServedKind> {
    const known = this.#registry.findKind(group, version, plural);
    if (known !== undefined) return known;
    // Another server may have established it a moment ago.
    await this.#registry.settleKinds(signal);
    const kind = this.#registry.findKind(group, version, plural);
    if (kind === undefined) {
      throw new ApiError(
        'NotFound',
        `the server could not find the requested resource: ${plural}.${group} ${version}`,
      );
    }
    return kind;
  }
}

/** What the registry keeps under a resource was validated against the schema its type is generated from. */
function typed<T extends KubeObject>(resource: Resource<T>, object: DynamicObject): T {
  if (!isOf(resource, object)) throw new Error(`a ${object.kind} was kept among the ${resource.plural}`);
  return object;
}

function isOf<T extends KubeObject>(
  resource: Resource<T>,
  object: DynamicObject,
): object is DynamicObject & T {
  return object.kind === resource.kind;
}

function checkSignal({ signal }: CallOptions): void {
  if (signal?.aborted !== true) return;
  throw new ApiError('Timeout', 'the request was cancelled by its caller', undefined, {
    cause: signal.reason,
  });
}
