/** One object among all kinds, as work queues carry it: `<plural>[.<group>]:[<namespace>/]<name>`. */
export interface Item {
  /** `tasks.gantry.dev`, or `configmaps` for the core group. */
  readonly kind: string;
  /** `namespace/name`, or `name` for cluster-scoped objects. */
  readonly key: string;
}

export function itemText(kind: string, key: string): string {
  return `${kind}:${key}`;
}

export function parseItem(text: string): Item {
  // Names may hold colons, resources may not.
  const colon = text.indexOf(':');
  return { kind: text.slice(0, colon), key: text.slice(colon + 1) };
}
