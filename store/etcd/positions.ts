/**
 * Which revision a key's last write had, as far as this process has heard, bounded. etcd compares its own revision
 * alone; whether the position belongs to that key too is looked up here, or asked where it is not known.
 */
const MAX_ENTRIES = 65_536;

export class Positions {
  /** Oldest first: a Map keeps the order of insertion. */
  readonly #revisions = new Map<string, number>();

  has(key: string, revision: number): boolean {
    return this.#revisions.get(key) === revision;
  }

  put(key: string, revision: number): void {
    const known = this.#revisions.get(key);
    if (known !== undefined && known >= revision) return;
    this.#revisions.delete(key);
    this.#revisions.set(key, revision);
    if (this.#revisions.size <= MAX_ENTRIES) return;
    const [oldest] = this.#revisions.keys();
    if (oldest !== undefined) this.#revisions.delete(oldest);
  }
}
