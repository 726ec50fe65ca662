/**
 * The kinds a server has, asked from the server: aggregated discovery (one request per root), or the older documents
 * where a server has only those. Source: Kubernetes documentation, "The Kubernetes API: Discovery API".
 */
import type { HttpClient } from '../client/http.ts';
import { isRecord } from '../machinery/json.ts';
import { apiVersionOf, qualifiedName, type Resource } from '../machinery/meta.ts';
import { CommandError } from './io.ts';
import { nearest } from './nearest.ts';

export interface ApiKind extends Resource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
}

const AGGREGATED = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',');

/** In the server's order of preference, the core group first. Rejects with `ApiError`. */
export async function discoverKinds(client: HttpClient, signal: AbortSignal): Promise<readonly ApiKind[]> {
  const request = { accept: AGGREGATED, signal };
  const [core, groups] = await Promise.all([
    client.json('GET', '/api', request),
    client.json('GET', '/apis', request),
  ]);
  const kinds = await Promise.all([core, groups].map((root) => kindsOf(root, client, signal)));
  return kinds.flat();
}

async function kindsOf(root: unknown, client: HttpClient, signal: AbortSignal): Promise<ApiKind[]> {
  if (isRecord(root) && root.kind === 'APIGroupDiscoveryList') return aggregatedKinds(root);
  const lists = await Promise.all(
    legacyVersions(root).map(async ({ path, group, version }) =>
      legacyKinds(await client.json('GET', path, { signal }), group, version),
    ),
  );
  return lists.flat();
}

function aggregatedKinds(root: Record<string, unknown>): ApiKind[] {
  return recordsOf(root.items).flatMap((group) => {
    const name = isRecord(group.metadata) ? textOf(group.metadata.name) : '';
    return recordsOf(group.versions).flatMap((version) =>
      recordsOf(version.resources).map((resource) => {
        const responseKind = isRecord(resource.responseKind) ? resource.responseKind : {};
        return {
          group: textOf(responseKind.group) || name,
          version: textOf(responseKind.version) || textOf(version.version),
          plural: textOf(resource.resource),
          kind: textOf(responseKind.kind),
          namespaced: resource.scope === 'Namespaced',
          singular: textOf(resource.singularResource),
          shortNames: textsOf(resource.shortNames),
          categories: textsOf(resource.categories),
          verbs: textsOf(resource.verbs),
        };
      }),
    );
  });
}

function legacyVersions(
  root: unknown,
): { readonly path: string; readonly group: string; readonly version: string }[] {
  if (!isRecord(root)) return [];
  if (root.kind === 'APIVersions') {
    return textsOf(root.versions).map((version) => ({ path: `/api/${version}`, group: '', version }));
  }
  return recordsOf(root.groups).flatMap((group) =>
    recordsOf(group.versions).map((entry) => {
      const [name, version] = [textOf(group.name), textOf(entry.version)];
      return { path: `/apis/${name}/${version}`, group: name, version };
    }),
  );
}

function legacyKinds(list: unknown, group: string, version: string): ApiKind[] {
  const resources = isRecord(list) ? recordsOf(list.resources) : [];
  return resources
    .filter((resource) => !textOf(resource.name).includes('/'))
    .map((resource) => ({
      group,
      version,
      plural: textOf(resource.name),
      kind: textOf(resource.kind),
      namespaced: resource.namespaced === true,
      singular: textOf(resource.singularName),
      shortNames: textsOf(resource.shortNames),
      categories: textsOf(resource.categories),
      verbs: textsOf(resource.verbs),
    }));
}

/**
 * What a person calls a kind: plural, singular, short name or Kind, optionally followed by its group or by version and
 * group (`tasks.gantry.dev`, `tasks.v1.gantry.dev`). Throws `CommandError`.
 */
export function findKind(kinds: readonly ApiKind[], text: string): ApiKind {
  const wanted = text.toLowerCase();
  const dot = wanted.indexOf('.');
  const [name, rest] = dot < 0 ? [wanted, undefined] : [wanted.slice(0, dot), wanted.slice(dot + 1)];
  const isIn = (kind: ApiKind): boolean =>
    rest === undefined ||
    rest === kind.group ||
    rest === `${kind.version}.${kind.group}` ||
    rest.replace(/\.$/, '') === kind.version;
  const candidates = kinds.filter(isIn);
  const found =
    candidates.find((kind) => kind.plural === name || kind.singular === name) ??
    candidates.find((kind) => kind.shortNames.includes(name) || kind.kind.toLowerCase() === name);
  if (found !== undefined) return found;
  const guess = nearest(name, [
    ...new Set(kinds.flatMap((kind) => [kind.plural, kind.singular, ...kind.shortNames])),
  ]);
  throw new CommandError(
    `the server doesn't have a resource type "${text}"${guess === undefined ? '' : `; did you mean ${guess}?`}`,
  );
}

/** The kinds of a comma-separated list, in which categories (`all`) stand for every kind in them. */
export function findKinds(kinds: readonly ApiKind[], text: string): readonly ApiKind[] {
  const found = text.split(',').flatMap((name) => {
    const inCategory = kinds.filter((kind) => kind.categories.includes(name.toLowerCase()));
    return inCategory.length > 0 ? inCategory : [findKind(kinds, name)];
  });
  return [...new Set(found)];
}

/** The kind that a manifest names; undefined when the server has none such. */
export function kindOfManifest(
  kinds: readonly ApiKind[],
  apiVersion: string,
  kind: string,
): ApiKind | undefined {
  return kinds.find((candidate) => candidate.kind === kind && apiVersionOf(candidate) === apiVersion);
}

/** `task.gantry.dev`: how an object's kind is written before its name. */
export function singularName(kind: ApiKind): string {
  return qualifiedName({ group: kind.group, plural: kind.singular || kind.kind.toLowerCase() });
}

function recordsOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
