/** What ownership means for one object: the table, and the law that nothing with a live owner goes. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type CollectPlan,
  type Dependent,
  type Owner,
  type OwnerState,
  planCollection,
} from '../../../controllers/garbage-collector/plan.ts';
import type { KubeObject, ObjectMeta } from '../../../machinery/meta.ts';

function object(metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'default', ...metadata } };
}

function owner(state: OwnerState, name: string = state): Owner {
  return { state, reference: { apiVersion: 'v1', kind: 'Secret', name, uid: `uid-${name}` } };
}

function dependent(item: string, rest: Partial<Dependent> = {}): Dependent {
  return { item, blocks: false, isInCircle: false, ...rest };
}

const deleting = (...finalizers: string[]): Partial<ObjectMeta> => ({
  deletionTimestamp: '2026-01-01T00:00:00Z',
  finalizers,
});

interface Row {
  readonly name: string;
  readonly metadata?: Partial<ObjectMeta>;
  readonly owners?: readonly Owner[];
  readonly dependents?: readonly Dependent[];
  readonly plan: Partial<Record<string, unknown>> & { readonly kind: CollectPlan['kind'] };
}

const rows: readonly Row[] = [
  { name: 'nobody owns it: nothing', plan: { kind: 'nothing' } },
  { name: 'its owner is there: nothing', owners: [owner('present')], plan: { kind: 'nothing' } },
  {
    name: 'its only owner is gone: deleted in the background',
    owners: [owner('absent')],
    plan: { kind: 'delete', policy: 'Background', why: 'its owner Secret "absent" is gone' },
  },
  {
    name: 'all of several owners are gone: deleted',
    owners: [owner('absent', 'a'), owner('absent', 'b')],
    plan: { kind: 'delete', policy: 'Background' },
  },
  {
    name: 'one of two owners is gone: only that reference goes',
    owners: [owner('absent', 'a'), owner('present', 'b')],
    plan: { kind: 'release', uids: ['uid-a'] },
  },
  {
    name: 'one owner waits for it, another stays: let go, so that the first can go',
    owners: [owner('foreground', 'a'), owner('present', 'b')],
    plan: { kind: 'release', uids: ['uid-a'] },
  },
  {
    name: 'an owner of a kind nobody serves: nothing',
    owners: [owner('unreadable')],
    plan: { kind: 'nothing' },
  },
  {
    name: 'an owner gone and one of a kind nobody serves: not deleted',
    owners: [owner('absent', 'a'), owner('unreadable', 'pod')],
    plan: { kind: 'release', uids: ['uid-a'] },
  },
  {
    name: 'cluster-scoped with a namespaced owner: nothing',
    owners: [owner('misplaced')],
    plan: { kind: 'nothing' },
  },
  {
    name: 'its owner waits for it, and it has no dependents: deleted in the background',
    owners: [owner('foreground')],
    plan: { kind: 'delete', policy: 'Background' },
  },
  {
    name: 'its owner waits for it, and it has dependents: deleted in the foreground',
    owners: [owner('foreground')],
    dependents: [dependent('x')],
    plan: { kind: 'delete', policy: 'Foreground' },
  },
  {
    name: 'its owner is gone, and it was to leave its dependents behind: it does',
    metadata: { finalizers: ['orphan'] },
    owners: [owner('absent')],
    plan: { kind: 'delete', policy: 'Orphan' },
  },
  {
    name: 'its owner is gone, and it was to wait for its dependents: it does',
    metadata: { finalizers: ['foregroundDeletion'] },
    owners: [owner('absent')],
    plan: { kind: 'delete', policy: 'Foreground' },
  },
  {
    name: 'its owner is gone, but it is protected: it stays and says so',
    metadata: { annotations: { 'gantry.dev/protect': 'true' } },
    owners: [owner('absent')],
    plan: { kind: 'protected' },
  },
  {
    name: 'going already, held by somebody else: nothing',
    metadata: deleting('example.com/x'),
    owners: [owner('absent')],
    plan: { kind: 'nothing' },
  },
  {
    name: 'going in the foreground with a dependent that blocks: waits',
    metadata: deleting('foregroundDeletion'),
    dependents: [dependent('a'), dependent('b', { blocks: true })],
    plan: { kind: 'wait', items: ['b'] },
  },
  {
    name: 'going in the foreground, and no dependent blocks: lifted',
    metadata: deleting('foregroundDeletion', 'example.com/x'),
    dependents: [dependent('a')],
    plan: { kind: 'lift', finalizer: 'foregroundDeletion' },
  },
  {
    name: 'going in the foreground in a circle: lifted',
    metadata: deleting('foregroundDeletion'),
    dependents: [dependent('a', { blocks: true, isInCircle: true })],
    plan: {
      kind: 'lift',
      finalizer: 'foregroundDeletion',
      why: 'the dependents that are left wait for it in turn',
    },
  },
  {
    name: 'going and leaving dependents behind: these are let go first',
    metadata: deleting('orphan'),
    dependents: [dependent('a'), dependent('b', { blocks: true })],
    plan: { kind: 'orphan', items: ['a', 'b'] },
  },
  {
    name: 'going, and all dependents are let go: lifted',
    metadata: deleting('orphan'),
    plan: { kind: 'lift', finalizer: 'orphan' },
  },
];

describe('planCollection', () => {
  for (const { name, metadata, owners = [], dependents = [], plan } of rows) {
    it(name, () => {
      expect(planCollection({ object: object(metadata), owners, dependents })).to.deep.include(plan);
    });
  }

  describe('safety', () => {
    const states: readonly OwnerState[] = ['present', 'foreground', 'absent', 'unreadable', 'misplaced'];
    const worlds = fc.record({
      owners: fc.array(fc.constantFrom(...states), { maxLength: 5 }),
      blocks: fc.array(fc.boolean(), { maxLength: 4 }),
      finalizers: fc.subarray(['orphan', 'foregroundDeletion', 'example.com/x']),
      isGoing: fc.boolean(),
      isProtected: fc.boolean(),
    });
    const planned = (world: typeof worlds extends fc.Arbitrary<infer W> ? W : never): CollectPlan =>
      planCollection({
        object: object({
          finalizers: world.finalizers,
          ...(world.isGoing ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
          ...(world.isProtected ? { annotations: { 'gantry.dev/protect': 'true' } } : {}),
        }),
        owners: world.owners.map((state, index) => owner(state, `o${index}`)),
        dependents: world.blocks.map((blocks, index) => dependent(`d${index}`, { blocks })),
      });

    it('nothing is deleted that has an owner which is there or cannot be looked up, or that is protected', () => {
      fc.assert(
        fc.property(worlds, (world) => {
          if (planned(world).kind !== 'delete') return true;
          const isSafe = world.owners.every((state) => state === 'absent' || state === 'foreground');
          return isSafe && world.owners.length > 0 && !world.isProtected && !world.isGoing;
        }),
      );
    });

    it('only references to owners that are gone or going are taken out', () => {
      fc.assert(
        fc.property(worlds, (world) => {
          const plan = planned(world);
          if (plan.kind !== 'release') return true;
          return plan.uids.every((uid) => {
            const state = world.owners[Number(uid.slice('uid-o'.length))];
            return state === 'absent' || state === 'foreground';
          });
        }),
      );
    });

    it('no finalizer is lifted while a dependent that counts is left', () => {
      fc.assert(
        fc.property(worlds, (world) => {
          const plan = planned(world);
          if (plan.kind !== 'lift') return true;
          return plan.finalizer === 'orphan' ? world.blocks.length === 0 : !world.blocks.includes(true);
        }),
      );
    });
  });
});
