/**
 * Processes that can die between any two steps. What a dead one had under way may still happen (a request that was
 * sent is sent), but it never hears of it, none of its timers fire, and nothing it tries afterwards has an effect.
 * One that is asleep does nothing either, until it wakes: then it hears of everything at once, and knows of no time
 * having passed but by looking at its clock.
 */

import type { Client } from '../../machinery/client.ts';
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { Runtime, RuntimeEvent } from '../../machinery/runtime.ts';
import { type ClientHooks, intercept } from '../intercept.ts';

export class Life {
  readonly #timers = new Set<Timer>();
  readonly #end = new AbortController();
  /** What happens as soon as it wakes; undefined while it is awake. */
  #asleep: (() => void)[] | undefined;

  get isOver(): boolean {
    return this.#end.signal.aborted;
  }

  /** Aborts at the end of the life. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  end(): void {
    this.#end.abort(new Error('the process was killed'));
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  get isAsleep(): boolean {
    return this.#asleep !== undefined;
  }

  sleep(): void {
    this.#asleep ??= [];
  }

  wake(): void {
    const waiting = this.#asleep ?? [];
    this.#asleep = undefined;
    for (const happen of waiting) this.#happen(happen);
  }

  /** Resolves when it is awake. */
  awake(): Promise<void> {
    return new Promise((resolve) => this.#happen(resolve));
  }

  /** Now, when it wakes, or never. */
  #happen(callback: () => void): void {
    if (this.isOver) return;
    if (this.#asleep === undefined) callback();
    else this.#asleep.push(callback);
  }

  /** The promise as a living process sees it: to a dead one it never settles. */
  see<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#happen(() => resolve(value)),
        (error: unknown) => this.#happen(() => reject(error)),
      );
    });
  }

  /** @param shiftMs how far its wall clock is from the others'. */
  clock(clock: Clock, shiftMs = 0): Clock {
    return {
      now: () => clock.now() + shiftMs,
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, callback) => {
        if (this.isOver) return { cancel: () => undefined };
        let isCancelled = false;
        const timer = clock.after(delayMs, () => {
          this.#timers.delete(timer);
          this.#happen(() => {
            if (!isCancelled) callback();
          });
        });
        this.#timers.add(timer);
        return {
          cancel: () => {
            isCancelled = true;
            this.#timers.delete(timer);
            timer.cancel();
          },
        };
      },
    };
  }
}

export const never: Promise<never> = new Promise(() => undefined);

/** The client of a process: its hooks run while it lives. */
export function mortalClient(client: Client, life: Life, hooks: ClientHooks): Client {
  const unlessDead = async (): Promise<void> => {
    if (life.isOver) await never;
    if (life.isAsleep) await life.awake();
  };
  const inner = intercept(client, {
    // After a wait in `before` the request goes out although its sender may have died meanwhile: it was on its way.
    before: (call) => unlessDead().then(() => hooks.before?.(call)),
    after: (call) => unlessDead().then(() => hooks.after?.(call)),
    deliver: (call, event) => unlessDead().then(() => hooks.deliver?.(call, event)),
  });
  const see = <T>(promise: Promise<T>): Promise<T> => life.see(promise);
  return {
    get: (resource, key) => see(inner.get(resource, key)),
    list: (resource, { signal: _signal, ...options } = {}) => see(inner.list(resource, options)),
    watch: (resource, options) => inner.watch(resource, options),
    // A request that was sent is on its way, whatever its sender thinks of it meanwhile: no signal goes with it.
    create: (resource, object, options) => see(inner.create(resource, object, sent(options))),
    update: (resource, object, options) => see(inner.update(resource, object, sent(options))),
    patch: (resource, key, patch, options) => see(inner.patch(resource, key, patch, sent(options))),
    delete: (resource, key, options) => see(inner.delete(resource, key, sent(options))),
    post: (resource, key, subresource, body, options) =>
      see(inner.post(resource, key, subresource, body, sent(options))),
  };
}

function sent<T extends { readonly signal?: AbortSignal }>(
  options: T | undefined,
): Omit<T, 'signal'> | undefined {
  if (options === undefined) return undefined;
  const { signal: _signal, ...rest } = options;
  return rest;
}

export interface RuntimeHooks {
  before(call: RuntimeCall): Promise<void>;
  after(call: RuntimeCall): Promise<void>;
  /** A start of this container is carried out although who asked for it is dead by now. */
  lateStart(containerId: string): void;
}

