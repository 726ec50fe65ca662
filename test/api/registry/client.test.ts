/** The in-process client keeps the promise of `Client`. */
import { type ClientWorld, describeClient } from '../../client-conformance.ts';
import { describePatches } from '../../client-conformance-patches.ts';
import { openWorld } from '../../world.ts';

async function open(): Promise<ClientWorld> {
  const world = await openWorld();
  return { client: (identity) => world.registry.as(identity), close: () => world.close() };
}

describeClient('in process', open);
describePatches('in process', open);
