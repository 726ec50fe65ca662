/** The in-process client keeps the promise of `Client`. */
import { describeClient } from '../../client-conformance.ts';
import { openWorld } from '../../world.ts';

describeClient('in process', async () => {
  const world = await openWorld();
  return { client: (identity) => world.registry.as(identity), close: () => world.close() };
});
