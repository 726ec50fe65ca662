/**
 * A `Client` with hooks around every call: how tests and the simulator make the way to the server slow, lossy or
 * deadly. What throws in `before` has not happened; what throws in `after` has, and its answer is lost.
 */
import type { Client, WatchEvent } from '../machinery/client.ts';
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';

export interface ClientCall {
  readonly operation: keyof Client;
  /** Plural, for example `tasks`. */
  readonly resource: string;
  readonly key?: ObjectKey;
  readonly subresource?: string;
}

export interface ClientHooks {
  before?: (call: ClientCall) => void | Promise<void>;
  after?: (call: ClientCall) => void | Promise<void>;
  /** Runs before a watch hands on an event; throwing breaks the watch, waiting delays it. */
  deliver?: (call: ClientCall, event: WatchEvent<KubeObject>) => void | Promise<void>;
}

/** The hooks may be replaced at any time. */
export function intercept(client: Client, hooks: ClientHooks): Client {
  const around = async <T>(call: ClientCall, act: () => Promise<T>): Promise<T> => {
    await hooks.before?.(call);
    const answer = await act();
    await hooks.after?.(call);
    return answer;
  };
  const callOf = (
    operation: keyof Client,
    { plural }: Resource<KubeObject>,
    key?: ObjectKey,
    subresource?: string,
  ): ClientCall => ({
    operation,
    resource: plural,
    ...(key === undefined ? {} : { key }),
    ...(subresource === undefined ? {} : { subresource }),
  });
  const nameOf = (object: KubeObject): ObjectKey => ({
    name: object.metadata.name,
    ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
  });
  return {
    get: (resource, key, options) =>
      around(callOf('get', resource, key), () => client.get(resource, key, options)),
    list: (resource, options) => around(callOf('list', resource), () => client.list(resource, options)),
    async *watch(resource, options) {
      const call = callOf('watch', resource);
      await hooks.before?.(call);
      for await (const event of client.watch(resource, options)) {
        await hooks.deliver?.(call, event);
        yield event;
      }
    },
    create: (resource, object, options) =>
      around(callOf('create', resource, nameOf(object)), () => client.create(resource, object, options)),
    update: (resource, object, options) =>
      around(callOf('update', resource, nameOf(object), options?.subresource), () =>
        client.update(resource, object, options),
      ),
    patch: (resource, key, patch, options) =>
      around(callOf('patch', resource, key, options?.subresource), () =>
        client.patch(resource, key, patch, options),
      ),
    delete: (resource, key, options) =>
      around(callOf('delete', resource, key), () => client.delete(resource, key, options)),
    post: (resource, key, subresource, body, options) =>
      around(callOf('post', resource, key, subresource), () =>
        client.post(resource, key, subresource, body, options),
      ),
  };
}
