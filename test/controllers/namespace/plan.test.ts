/** How far a deleted namespace is. */
import { expect } from 'chai';
import { type Emptying, planEmptying } from '../../../controllers/namespace/plan.ts';
import type { KubeObject, ObjectMeta } from '../../../machinery/meta.ts';
import type { Namespace } from '../../../schemas/types.gen.ts';

const NOW = Date.UTC(2026, 0, 2);

function thing(name: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name, namespace: 'n', uid: `uid-${name}`, ...metadata },
  };
}

function namespace(status: NonNullable<Namespace['status']> = {}): Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'n', deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Terminating', ...status },
  };
}

function plan(input: Partial<Emptying>) {
  return planEmptying({
    namespace: namespace(),
    contents: [],
    unreadable: [],
    failures: [],
    nowMs: NOW,
    ...input,
  });
}

const condition = (made: ReturnType<typeof plan>, type: string) =>
  made.status?.conditions?.find((found) => found.type === type);

describe('planEmptying', () => {
  it('lets a namespace go when nothing is left', () => {
    const made = plan({ contents: [{ kind: 'configmaps', objects: [] }] });
    expect(made).to.deep.include({ remove: [], isEmpty: true });
    expect(made.status?.conditions?.map(({ status }) => status)).to.deep.equal(Array(5).fill('False'));
  });

  it('keeps it while a kind cannot be read: what is not seen may be there', () => {
    const made = plan({ unreadable: ['widgets.example.com: no answer'] });
    expect(made.isEmpty).to.equal(false);
    expect(condition(made, 'NamespaceDeletionDiscoveryFailure')).to.include({
      status: 'True',
      reason: 'DiscoveryFailed',
      message: 'Discovery failed for some groups, 1 failing: widgets.example.com: no answer',
    });
  });

  it('deletes what is not going yet, and counts what is left in the words of Kubernetes', () => {
    const held = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['example.com/x'] };
    const made = plan({
      contents: [
        { kind: 'configmaps', objects: [thing('a'), thing('b', held)] },
        { kind: 'widgets.example.com', objects: [thing('w', held)] },
      ],
    });
    expect(made.remove).to.deep.equal([
      { kind: 'configmaps', key: { namespace: 'n', name: 'a' }, uid: 'uid-a' },
    ]);
    expect(condition(made, 'NamespaceContentRemaining')?.message).to.equal(
      'Some resources are remaining: configmaps. has 2 resource instances, widgets.example.com has 1 resource instances',
    );
    expect(condition(made, 'NamespaceFinalizersRemaining')?.message).to.equal(
      'Some content in the namespace has finalizers remaining: example.com/x in 2 resource instances',
    );
  });

  it('takes away nothing else before the last Task has ended', () => {
    const configMaps = { kind: 'configmaps', objects: [thing('a')] };
    const going = thing('t', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    const tasks = (objects: KubeObject[]) => ({ kind: 'tasks.gantry.dev', objects });
    expect(
      plan({ contents: [configMaps, tasks([thing('t')])] }).remove.map(({ kind }) => kind),
    ).to.deep.equal(['tasks.gantry.dev']);
    expect(plan({ contents: [configMaps, tasks([going])] }).remove).to.deep.equal([]);
    expect(plan({ contents: [configMaps, tasks([])] }).remove.map(({ kind }) => kind)).to.deep.equal([
      'configmaps',
    ]);
  });

  it('leaves what is protected, and says what and why', () => {
    const shield = { annotations: { 'gantry.dev/protect': 'true' } };
    const made = plan({ contents: [{ kind: 'secrets', objects: [thing('s', shield), thing('t')] }] });
    expect(made.remove.map(({ key }) => key.name)).to.deep.equal(['t']);
    expect(made.isEmpty).to.equal(false);
    expect(condition(made, 'NamespaceDeletionContentFailure')).to.include({
      status: 'True',
      reason: 'ContentProtected',
    });
    expect(condition(made, 'NamespaceDeletionContentFailure')?.message).to.contain('secrets "s"');
  });

  it('says what could not be deleted', () => {
    const made = plan({
      contents: [{ kind: 'secrets', objects: [thing('s')] }],
      failures: ['secrets "s" is forbidden: no'],
    });
    expect(condition(made, 'NamespaceDeletionContentFailure')?.message).to.equal(
      'Failed to delete all resource types, 1 remaining: secrets "s" is forbidden: no',
    );
  });

  it('writes nothing when everything is said already, and moves a time only with its status', () => {
    const contents = [{ kind: 'secrets', objects: [thing('s'), thing('t')] }];
    const first = plan({ contents });
    const said = namespace(first.status);
    expect(plan({ namespace: said, contents, nowMs: NOW + 5_000 }).status).to.equal(undefined);
    const fewer = plan({
      namespace: said,
      contents: [{ kind: 'secrets', objects: [thing('s')] }],
      nowMs: NOW + 5_000,
    });
    expect(condition(fewer, 'NamespaceContentRemaining')?.lastTransitionTime).to.equal(
      '2026-01-02T00:00:00Z',
    );
    const none = plan({ namespace: said, contents: [], nowMs: NOW + 5_000 });
    expect(condition(none, 'NamespaceContentRemaining')?.lastTransitionTime).to.equal('2026-01-02T00:00:05Z');
  });
});
