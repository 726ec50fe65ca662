/** Choices from a seed: the same seed chooses the same, whoever else chooses from another one meanwhile. */
import { type Random, seededRandom } from '../../machinery/random.ts';

export class Chance {
  readonly seed: number;
  readonly #random: Random;

  constructor(seed: number) {
    this.seed = seed;
    this.#random = seededRandom(seed);
  }

  /** A source of its own: what is taken from it changes nothing here. */
  branch(): Chance {
    return new Chance(this.below(2 ** 32));
  }

  below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  /** Both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.#random.next() < probability;
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined && items.length === 0) throw new Error('there is nothing to choose from');
    return item as T;
  }

  /** Up to `most` of them, repeats allowed. */
  some<T>(items: readonly T[], most: number): T[] {
    return Array.from({ length: items.length === 0 ? 0 : this.below(most + 1) }, () => this.of(items));
  }

  /** One of the choices, each as likely as its weight says. */
  weighted<T>(...choices: readonly (readonly [weight: number, value: T])[]): T {
    const sum = choices.reduce((total, [weight]) => total + weight, 0);
    let left = this.#random.next() * sum;
    for (const [weight, value] of choices) {
      left -= weight;
      if (left < 0) return value;
    }
    throw new Error('there is nothing to choose from');
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