export interface RuntimeCall {
  readonly operation: keyof Runtime;
  readonly resource: 'engine';
}

/** The engine as a process sees it. */
export function mortalRuntime(runtime: Runtime, life: Life, hooks: RuntimeHooks): Runtime {
  const act = <T>(
    operation: keyof Runtime,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
    target?: string,
  ): Promise<T> => {
    const call = { operation, resource: 'engine' as const };
    // Follows the caller's signal only while the caller lives: a dead one cannot take its request back.
    const inner = new AbortController();
    const onAbort = (): void => {
      if (!life.isOver) inner.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const whole = async (): Promise<T> => {
      if (life.isOver) await never;
      await hooks.before(call);
      if (operation === 'start' && life.isOver && target !== undefined) hooks.lateStart(target);
      const answer = await work(inner.signal);
      await hooks.after(call);
      return answer;
    };
    return life.see(whole().finally(() => signal.removeEventListener('abort', onAbort)));
  };
  return {
    info: (signal) => act('info', signal, (inner) => runtime.info(inner)),
    list: (labels, signal) => act('list', signal, (inner) => runtime.list(labels, inner)),
    inspect: (id, signal) => act('inspect', signal, (inner) => runtime.inspect(id, inner)),
    create: (spec, signal) => act('create', signal, (inner) => runtime.create(spec, inner)),
    start: (id, signal) => act('start', signal, (inner) => runtime.start(id, inner), id),
    stop: (id, options, signal) => act('stop', signal, (inner) => runtime.stop(id, options, inner)),
    unpause: (id, signal) => act('unpause', signal, (inner) => runtime.unpause(id, inner)),
    rename: (id, name, signal) => act('rename', signal, (inner) => runtime.rename(id, name, inner)),
    update: (id, resources, signal) => act('update', signal, (inner) => runtime.update(id, resources, inner)),
    remove: (id, signal) => act('remove', signal, (inner) => runtime.remove(id, inner)),
    writableBytes: (id, signal) => act('writableBytes', signal, (inner) => runtime.writableBytes(id, inner)),
    readFile: (id, path, maxBytes, signal) =>
      act('readFile', signal, (inner) => runtime.readFile(id, path, maxBytes, inner)),
    image: (reference, signal) => act('image', signal, (inner) => runtime.image(reference, inner)),
    pull: (reference, options, signal) =>
      act('pull', signal, (inner) => runtime.pull(reference, options, inner)),
    images: (signal) => act('images', signal, (inner) => runtime.images(inner)),
    removeImage: (id, signal) => act('removeImage', signal, (inner) => runtime.removeImage(id, inner)),
    volumes: (labels, signal) => act('volumes', signal, (inner) => runtime.volumes(labels, inner)),
    createVolume: (name, labels, signal) =>
      act('createVolume', signal, (inner) => runtime.createVolume(name, labels, inner)),
    removeVolume: (name, signal) => act('removeVolume', signal, (inner) => runtime.removeVolume(name, inner)),
    networks: (labels, signal) => act('networks', signal, (inner) => runtime.networks(labels, inner)),
    createNetwork: (spec, signal) =>
      act('createNetwork', signal, (inner) => runtime.createNetwork(spec, inner)),
    removeNetwork: (id, signal) => act('removeNetwork', signal, (inner) => runtime.removeNetwork(id, inner)),
    events: (labels, signal) =>
      whileAlive(runtime.events(labels, AbortSignal.any([signal, life.signal])), life),
    logs: (id, options, signal) => runtime.logs(id, options, signal),
    exec: (id, command, options, signal) =>
      act('exec', signal, (inner) => runtime.exec(id, command, options, inner)),
    attach: (id, options, signal) => act('attach', signal, (inner) => runtime.attach(id, options, inner)),
    stats: (id, signal) => act('stats', signal, (inner) => runtime.stats(id, inner)),
    figures: (ids, signal) => act('figures', signal, (inner) => runtime.figures(ids, inner)),
    dial: (id, port, signal) => act('dial', signal, (inner) => runtime.dial(id, port, inner)),
  };
}

async function* whileAlive(
  events: AsyncIterable<RuntimeEvent>,
  life: Life,
): AsyncGenerator<RuntimeEvent, void, undefined> {
  for await (const event of events) {
    if (life.isOver) await never;
    yield event;
  }
  if (life.isOver) await never;
}
