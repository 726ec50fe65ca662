/** Whose containers are removed without a Task, and when a look is not believed at once. */
import { expect } from 'chai';
import { judgeStrays } from '../../../controllers/task/acting/strays.ts';
import { RuntimeError } from '../../../machinery/errors.ts';

import { events, tasks } from '../../../schemas/kinds.ts';
import { openRig } from '../../agent/rig.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `c${index}`);

describe('judgeStrays', () => {
  const rows = [
    { name: 'none', ours: 5, strays: 0, remove: 0 },
    { name: 'half of four', ours: 4, strays: 2, remove: 2 },
    { name: 'more than half of four', ours: 4, strays: 3, remove: 0 },
    { name: 'all of three: too few to guard', ours: 3, strays: 3, remove: 3 },
    { name: 'all of a hundred', ours: 100, strays: 100, remove: 0 },
    {
      name: 'all of a hundred, held for a whole turn',
      ours: 100,
      strays: 100,
      heldForMs: 10_000,
      remove: 100,
    },
    { name: 'all of a hundred, held for less', ours: 100, strays: 100, heldForMs: 9_999, remove: 0 },
  ];
  for (const { name, ours, strays, heldForMs, remove } of rows) {
    it(name, () => {
      const held = new Map(heldForMs === undefined ? [] : ids(strays).map((id) => [id, 0]));
      const verdict = judgeStrays(ours, ids(strays), held, heldForMs ?? 0, 10_000);
      expect(verdict.remove).to.have.length(remove);
      expect(verdict.hold).to.have.length(strays - remove);
    });
  }
});

describe('orphans', () => {
  it('are held when they are too many, said to be, and removed once a later look confirms it', async () => {
    const rig = await openRig();
    try {
      const names = ['a', 'b', 'c', 'd'];
      for (const name of names) {
        await rig.apply(name);
        await rig.untilPhase(name, 'Running');
      }
      // Not seen one by one: no list is answered until all are gone. The look that follows at once is the first.
      rig.runtime.hooks = {
        before: ({ operation }) => {
          if (operation === 'list') throw new RuntimeError('Unavailable', 'not now');
        },
      };
      // The worst that can happen to a store: the objects are gone, and nobody was asked to stop anything.
      for (const name of names) {
        const task = await rig.world.admin.get(tasks, { namespace: 'default', name });
        const { resourceVersion: _, ...metadata } = { ...task.metadata, finalizers: [] };
        await rig.world.admin.update(tasks, { ...task, metadata });
        await rig.world.admin.delete(tasks, { namespace: 'default', name });
      }
      rig.runtime.hooks = {};
      await rig.world.until(
        'it is said that they are held',
        async () => {
          const told = await rig.world.admin.list(events, { fieldSelector: 'involvedObject.kind=Worker' });
          return told.items.some(({ reason }) => reason === 'OrphansHeld');
        },
        15_000,
      );
      expect(rig.running(), 'held').to.have.length(4);
      await rig.world.until('all are removed', () => rig.containers().length === 0, 30_000);
    } finally {
      await rig.close();
    }
  });
});
