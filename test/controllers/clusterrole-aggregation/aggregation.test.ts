/** Aggregated ClusterRoles: the plan's table, and that they are kept so on the real registry. */
import { expect } from 'chai';
import { planAggregation } from '../../../controllers/clusterrole-aggregation/plan.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import type { Client } from '../../../machinery/client.ts';
import { silentLog } from '../../../machinery/log.ts';
import { clusterRoles } from '../../../schemas/kinds.ts';
import type { ClusterRole } from '../../../schemas/types.gen.ts';
import { openWorld } from '../../world.ts';

type Rules = NonNullable<ClusterRole['rules']>;
type Selectors = NonNullable<ClusterRole['aggregationRule']>['clusterRoleSelectors'];

const gets = (resource: string): Rules[number] => ({
  verbs: ['get'],
  apiGroups: [''],
  resources: [resource],
});

function role(
  name: string,
  labels: Record<string, string>,
  rules: Rules,
  selectors?: Selectors,
): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, labels },
    rules,
    ...(selectors === undefined ? {} : { aggregationRule: { clusterRoleSelectors: selectors } }),
  };
}

const to = (part: string, tier = 'base'): Record<string, string> => ({ part, tier });

describe('planAggregation', () => {
  const roles = [
    role('c', to('view'), [gets('secrets')]),
    role('a', to('view'), [gets('tasks'), gets('configmaps')]),
    role('b', to('edit', 'top'), [gets('tasks')]),
  ];
  const rows: readonly {
    readonly name: string;
    readonly selectors: Selectors;
    readonly from: readonly string[];
  }[] = [
    { name: 'by label', selectors: [{ matchLabels: { part: 'view' } }], from: ['a', 'c'] },
    {
      name: 'by several selectors',
      selectors: [{ matchLabels: { part: 'edit' } }, { matchLabels: { tier: 'base' } }],
      from: ['a', 'b', 'c'],
    },
    {
      name: 'by In',
      selectors: [{ matchExpressions: [{ key: 'part', operator: 'In', values: ['edit', 'x'] }] }],
      from: ['b'],
    },
    {
      name: 'by NotIn',
      selectors: [{ matchExpressions: [{ key: 'part', operator: 'NotIn', values: ['edit'] }] }],
      from: ['a', 'c'],
    },
    {
      name: 'by Exists and label',
      selectors: [{ matchLabels: { tier: 'top' }, matchExpressions: [{ key: 'part', operator: 'Exists' }] }],
      from: ['b'],
    },
    { name: 'by an empty selector: all', selectors: [{}], from: ['a', 'b', 'c'] },
  ];
  for (const { name, selectors, from } of rows) {
    it(name, () => {
      const plan = planAggregation(role('all', {}, [], selectors), roles);
      expect(plan).to.deep.include({ kind: 'write', from });
    });
  }

  it('has each rule once, in the order of the roles, and never its own', () => {
    const all = role('all', to('view'), [gets('old')], [{}]);
    const plan = planAggregation(all, [...roles, all]);
    expect(plan).to.deep.include({ rules: [gets('tasks'), gets('configmaps'), gets('secrets')] });
  });

  it('keeps what is right already, and a role that aggregates nothing', () => {
    const wanted = [gets('tasks'), gets('configmaps'), gets('secrets')];
    expect(planAggregation(role('all', {}, wanted, [{}]), roles)).to.deep.equal({ kind: 'keep' });
    expect(planAggregation(role('plain', {}, [gets('x')]), roles)).to.deep.equal({ kind: 'keep' });
  });
});

describe('ClusterRole aggregation', () => {
  it('follows roles as they come, change and go', async () => {
    const world = await openWorld();
    const stop = new AbortController();
    const { clock, random, metrics, admin } = world;
    const clientOf = (name: string): Client => world.controllerClient(name);
    const running = new ControlPlane({ clientOf, clock, random, log: silentLog, metrics }).run(stop.signal);
    await world.settle();
    const becomes = (...resources: string[]): Promise<void> =>
      world.until(`the aggregate allows ${resources.join(', ') || 'nothing'}`, async () => {
        const { rules } = await admin.get(clusterRoles, { name: 'sum' });
        const found = (rules ?? []).flatMap((rule) => rule.resources ?? []);
        return found.join() === resources.join();
      });
    await admin.create(clusterRoles, role('sum', {}, [], [{ matchLabels: { part: 'view' } }]));
    await admin.create(clusterRoles, role('one', { part: 'view' }, [gets('tasks')]));
    await admin.create(clusterRoles, role('two', { part: 'view' }, [gets('secrets')]));
    await becomes('tasks', 'secrets');
    const body = { metadata: { labels: { part: 'edit' } } };
    await admin.patch(clusterRoles, { name: 'one' }, { type: 'merge', body });
    await becomes('secrets');
    await admin.delete(clusterRoles, { name: 'two' });
    await becomes();
    stop.abort();
    await running;
    await world.close();
  });
});
