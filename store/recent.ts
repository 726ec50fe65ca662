/**
 * The newest values written by this process, bounded by bytes: a read of one needs no engine, and a write over one
 * needs no previous value sent back. Only published writes enter, in revision order, so an entry is always the present.
 */
import type { KeyValue } from './store.ts';

/** Rough cost of an entry beside its value: the key, the map's slot, the object. */
const ENTRY_BYTES = 256;

export class RecentValues {
  readonly #maxBytes: number;
  /** Oldest write first: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, KeyValue>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): KeyValue | undefined {
    return this.#entries.get(key);
  }

  put(entry: KeyValue): void {
    this.delete(entry.key);
    this.#entries.set(entry.key, entry);
    this.#bytes += costOf(entry);
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(key);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= costOf(entry);
  }
}

function costOf(entry: KeyValue): number {
  return ENTRY_BYTES + entry.value.byteLength;
}
