/**
 * Places for making containers: an engine makes them slower when asked for too many at once.
 *
 * Nobody is waited for here. Who finds no place goes in line and does something else; when its turn has come it is
 * called, first come, first served, and the place is kept until it has looked. Promises that while somebody is in line
 * each place is taken, or kept for one who was called and has not looked since.
 */
export interface StartPlacesOptions {
  readonly limit: number;
  /** A place is kept for this key: it is to be looked at soon. */
  readonly onCalled: (key: string) => void;
}

export class StartPlaces {
  readonly #options: StartPlacesOptions;
  /** In order of arrival. */
  readonly #line = new Set<string>();
  /** Key -> the number of its call. */
  readonly #kept = new Map<string, number>();
  #taken = 0;
  #calls = 0;

  constructor(options: StartPlacesOptions) {
    this.#options = options;
  }

  /** True: the key has a place until `leave`. False: it is in line, where it was if it was there before. */
  take(key: string): boolean {
    if (this.#kept.delete(key)) return true;
    if (this.#taken < this.#options.limit) {
      this.#taken++;
      return true;
    }
    this.#line.add(key);
    return false;
  }

  /** The place goes straight to the first in line, so that nobody slips in between. */
  leave(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#taken--;
      return;
    }
    this.#line.delete(next);
    this.#kept.set(next, ++this.#calls);
    this.#options.onCalled(next);
  }

  /** The call that has come for the key, to be handed to `passOn` once it has been looked at. */
  callOf(key: string): number | undefined {
    return this.#kept.get(key);
  }

  /** Gives the place on that was kept for this call and not taken. A later call stands. */
  passOn(key: string, call: number | undefined): void {
    if (call === undefined || this.#kept.get(key) !== call) return;
    this.#kept.delete(key);
    this.leave();
  }
}
