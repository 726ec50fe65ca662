/** Which TaskSets use which ConfigMaps and Secrets in their templates, kept change by change. */
import { keyString, parseKey } from '../../../machinery/meta.ts';
import type { InputKind, TaskReference } from '../../../schemas/taskreferences.ts';

export class SetsByInput {
  readonly #sets = new Map<string, Set<string>>();
  /** By set: what it uses, as keys of `#sets`. */
  readonly #uses = new Map<string, readonly string[]>();

  /** @param set its key; @param references what its template uses now; none once it is gone. */
  see(set: string, references: readonly TaskReference[]): void {
    for (const input of this.#uses.get(set) ?? []) {
      const users = this.#sets.get(input);
      users?.delete(set);
      if (users?.size === 0) this.#sets.delete(input);
    }
    const key = parseKey(set);
    const inputs = references.map(({ kind, name }) => `${kind}:${keyString({ ...key, name })}`);
    if (inputs.length === 0) this.#uses.delete(set);
    else this.#uses.set(set, inputs);
    for (const input of inputs) {
      const users = this.#sets.get(input);
      if (users === undefined) this.#sets.set(input, new Set([set]));
      else users.add(set);
    }
  }

  using(kind: InputKind, key: string): readonly string[] {
    return [...(this.#sets.get(`${kind}:${key}`) ?? [])];
  }
}
