/**
 * A bounded queue between something that pushes and one `for await` that pulls.
 *
 * A reader that falls behind by more than the limit is told so with an error instead of growing the queue; what was
 * queued before an end or an error is still delivered first.
 */
export class FakeFeed<T extends object> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #limit: number;
  readonly #onOverflow: () => Error;
  #ending: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: {
    readonly limit: number;
    readonly onOverflow: () => Error;
  }) {
    this.#limit = options.limit;
    this.#onOverflow = options.onOverflow;
  }

  push(item: T): void {
    if (this.#ending !== undefined) return;
    if (this.#items.length >= this.#limit) return this.fail(this.#onOverflow());
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#ending ??= {};
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#ending ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#items.length === 0 && this.#ending === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const item = this.#items.shift();
    if (item !== undefined) return { done: false, value: item };
    const error = this.#ending?.error;
    this.#ending = {};
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
