/**
 * Discovery: which groups, kinds and verbs there are. Aggregated (`APIGroupDiscoveryList`, v2 and v2beta1) for clients
 * that ask for it, and the older lists for those that do not.
 * Source: Kubernetes documentation, "Kubernetes API Concepts": API discovery; apidiscovery.k8s.io/v2.
 */
import type { ServedKind } from '../../registry/types.ts';
import { isJsonRange, parseAccept, requireJson } from '../objects/negotiation.ts';

export interface DiscoveryAnswer {
  readonly contentType: string;
  readonly body: unknown;
}

/** The core group is at /api, every other one at /apis. */
export type DiscoveryRoot = 'api' | 'apis';

/** `/api` and `/apis`. Throws `NotAcceptable`. */
export function discoveryRoot(
  root: DiscoveryRoot,
  kinds: readonly ServedKind[],
  accept: string,
): DiscoveryAnswer {
  const groups = groupNames(kinds).filter((group) => (group === '') === (root === 'api'));
  const version = aggregatedVersion(accept);
  if (version !== undefined) {
    return {
      contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      body: {
        kind: 'APIGroupDiscoveryList',
        apiVersion: `apidiscovery.k8s.io/${version}`,
        metadata: {},
        items: groups.map((group) => aggregatedGroup(group, kinds)),
      },
    };
  }
  requireJson(accept);
  const body =
    root === 'api'
      ? {
          kind: 'APIVersions',
          versions: groups.flatMap((group) => versionsOf(group, kinds)),
          serverAddressByClientCIDRs: [],
        }
      : { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => legacyGroup(group, kinds)) };
  return { contentType: 'application/json', body };
}

/** `/apis/<group>`; undefined when there is no such group. */
export function discoveryGroup(group: string, kinds: readonly ServedKind[]): unknown {
  if (group === '' || !kinds.some((kind) => kind.group === group)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(group, kinds) };
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when nothing is served there. */
export function discoveryResources(group: string, version: string, kinds: readonly ServedKind[]): unknown {
  const served = kinds.filter((kind) => kind.group === group && kind.version === version);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap(legacyResources),
  };
}

function aggregatedVersion(accept: string): 'v2' | 'v2beta1' | undefined {
  for (const range of parseAccept(accept)) {
    const { as, g, v } = range.parameters;
    if (!isJsonRange(range)) continue;
    if (as === undefined) return undefined;
    if (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && (v === 'v2' || v === 'v2beta1'))
      return v;
  }
  return undefined;
}

function groupNames(kinds: readonly ServedKind[]): readonly string[] {
  return [...new Set(kinds.map((kind) => kind.group))].sort();
}

function versionsOf(group: string, kinds: readonly ServedKind[]): readonly string[] {
  return [...new Set(kinds.filter((kind) => kind.group === group).map((kind) => kind.version))];
}

function aggregatedGroup(group: string, kinds: readonly ServedKind[]): unknown {
  return {
    metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
    versions: versionsOf(group, kinds).map((version) => ({
      version,
      freshness: 'Current',
      resources: kinds
        .filter((kind) => kind.group === group && kind.version === version)
        .map((kind) => ({
          resource: kind.plural,
          responseKind: { group, version, kind: kind.kind },
          scope: kind.namespaced ? 'Namespaced' : 'Cluster',
          singularResource: kind.singular,
          verbs: kind.verbs,
          ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
          ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
          ...(kind.subresources.length === 0
            ? {}
            : {
                subresources: kind.subresources.map((subresource) => ({
                  subresource: subresource.name,
                  responseKind: { group, version, kind: subresource.kind ?? kind.kind },
                  verbs: subresource.verbs,
                })),
              }),
        })),
    })),
  };
}

function legacyGroup(group: string, kinds: readonly ServedKind[]): Record<string, unknown> {
  const versions = versionsOf(group, kinds).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function legacyResources(kind: ServedKind): readonly unknown[] {
  const { plural, singular, namespaced, verbs, shortNames, categories } = kind;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind: kind.kind,
      verbs,
      ...(shortNames.length === 0 ? {} : { shortNames }),
      ...(categories.length === 0 ? {} : { categories }),
    },
    ...kind.subresources.map((subresource) => ({
      name: `${plural}/${subresource.name}`,
      singularName: '',
      namespaced,
      kind: subresource.kind ?? kind.kind,
      verbs: subresource.verbs,
    })),
  ];
}
