/** What a call asks for, in the words of authorization: which verb, of which kind, which object. */
import { isRecord } from '../../machinery/json.ts';
import { keyString, objectPath } from '../../machinery/meta.ts';
import { nameObject } from '../../machinery/trace.ts';
import type { AccessRequest, ServedKind } from './types.ts';

/** Verbs that change nothing. */
const READS = new Set(['get', 'list', 'watch']);

/** What an access request says of one object or of a kind. */
interface Target {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** From here on the request's log lines name what it is about, where that has a name. */
export function nameRequested({ group, resource, namespace, name }: AccessRequest): void {
  if (name === undefined) return;
  const key = keyString(namespace === undefined ? { name } : { namespace, name });
  nameObject(objectPath({ group, plural: resource }, key));
}

export function requestOf(
  verb: string,
  { group, version, plural }: ServedKind,
  target: Target,
): AccessRequest {
  const { namespace, name, subresource } = target;
  return {
    verb,
    group,
    version,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

/** What a body says of its own name, before anything is known to be right about it. */
export function namesIn(body: unknown): {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
} {
  const metadata = isRecord(body) ? body['metadata'] : undefined;
  const text = (field: string): string | undefined => {
    const value = isRecord(metadata) ? metadata[field] : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { name: text('name'), namespace: text('namespace') };
}

export function isChange({ verb }: AccessRequest): boolean {
  return !READS.has(verb);
}
