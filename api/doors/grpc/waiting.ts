/** Waiting for what becomes of an object. */
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import type { KubeObject, ObjectKey, Resource } from '../../../machinery/meta.ts';
import { CallError } from './errors.ts';

/**
 * The object as soon as something holds of it; undefined once it is gone. Throws the signal's reason when that aborts.
 */
export async function untilObject<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  { namespace, name, uid }: ObjectKey & { readonly uid: string | undefined },
  holds: (object: T) => boolean,
  signal: AbortSignal,
): Promise<T | undefined> {
  const one = {
    fieldSelector: `metadata.name=${name}`,
    ...(namespace === undefined ? {} : { namespace }),
  };
  const isIt = (object: T): boolean => object.metadata.uid === uid;
  for (;;) {
    signal.throwIfAborted();
    const { items, metadata } = await client.list(resource, one);
    const found = items.find(isIt);
    if (found === undefined || holds(found)) return found;
    try {
      const { resourceVersion } = metadata;
      const events = client.watch(resource, {
        ...one,
        signal,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      });
      for await (const event of events) {
        if (event.type === 'BOOKMARK' || !isIt(event.object)) continue;
        if (event.type === 'DELETED') return undefined;
        if (holds(event.object)) return event.object;
      }
    } catch (error) {
      // The past it would have to be told is not kept any more: the present is read anew.
      if (isApiError(error, 'Expired')) continue;
      throw error;
    }
    signal.throwIfAborted();
    throw new CallError('UNAVAILABLE', 'the server is stopping; call again');
  }
}

/** The first of several waits that is over; the others are given up. */
export async function firstOf<T>(
  signal: AbortSignal,
  ...waits: readonly ((signal: AbortSignal) => Promise<T>)[]
): Promise<T> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const running = waits.map((wait) => wait(either));
  try {
    return await Promise.race(running);
  } finally {
    over.abort(new CallError('CANCELLED', 'another wait was over first'));
    await Promise.allSettled(running);
  }
}
