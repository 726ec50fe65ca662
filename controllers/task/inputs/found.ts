/** What is known of a ConfigMap or Secret that a Task refers to, and what is told when it cannot be used. Pure. */
import type { InputKind } from '../../../schemas/taskreferences.ts';
import { type InputObject, KIND_WORDS } from './data.ts';

export type Found =
  | { readonly kind: 'object'; readonly object: InputObject }
  | { readonly kind: 'absent' }
  /** It may be there, and this worker does not get to see it: why. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Not known yet. */
  | { readonly kind: 'unread' };

export type Find = (kind: InputKind, name: string) => Found;

/** So many problems are told at once; more are counted. */
const MAX_PROBLEMS = 8;

/** What stands in the way of a container, collected. Values of Secrets never get here. */
export class Problems {
  readonly #texts = new Set<string>();
  #isLoading = false;

  get message(): string | undefined {
    if (this.#texts.size === 0) return undefined;
    const texts = [...this.#texts];
    const more = texts.length - MAX_PROBLEMS;
    return `${texts.slice(0, MAX_PROBLEMS).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  add(text: string): void {
    this.#texts.add(text);
  }

  wait(): void {
    this.#isLoading = true;
  }
}

/**
 * The object, or undefined with the reason noted. An optional one may be absent, and then nothing is taken from it; one
 * that cannot be seen may well be there.
 */
export function need(
  find: Find,
  problems: Problems,
  kind: InputKind,
  { name, isOptional }: { readonly name: string; readonly isOptional: boolean },
): InputObject | undefined {
  const found = find(kind, name);
  switch (found.kind) {
    case 'object':
      return found.object;
    case 'unread':
      problems.wait();
      return undefined;
    case 'absent':
      if (!isOptional) problems.add(`${KIND_WORDS[kind].toLowerCase()} "${name}" not found`);
      return undefined;
    case 'refused':
      problems.add(`${KIND_WORDS[kind].toLowerCase()} "${name}" cannot be read: ${found.reason}`);
      return undefined;
  }
}
