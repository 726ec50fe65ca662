/**
 * What the arguments of `get`, `describe`, `delete` and `wait` choose: `KIND`, `KIND NAME…`, `KIND/NAME…`, lists of kinds
 * separated by commas, all as kubectl has it.
 */
import type { ObjectKey } from '../machinery/meta.ts';
import { type ApiKind, findKind, findKinds } from './discovery.ts';
import { CommandError } from './io.ts';

/** One kind, and either the names wanted of it or, without names, all of them that the other flags choose. */
export interface Choice {
  readonly kind: ApiKind;
  readonly names: readonly string[];
}

/** Throws `CommandError`. */
export function chooseFrom(kinds: readonly ApiKind[], words: readonly string[]): readonly Choice[] {
  const [first, ...rest] = words;
  if (first === undefined) {
    throw new CommandError(
      'name what you want: KIND, KIND NAME or KIND/NAME, for example "tasks" or "task/hello"',
    );
  }
  if (words.some((word) => word.includes('/'))) {
    const byKind = new Map<ApiKind, string[]>();
    for (const word of words) {
      const match = /^([^/]+)\/([^/]+)$/.exec(word);
      if (match === null) {
        throw new CommandError(
          `cannot mix forms: found "${word}" beside KIND/NAME, wanted every argument as KIND/NAME`,
        );
      }
      const kind = findKind(kinds, match[1] ?? '');
      byKind.set(kind, [...(byKind.get(kind) ?? []), match[2] ?? '']);
    }
    return [...byKind].map(([kind, names]) => ({ kind, names }));
  }
  const chosen = findKinds(kinds, first);
  return chosen.map((kind) => ({ kind, names: rest }));
}

/** Where objects of the kind are looked for: a namespace, or (undefined) everywhere. */
export function scopeOf(kind: ApiKind, namespace: string, isAllNamespaces: boolean): string | undefined {
  return kind.namespaced && !isAllNamespaces ? namespace : undefined;
}

export function keyIn(kind: ApiKind, namespace: string, name: string): ObjectKey {
  return kind.namespaced ? { namespace, name } : { name };
}
