/** What the registry says of an object: its problems, or its warnings, as sentences. */
import { ApiError } from '../../../../machinery/errors.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { adminIdentity, type World } from '../../../world.ts';

export interface Said {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly object: DynamicObject | undefined;
}

/** Creates an object of Gantry's group in namespace `default`; a refusal with 422 is its problems. */
export async function create(world: World, plural: string, name: string, spec: unknown): Promise<Said> {
  const kind = kindOf(world, plural);
  const body = {
    apiVersion: 'gantry.dev/v1',
    kind: kind.kind,
    metadata: { name, namespace: 'default' },
    spec,
  };
  return said(world.registry.create({ identity: adminIdentity }, kind, body, { namespace: 'default' }));
}

/** Merges a patch into it. */
export async function patch(world: World, plural: string, name: string, body: unknown): Promise<Said> {
  const key = { name, namespace: 'default' };
  const context = { identity: adminIdentity };
  return said(world.registry.patch(context, kindOf(world, plural), key, { type: 'merge', body }));
}

function kindOf(world: World, plural: string): NonNullable<ReturnType<World['registry']['findKind']>> {
  const kind = world.registry.findKind('gantry.dev', 'v1', plural);
  if (kind === undefined) throw new Error(`there are no ${plural}`);
  return kind;
}

async function said(writing: ReturnType<World['registry']['create']>): Promise<Said> {
  try {
    const { stored, warnings } = await writing;
    return { problems: [], warnings, object: stored.object };
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'Invalid') throw error;
    const causes = error.details?.causes ?? [];
    if (causes.length === 0) throw error;
    return {
      problems: causes.map(({ field, message }) => `${field ?? ''}: ${message}`),
      warnings: [],
      object: undefined,
    };
  }
}
