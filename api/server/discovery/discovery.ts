/**
 * Discovery: which groups, kinds and verbs there are. Aggregated (`APIGroupDiscoveryList`, v2 and v2beta1) for clients
 * that ask for it, and the older lists for those that do not. Everything is made from the list of served kinds, once
 * for each such list.
 * Source: Kubernetes documentation, "Kubernetes API Concepts": API discovery; apidiscovery.k8s.io/v2.
 */
import { createHash } from 'node:crypto';
import type { ServedKind } from '../../registry/types.ts';
import { isJsonRange, parseAccept, requireJson } from '../objects/negotiation.ts';
import { type DocumentBytes, keptWith, newDocument } from './documents.ts';
import { gvkOf, subresourceGvk } from './subresources.ts';
import { byVersionPriority } from './versions.ts';

/** The core group is at /api, every other one at /apis. */
export type DiscoveryRoot = 'api' | 'apis';

const AGGREGATED = 'APIGroupDiscoveryList';

/** `/api` and `/apis`, in the form asked for. Throws `NotAcceptable`. */
export function discoveryRoot(
  root: DiscoveryRoot,
  kinds: readonly ServedKind[],
  accept: string,
): DocumentBytes {
  const version = aggregatedVersion(accept);
  if (version !== undefined) {
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=${AGGREGATED}`;
    return keptWith(kinds, `${root} ${version}`, () =>
      newDocument(contentType, aggregatedList(root, kinds, version)),
    );
  }
  requireJson(accept);
  return keptWith(kinds, root, () => newDocument('application/json', legacyRoot(root, kinds)));
}

/** `/apis/<group>`; undefined when there is no such group. */
export function discoveryGroup(group: string, kinds: readonly ServedKind[]): DocumentBytes | undefined {
  if (group === '' || !kinds.some((kind) => kind.group === group)) return undefined;
  return keptWith(kinds, `group ${group}`, () =>
    newDocument('application/json', { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(group, kinds) }),
  );
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when nothing is served there. */
export function discoveryResources(
  group: string,
  version: string,
  kinds: readonly ServedKind[],
): DocumentBytes | undefined {
  const served = kinds.filter((kind) => kind.group === group && kind.version === version);
  if (served.length === 0) return undefined;
  return keptWith(kinds, `resources ${group}/${version}`, () =>
    newDocument('application/json', {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: group === '' ? version : `${group}/${version}`,
      resources: served.flatMap((kind) => legacyResources(kind, kinds)),
    }),
  );
}

/** Every group and version that is served, as the paths below which its kinds are: `/api/v1`, `/apis/apps`, `/apis/apps/v1`. */
export function discoveryPaths(kinds: readonly ServedKind[]): readonly string[] {
  return groupNames(kinds).flatMap((group) => {
    const base = group === '' ? '/api' : `/apis/${group}`;
    return [base, ...versionsOf(group, kinds).map((version) => `${base}/${version}`)];
  });
}

function aggregatedVersion(accept: string): 'v2' | 'v2beta1' | undefined {
  for (const range of parseAccept(accept)) {
    const { as, g, v } = range.parameters;
    if (!isJsonRange(range)) continue;
    if (as === undefined) return undefined;
    if (as === AGGREGATED && g === 'apidiscovery.k8s.io' && (v === 'v2' || v === 'v2beta1')) return v;
  }
  return undefined;
}

/** In the order of the kinds, so that where two groups have a word the built-in one wins, as Kubernetes has it. */
function groupNames(kinds: readonly ServedKind[]): readonly string[] {
  return [...new Set(kinds.map((kind) => kind.group))];
}

function groupsOf(root: DiscoveryRoot, kinds: readonly ServedKind[]): readonly string[] {
  return groupNames(kinds).filter((group) => (group === '') === (root === 'api'));
}

/** The preferred one first. */
function versionsOf(group: string, kinds: readonly ServedKind[]): readonly string[] {
  const found = kinds.filter((kind) => kind.group === group).map((kind) => kind.version);
  return [...new Set(found)].sort(byVersionPriority);
}

function aggregatedList(root: DiscoveryRoot, kinds: readonly ServedKind[], version: string): unknown {
  return {
    kind: AGGREGATED,
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groupsOf(root, kinds).map((group) => ({
      metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
      versions: versionsOf(group, kinds).map((served) => ({
        version: served,
        resources: kinds
          .filter((kind) => kind.group === group && kind.version === served)
          .map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(kind: ServedKind): unknown {
  return {
    resource: kind.plural,
    responseKind: gvkOf(kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...nonEmpty('shortNames', kind.shortNames),
    ...nonEmpty('categories', kind.categories),
    ...nonEmpty(
      'subresources',
      kind.subresources.map((subresource) => ({
        subresource: subresource.name,
        responseKind: subresourceGvk(kind, subresource),
        verbs: subresource.verbs,
      })),
    ),
  };
}

function nonEmpty(name: string, list: readonly unknown[]): Record<string, unknown> {
  return list.length === 0 ? {} : { [name]: list };
}

function legacyRoot(root: DiscoveryRoot, kinds: readonly ServedKind[]): unknown {
  const groups = groupsOf(root, kinds);
  if (root === 'apis') {
    return {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: groups.map((group) => legacyGroup(group, kinds)),
    };
  }
  const versions = groups.flatMap((group) => versionsOf(group, kinds));
  return { kind: 'APIVersions', versions, serverAddressByClientCIDRs: [] };
}

function legacyGroup(group: string, kinds: readonly ServedKind[]): Record<string, unknown> {
  const versions = versionsOf(group, kinds).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function legacyResources(kind: ServedKind, kinds: readonly ServedKind[]): readonly unknown[] {
  const { plural, singular, namespaced, verbs, shortNames, categories } = kind;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind: kind.kind,
      verbs,
      ...nonEmpty('shortNames', shortNames),
      ...nonEmpty('categories', categories),
      ...storageVersion(kind, kinds),
    },
    ...kind.subresources.map((subresource) => {
      const { group, version, kind: name } = subresourceGvk(kind, subresource);
      const isOwn = group === kind.group && version === kind.version;
      return {
        name: `${plural}/${subresource.name}`,
        singularName: '',
        namespaced,
        // Named only where it is not the list's own.
        ...(isOwn ? {} : { ...(group === '' ? {} : { group }), version }),
        kind: name,
        verbs: subresource.verbs,
      };
    }),
  ];
}

/** Changes when objects are kept in another version: storage migrators look for it. Views and reviews are not kept. */
function storageVersion(kind: ServedKind, kinds: readonly ServedKind[]): Record<string, unknown> {
  const { group, plural } = kind;
  const stored = kinds.find((one) => one.group === group && one.plural === plural && one.definition.storage);
  if (stored === undefined) return {};
  const hash = createHash('sha256').update(`${group}/${stored.version}/${kind.kind}`).digest();
  return { storageVersionHash: hash.subarray(0, 8).toString('base64') };
}
