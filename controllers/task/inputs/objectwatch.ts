/**
 * One ConfigMap or Secret, watched by its name: lighter than an informer, and it tells what an informer need not, that
 * the object is absent or refused. A worker is let at nothing else: neither at a list of all nor at a watch of many.
 *
 * Promises that what was read last holds while the API is away, that nothing is missed (the watch goes on where it
 * ended, and reads anew where it cannot), and that it ends only with its signal. Of the object only what inputs are
 * made of is kept.
 */
import type { Client } from '../../../machinery/client.ts';
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { deepFreeze, isSameJson } from '../../../machinery/json.ts';
import type { Limiter } from '../../../machinery/limiter.ts';
import type { Random } from '../../../machinery/random.ts';
import { configMaps, secrets } from '../../../schemas/kinds.ts';
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { InputObject } from './data.ts';
import type { Found } from './found.ts';

export interface ObjectWatchOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** Reads at once, shared by all watches of a worker. */
  readonly reads: Limiter;
  readonly kind: InputKind;
  readonly namespace: string;
  readonly name: string;
  /** Something else is found than before. */
  readonly onChange: () => void;
  /** Why nothing can be read for now, once for each time that it begins; undefined: it can again. */
  readonly onTrouble: (error: unknown) => void;
}

const BASE_MS = 100;
const MAX_MS = 10_000;
/** A refusal ends as soon as the Task is bound for everybody to see. */
const REFUSED_MAX_MS = 2_000;

export class ObjectWatch {
  readonly #options: ObjectWatchOptions;
  #found: Found = { kind: 'unread' };
  /** Where to go on watching; undefined: read first. */
  #version: string | undefined;
  #failures = 0;
  #isTroubled = false;

  constructor(options: ObjectWatchOptions) {
    this.#options = options;
  }

  get found(): Found {
    return this.#found;
  }

  /** Reads and watches until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#options.reads.run(signal, () => this.#read(signal));
        await this.#follow(signal);
        // One that ended quietly (a restart of the server) goes on; the pause keeps a broken server from a spin.
        await this.#pause(signal, MAX_MS);
      } catch (error) {
        if (signal.aborted) return;
        await this.#pause(signal, this.#note(error));
      }
    }
  }

  /** @returns the longest pause before the next try. */
  #note(error: unknown): number {
    if (isApiError(error, 'Expired', 'Gone')) {
      this.#version = undefined;
      return MAX_MS;
    }
    if (isApiError(error, 'Forbidden')) {
      // What happens until it is allowed again is not told to a watch that goes on: it must be read.
      this.#version = undefined;
      this.#set({ kind: 'refused', reason: error.message });
      return REFUSED_MAX_MS;
    }
    this.#trouble(error);
    return MAX_MS;
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client, kind, name } = this.#options;
    const { items, metadata } = await client.list(resourceOf(kind), { ...this.#selection(), signal });
    if (metadata.resourceVersion === undefined) {
      throw new Error(`the list of ${kind} came without metadata.resourceVersion; a watch cannot follow it`);
    }
    this.#version = metadata.resourceVersion;
    this.#succeed();
    const object = items.find((item) => item.metadata.name === name);
    this.#set(object === undefined ? { kind: 'absent' } : { kind: 'object', object: kept(object) });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { client, kind, name } = this.#options;
    const events = client.watch(resourceOf(kind), {
      ...this.#selection(),
      allowWatchBookmarks: true,
      signal,
      ...(this.#version === undefined ? {} : { resourceVersion: this.#version }),
    });
    for await (const event of events) {
      if (signal.aborted) return;
      this.#succeed();
      if (event.type === 'BOOKMARK') {
        this.#version = event.resourceVersion;
        continue;
      }
      const { object } = event;
      if (object.metadata.name !== name) continue;
      this.#version = object.metadata.resourceVersion ?? this.#version;
      this.#set(event.type === 'DELETED' ? { kind: 'absent' } : { kind: 'object', object: kept(object) });
    }
  }

  /** An object that says what the one before said stays that one: what was made of it is good. */
  #set(found: Found): void {
    const before = this.#found;
    const isSame =
      before.kind === 'object' && found.kind === 'object'
        ? isSameContent(before.object, found.object)
        : isSameJson(before, found);
    if (isSame) return;
    this.#found = found;
    this.#options.onChange();
  }

  #succeed(): void {
    this.#failures = 0;
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    this.#options.onTrouble(undefined);
  }

  #trouble(error: unknown): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#options.onTrouble(error);
  }

  #selection(): { namespace: string; fieldSelector: string } {
    const { namespace, name } = this.#options;
    return { namespace, fieldSelector: `metadata.name=${name}` };
  }

  async #pause(signal: AbortSignal, maxMs: number): Promise<void> {
    const { clock, random } = this.#options;
    const ceilingMs = Math.min(maxMs, BASE_MS * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    // Many watches of one lost server do not come back in step.
    await sleep(clock, ceilingMs * (0.5 + random.next() / 2), signal);
  }
}

function resourceOf(kind: InputKind): typeof configMaps | typeof secrets {
  return kind === 'configmaps' ? configMaps : secrets;
}

/** Without annotations, where `kubectl apply` leaves a second copy of the data, and without managed fields. */
function kept(object: InputObject): InputObject {
  const { apiVersion, kind, metadata, data } = object;
  const { name, namespace, uid, resourceVersion } = metadata;
  const binaryData = 'binaryData' in object ? object.binaryData : undefined;
  const type = 'type' in object ? object.type : undefined;
  return deepFreeze({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
    ...(type === undefined ? {} : { type }),
  });
}

function isSameContent(a: InputObject, b: InputObject): boolean {
  return isSameJson({ ...a, metadata: a.metadata.uid }, { ...b, metadata: b.metadata.uid });
}
