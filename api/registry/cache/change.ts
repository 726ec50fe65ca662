/** Changes as watchers see them: one event and one encoded frame each, however many watch. */
import type { StoreEvent } from '../../../store/store.ts';
import { withRevision } from '../payload.ts';
import type { StoredEvent, StoredObject } from '../types.ts';

/** Sees an object as the watch or list that asks would be given it. */
export type Matches = (stored: StoredObject) => boolean;

/** One change of one object; its events and frames are made when first asked for and shared by all watchers. */
export class Change {
  readonly revision: number;
  /** Wall time of its commit, milliseconds since the epoch. */
  readonly writtenAtMs: number;
  readonly bytes: number;
  readonly #current: StoredObject | undefined;
  readonly #previous: StoredObject | undefined;
  readonly #events = new Map<StoredEvent['type'], StoredEvent>();

  constructor(
    { revision, writtenAtMs }: Pick<StoreEvent, 'revision' | 'writtenAtMs'>,
    current: StoredObject | undefined,
    previous: StoredObject | undefined,
  ) {
    this.revision = revision;
    this.writtenAtMs = writtenAtMs;
    this.#current = current;
    this.#previous = previous;
    this.bytes = (current ?? previous)?.json.length ?? 0;
  }

  /** What a watcher with this selector sees: entering it is ADDED, leaving it DELETED. */
  eventFor(matches: Matches): StoredEvent | undefined {
    const current = this.#current !== undefined && matches(this.#current) ? this.#current : undefined;
    const previous = this.#previous !== undefined && matches(this.#previous) ? this.#previous : undefined;
    if (current !== undefined) {
      return previous === undefined
        ? this.#event('ADDED', current, undefined)
        : this.#event('MODIFIED', current, previous);
    }
    return previous === undefined ? undefined : this.#event('DELETED', previous, undefined);
  }

  #event(type: StoredEvent['type'], stored: StoredObject, previous: StoredObject | undefined): StoredEvent {
    const known = this.#events.get(type);
    if (known !== undefined) return known;
    const event = watchEvent(type, withRevision(stored, this.revision), previous);
    this.#events.set(type, event);
    return event;
  }
}

/** An event whose frame is encoded once, when the first watcher on a wire wants it. */
export function watchEvent(
  type: StoredEvent['type'],
  stored: StoredObject,
  previous: StoredObject | undefined,
): StoredEvent {
  let frame: Uint8Array | undefined;
  return {
    type,
    stored,
    previous,
    frame: () => {
      frame ??= Buffer.concat([Buffer.from(`{"type":"${type}","object":`), stored.json, Buffer.from('}\n')]);
      return frame;
    },
  };
}
