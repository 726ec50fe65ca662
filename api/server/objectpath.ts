/**
 * Kubernetes' resource paths: `/api/v1/…` for the core group, `/apis/<group>/<version>/…` for every other one, then
 * `[namespaces/<namespace>/]<plural>[/<name>[/<subresource>]]`. Read by hand: every request for an object has one.
 */

export interface ObjectPath {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly namespace?: string;
  readonly plural: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** Undefined for a path of another form. Percent-encoding is undone segment by segment, and left where it is broken. */
export function parseObjectPath(path: string): ObjectPath | undefined {
  const isCore = path.startsWith('/api/');
  if (!isCore && !path.startsWith('/apis/')) return undefined;
  const segments = (path.endsWith('/') ? path.slice(0, -1) : path).split('/').slice(2);
  if (segments.includes('')) return undefined;
  const [group = '', version = '', ...rest] = (isCore ? ['', ...segments] : segments).map(decoded);
  const [first, second, third, fourth, fifth] = rest;
  if (first === undefined || rest.length > 5) return undefined;
  if (first === 'namespaces' && second !== undefined && third !== undefined) {
    return placed({ group, version, namespace: second, plural: third }, fourth, fifth);
  }
  return rest.length > 3 ? undefined : placed({ group, version, plural: first }, second, third);
}

/** The object that something is asked about, `<path of the object>/<act>`; undefined for any other path. */
export function parseActPath(
  path: string,
  act: string,
): (ObjectPath & { readonly name: string }) | undefined {
  if (!path.endsWith(`/${act}`)) return undefined;
  const found = parseObjectPath(path);
  if (found === undefined) return undefined;
  const { group, version, namespace, plural, name, subresource } = found;
  if (name !== undefined) return subresource === act ? { ...found, name } : undefined;
  // What is asked about a namespace has its place in the path in common with the kinds inside it.
  return group === '' && namespace !== undefined && plural === act
    ? { group, version, plural: 'namespaces', name: namespace, subresource: act }
    : undefined;
}

function placed(path: ObjectPath, name: string | undefined, subresource: string | undefined): ObjectPath {
  return {
    ...path,
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // No encoding of anything: then it names what it says, which nothing is called.
    return segment;
  }
}
