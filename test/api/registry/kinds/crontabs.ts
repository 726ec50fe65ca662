/** CronTabs, the example of Kubernetes' own documentation: definitions of them, objects of them, and how to wait for both. */

import { type Definition, definitions } from '../../../../api/registry/kinds/definition.ts';
import type { Registry } from '../../../../api/registry/types.ts';
import type { Client } from '../../../../machinery/client.ts';
import type { DynamicObject, Resource } from '../../../../machinery/meta.ts';
import type { KindVersion, Schema } from '../../../../schemas/crd.ts';

export const CRONTABS = 'crontabs.example.com';

export function crontabs(version = 'v1'): Resource {
  return { group: 'example.com', version, plural: 'crontabs', kind: 'CronTab', namespaced: true };
}

export function version(name: string, spec: Schema = {}, rest: Partial<KindVersion> = {}): KindVersion {
  const openAPIV3Schema: Schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', ...spec },
      status: { type: 'object', properties: { seen: { type: 'integer' } } },
    },
  };
  return { name, served: true, storage: true, schema: { openAPIV3Schema }, ...rest };
}

export function definition(
  versions: readonly KindVersion[],
  names: Partial<Definition['spec']['names']> = {},
  spec: Partial<Definition['spec']> = {},
): Definition {
  const plural = names.plural ?? 'crontabs';
  const group = spec.group ?? 'example.com';
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    // What is left out here is what the server fills in.
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind: 'CronTab', ...names },
      versions,
      ...spec,
    } as Definition['spec'],
  };
}

export function crontab(name: string, spec: Record<string, unknown>, at = 'v1'): DynamicObject {
  return { apiVersion: `example.com/${at}`, kind: 'CronTab', metadata: { name, namespace: 'default' }, spec };
}

export const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

/** Resolves when the condition holds of the definition; fails after many turns of the event loop. */
export async function untilDefinition(
  client: Client,
  name: string,
  what: string,
  holds: (definition: Definition) => boolean,
): Promise<Definition> {
  let last: Definition | undefined;
  for (let turn = 0; turn < 2_000; turn++) {
    last = await client.get(definitions, { name });
    if (holds(last)) return last;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`waited in vain for ${what}: ${JSON.stringify(last?.status)}`);
}

export async function untilServed(registry: Registry, version: string, isServed = true): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    const found = registry.findKind('example.com', version, 'crontabs') !== undefined;
    if (found === isServed) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`waited in vain for ${version} to be ${isServed ? 'served' : 'gone'}`);
}

export const isEstablished = ({ status }: Definition): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') === true;
