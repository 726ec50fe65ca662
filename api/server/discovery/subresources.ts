/** What the subresources of a kind speak of: mostly the kind itself, some a kind of another group. */
import type { ServedKind } from '../../registry/types.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export type Subresource = ServedKind['subresources'][number];

/** Kinds that only subresources take or give, under names of their own, whatever kind has the subresource. */
const FOREIGN: Readonly<Record<string, { readonly group: string; readonly version: string }>> = {
  Scale: { group: 'autoscaling', version: 'v1' },
  Eviction: { group: 'policy', version: 'v1' },
  ObjectHistory: { group: 'gantry.dev', version: 'v1' },
  TokenRequest: { group: 'authentication.k8s.io', version: 'v1' },
  PodAttachOptions: { group: '', version: 'v1' },
  PodExecOptions: { group: '', version: 'v1' },
  PodPortForwardOptions: { group: '', version: 'v1' },
  Why: { group: 'gantry.dev', version: 'v1' },
};

export function gvkOf({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, version, kind };
}

/** What a subresource takes and answers with. */
export function subresourceGvk(owner: ServedKind, subresource: Subresource): GroupVersionKind {
  const { kind = owner.kind } = subresource;
  const { group, version } = (Object.hasOwn(FOREIGN, kind) ? FOREIGN[kind] : undefined) ?? owner;
  return { group, version, kind };
}
