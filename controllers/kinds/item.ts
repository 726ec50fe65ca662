/** One object among all kinds, as work queues carry it: and log lines show it: `<plural>[.<group>]/[<namespace>/]<name>`. */
export interface Item {
  /** `tasks.gantry.dev`, or `configmaps` for the core group. */
  readonly kind: string;
  /** `namespace/name`, or `name` for cluster-scoped objects. */
  readonly key: string;
}

export function itemText(kind: string, key: string): string {
  return `${kind}/${key}`;
}

export function parseItem(text: string): Item {
  const slash = text.indexOf('/');
  return { kind: text.slice(0, slash), key: text.slice(slash + 1) };
}
