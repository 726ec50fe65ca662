/** Who may write roles and bindings, and what RBAC objects must look like: the apiserver's facts, through the registry. */
import { expect } from 'chai';
import { bootstrapRoleObjects } from '../../../../api/registry/access/bootstrap/objects.ts';
import { reconcileBootstrapRoles } from '../../../../api/registry/access/bootstrap/reconcile.ts';
import { escalationProblem } from '../../../../api/registry/access/escalation.ts';
import type { PolicyRule } from '../../../../api/registry/access/policy.ts';
import { controllerNames } from '../../../../controllers/list.ts';
import type { Client } from '../../../../machinery/client.ts';
import { ApiError } from '../../../../machinery/errors.ts';
import type { Identity } from '../../../../machinery/identity.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  roleBindings,
  roles,
} from '../../../../schemas/kinds.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../../../schemas/types.gen.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { openWorld, type World } from '../../../world.ts';

const RBAC = 'rbac.authorization.k8s.io';
const jane: Identity = { name: 'jane', groups: ['dev', 'system:authenticated'] };
const rule = (verbs: string[], resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs,
  apiGroups: [''],
  resources,
  ...more,
});

describe('Rights that are granted', () => {
  const rows: readonly (readonly [held: PolicyRule[], wanted: PolicyRule[], missing: string])[] = [
    [[rule(['get'], ['a'])], [rule(['get'], ['a'])], ''],
    [[rule(['*'], ['a'])], [rule(['get', 'x'], ['a'])], ''],
    [[rule(['get'], ['*'])], [rule(['get'], ['a', 'b/c'])], ''],
    [[rule(['get'], ['*/c'])], [rule(['get'], ['b/c'])], ''],
    [[rule(['get'], ['a'])], [rule(['get'], ['a/b'])], '{APIGroups:[""], Resources:["a/b"], Verbs:["get"]}'],
    [[rule(['get'], ['a', 'b'])], [rule(['*'], ['a'])], '{APIGroups:[""], Resources:["a"], Verbs:["*"]}'],
    [[rule(['get'], ['a'])], [rule(['get'], ['*'])], '{APIGroups:[""], Resources:["*"], Verbs:["get"]}'],
    [
      [],
      [rule(['get', 'list'], ['b', 'a'])],
      '{APIGroups:[""], Resources:["a"], Verbs:["get" "list"]}\n{APIGroups:[""], Resources:["b"], Verbs:["get" "list"]}',
    ],
    [
      [rule(['get'], ['a'], { resourceNames: ['x', 'y'] })],
      [rule(['get'], ['a'], { resourceNames: ['y'] })],
      '',
    ],
    [
      [rule(['get'], ['a'], { resourceNames: ['x'] })],
      [rule(['get'], ['a'])],
      '{APIGroups:[""], Resources:["a"], Verbs:["get"]}',
    ],
    [
      [rule(['get'], ['a'], { resourceNames: ['x'] })],
      [rule(['get'], ['a'], { resourceNames: ['x', 'z'] })],
      '{APIGroups:[""], Resources:["a"], ResourceNames:["z"], Verbs:["get"]}',
    ],
    [[rule(['get'], ['a']), rule(['list'], ['a'])], [rule(['get', 'list'], ['a'])], ''],
    [
      [{ verbs: ['get'], nonResourceURLs: ['/x/*'] }],
      [{ verbs: ['get'], nonResourceURLs: ['/x/y', '/z'] }],
      '{NonResourceURLs:["/z"], Verbs:["get"]}',
    ],
    [
      [{ verbs: ['get'], nonResourceURLs: ['*'] }],
      [rule(['get'], ['a'])],
      '{APIGroups:[""], Resources:["a"], Verbs:["get"]}',
    ],
  ];
  for (const [held, wanted, missing] of rows) {
    it(`${JSON.stringify(held)} ${missing === '' ? 'cover' : 'do not cover'} ${JSON.stringify(wanted)}`, () => {
      const text = `user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n${missing}`;
      expect(escalationProblem(jane, held, wanted)).to.equal(missing === '' ? undefined : text);
    });
  }
});

describe('Rights that are granted by the million', () => {
  const many = Array.from({ length: 1_000 }, (_, at) => `x${at}`);
  const huge: PolicyRule = { verbs: many, apiGroups: many, resources: many, resourceNames: many };

  it('are not counted out one by one', () => {
    expect(escalationProblem(jane, [rule(['get'], ['a'])], [huge])).to.equal(
      'user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant 1000000000000 single permissions at once, at most 20000 are judged: grant fewer, or use "*"',
    );
  });

  it('may be granted by whoever has them in one rule', () => {
    const all: PolicyRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
    expect(escalationProblem(jane, [all], [huge])).to.equal(undefined);
  });

  it('count once where they are said again', () => {
    const again = Array.from({ length: 500 }, () => 'get');
    expect(
      escalationProblem(
        jane,
        [rule(['get'], ['a']), rule(['get'], ['b'])],
        [rule(again, [...again, 'a', 'b'])],
      ),
    ).to.include('Resources:["get"]');
  });
});

describe('RBAC objects', () => {
  let world: World;
  let client: Client;
  beforeEach(async () => {
    world = await openWorld();
    client = world.registry.as(jane);
  });
  afterEach(() => world.close());

  const role = (name: string, rules: Role['rules']): Role => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata: { name, namespace: 'default' },
    rules: rules ?? [],
  });
  const clusterRole = (name: string, rest: Partial<ClusterRole>): ClusterRole => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name },
    ...rest,
  });
  const binding = (name: string, kind: string, to: string): RoleBinding => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace: 'default' },
    roleRef: { apiGroup: RBAC, kind, name: to },
    subjects: [{ kind: 'User', name: 'joe' }],
  });
  const grant = async (name: string, rules: NonNullable<Role['rules']>): Promise<void> => {
    await world.admin.create(roles, role(name, rules));
    await world.admin.create(roleBindings, {
      ...binding(name, 'Role', name),
      subjects: [{ kind: 'User', name: 'jane' }],
    });
  };
  const allOf = [{ verbs: ['*'], apiGroups: [RBAC], resources: ['roles', 'rolebindings'] }];
  const withoutExtras = [
    { verbs: ['get', 'create', 'update', 'patch'], apiGroups: [RBAC], resources: ['roles', 'rolebindings'] },
  ];
  const readsTasks = [{ verbs: ['get'], apiGroups: ['gantry.dev'], resources: ['tasks'] }];

  for (const name of ['a/b', 'a%b', '..', 'a\u0000b', 'a\nb', '\u{10ffff}']) {
    it(`refuses the name ${JSON.stringify(name)}, which no path and no store can hold`, async () => {
      const refusal = await world.admin.create(roles, role(name, [])).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal).to.be.an.instanceOf(ApiError).with.property('reason', 'Invalid');
    });
  }

  it('are not written by whoever may not', async () => {
    const error = await refusalOf(client.create(roles, role('r', [])), 'Forbidden');
    expect(error.message).to.equal(
      'roles.rbac.authorization.k8s.io is forbidden: User "jane" cannot create resource "roles" in API group "rbac.authorization.k8s.io" in the namespace "default"',
    );
  });

  it('grant nobody more than whoever writes them has', async () => {
    await grant('writer', withoutExtras);
    const error = await refusalOf(client.create(roles, role('r', readsTasks)), 'Forbidden');
    expect(error.message).to.equal(
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:["gantry.dev"], Resources:["tasks"], Verbs:["get"]}',
    );
    await client.create(roles, role('own', withoutExtras));
    const own = { namespace: 'default', name: 'own' };
    await refusalOf(client.patch(roles, own, { type: 'merge', body: { rules: readsTasks } }), 'Forbidden');
    await client.patch(roles, own, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
    await grant('reader', readsTasks);
    await client.create(roles, role('r', readsTasks));
  });

  it('grant no more by a label that makes them part of another role, but may be let go by anybody', async () => {
    const rules = [{ verbs: ['get', 'update', 'patch'], apiGroups: [RBAC], resources: ['clusterroles'] }];
    await world.admin.create(clusterRoles, clusterRole('labeller', { rules }));
    const made: ClusterRoleBinding = {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'labeller' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'labeller' },
      subjects: [{ kind: 'Group', name: 'dev' }],
    };
    await world.admin.create(clusterRoleBindings, made);
    const powers = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
    await world.admin.create(clusterRoles, {
      ...clusterRole('powers', { rules: powers }),
      metadata: { name: 'powers', finalizers: ['example.com/x'] },
    });
    const change = (metadata: object): Promise<unknown> =>
      client.patch(clusterRoles, { name: 'powers' }, { type: 'merge', body: { metadata } });
    const error = await refusalOf(
      change({ labels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } }),
      'Forbidden',
    );
    expect(error.message).to.include('is attempting to grant RBAC permissions not currently held');
    await change({ finalizers: null });
  });

  it('may be written with the verb escalate', async () => {
    await grant('writer', withoutExtras);
    await grant('escalator', [{ verbs: ['escalate'], apiGroups: [RBAC], resources: ['roles'] }]);
    await client.create(roles, role('r', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]));
  });

  it('bind nobody to more than whoever writes them has, unless they may bind', async () => {
    await grant('writer', withoutExtras);
    await world.admin.create(roles, role('r', readsTasks));
    const error = await refusalOf(client.create(roleBindings, binding('b', 'Role', 'r')), 'Forbidden');
    expect(error.message).to.match(
      /^rolebindings\.rbac\.authorization\.k8s\.io "b" is forbidden: user "jane" .*is attempting to grant/,
    );
    const missing = await refusalOf(client.create(roleBindings, binding('b', 'Role', 'no')), 'NotFound');
    expect(missing.message).to.equal('role.rbac.authorization.k8s.io "no" not found');
    const bind = { verbs: ['bind'], apiGroups: [RBAC], resources: ['roles'], resourceNames: ['r'] };
    await grant('binder', [bind]);
    await client.create(roleBindings, binding('b', 'Role', 'r'));
    await refusalOf(client.create(roleBindings, binding('c', 'ClusterRole', 'view')), 'Forbidden');
  });

  it('gather others only for whoever may do everything', async () => {
    await world.admin.create(
      clusterRoles,
      clusterRole('writer', {
        rules: [{ verbs: ['create'], apiGroups: [RBAC], resources: ['clusterroles'] }],
      }),
    );
    const made: ClusterRoleBinding = {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'writer' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'writer' },
      subjects: [{ kind: 'Group', name: 'dev' }],
    };
    await world.admin.create(clusterRoleBindings, made);
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const error = await refusalOf(
      client.create(clusterRoles, clusterRole('agg', { aggregationRule })),
      'Forbidden',
    );
    expect(error.message).to.include('must have cluster-admin privileges to use the aggregationRule');
    await world.admin.create(clusterRoles, clusterRole('agg', { aggregationRule }));
  });

  it('allow nobody to make or empty by a rule for certain names', async () => {
    const named = { apiGroups: [RBAC], resources: ['roles'], resourceNames: ['r'] };
    await grant('named', [{ verbs: ['create', 'delete', 'deletecollection', 'list', 'get'], ...named }]);
    await refusalOf(client.create(roles, role('r', [])), 'Forbidden');
    await refusalOf(client.list(roles, { namespace: 'default' }), 'Forbidden');
    const list = await client.list(roles, { namespace: 'default', fieldSelector: 'metadata.name=r' });
    expect(list.items).to.deep.equal([]);
    const kind = world.registry.findKind(RBAC, 'v1', 'roles');
    if (kind === undefined) throw new Error('roles are not served');
    const emptying = world.registry.deleteCollection({ identity: jane }, kind, {
      namespace: 'default',
      fieldSelector: 'metadata.name=r',
    });
    await refusalOf(emptying, 'Forbidden');
  });

  it('in a namespace allow reading that namespace, and no other', async () => {
    await world.admin.create(roleBindings, {
      ...binding('views', 'ClusterRole', 'view'),
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    expect((await client.get(namespaces, { name: 'default' })).metadata.name).to.equal('default');
    await refusalOf(client.get(namespaces, { name: 'gantry-system' }), 'Forbidden');
    await refusalOf(client.list(namespaces), 'Forbidden');
    await refusalOf(client.delete(namespaces, { name: 'default' }), 'Forbidden');
  });

  it('count at once when they change', async () => {
    const reading = (): Promise<unknown> => client.list(roles, { namespace: 'default' });
    await refusalOf(reading(), 'Forbidden');
    await grant('all', allOf);
    await reading();
    await world.admin.delete(roleBindings, { namespace: 'default', name: 'all' });
    await refusalOf(reading(), 'Forbidden');
  });

  it('must make sense', async () => {
    const problem = async (work: Promise<unknown>): Promise<string> =>
      (await refusalOf(work, 'Invalid')).message;
    const create = (rules: unknown): Promise<unknown> =>
      world.admin.create(roles, role('r', rules as Role['rules']));
    expect(await problem(create([{ verbs: [], apiGroups: [''], resources: ['a'] }]))).to.include(
      'rules[0].verbs: Required value: verbs must contain at least one value',
    );
    expect(await problem(create([{ verbs: ['get'] }]))).to.include(
      '[rules[0].apiGroups: Required value: resource rules must supply at least one api group, rules[0].resources: Required value: resource rules must supply at least one resource]',
    );
    expect(await problem(create([{ verbs: ['get'], nonResourceURLs: ['/x'] }]))).to.include(
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    );
    await world.admin.create(roles, role('system:with:colons', null));
    const bound = await world.admin.create(roleBindings, binding('b', 'ClusterRole', 'view'));
    expect(bound.subjects?.[0]).to.deep.equal({ kind: 'User', apiGroup: RBAC, name: 'joe' });
    const another = { ...bound, roleRef: { ...bound.roleRef, name: 'edit' } };
    expect(await problem(world.admin.update(roleBindings, another))).to.match(
      /^RoleBinding\.rbac\.authorization\.k8s\.io "b" is invalid: roleRef: Invalid value: .*: cannot change roleRef$/,
    );
    const wrong = (change: Partial<RoleBinding>): Promise<string> =>
      problem(world.admin.create(roleBindings, { ...binding('c', 'Role', 'r'), ...change }));
    expect(await wrong({ roleRef: { apiGroup: RBAC, kind: 'Pole', name: 'r' } })).to.include(
      'roleRef.kind: Unsupported value: "Pole": supported values: "Role", "ClusterRole"',
    );
    expect(await wrong({ subjects: [{ kind: 'Robot', name: 'r' }] })).to.include(
      'subjects[0].kind: Unsupported value: "Robot"',
    );
    expect(await wrong({ subjects: [{ kind: 'ServiceAccount', name: 'r', apiGroup: RBAC }] })).to.include(
      'subjects[0].apiGroup: Unsupported value',
    );
  });

  it('of the bootstrap are there, right again after a start, and left alone where somebody says so', async () => {
    const { items } = await world.admin.list(clusterRoles);
    expect(items.map(({ metadata }) => metadata.name)).to.include.members(
      bootstrapRoleObjects.map(({ metadata }) => metadata.name),
    );
    const key = { name: 'system:discovery' };
    await world.admin.patch(clusterRoles, key, { type: 'merge', body: { rules: [...readsTasks] } });
    const other = { name: 'system:monitoring' };
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    await world.admin.patch(clusterRoles, other, {
      type: 'merge',
      body: { rules: [], metadata: { annotations } },
    });
    await world.admin.delete(clusterRoleBindings, { name: 'system:basic-user' });
    await reconcileBootstrapRoles(world.admin);
    const rules = (await world.admin.get(clusterRoles, key)).rules ?? [];
    expect(rules[0]).to.deep.equal(readsTasks[0]);
    expect(rules[1]?.nonResourceURLs).to.include('/apis/*');
    expect((await world.admin.get(clusterRoles, other)).rules).to.deep.equal([]);
    const { roleRef } = await world.admin.get(clusterRoleBindings, { name: 'system:basic-user' });
    expect(roleRef.name).to.equal('system:basic-user');
    const before = world.registry.revision();
    await reconcileBootstrapRoles(world.admin);
    expect(world.registry.revision()).to.equal(before);
  });

  it('of the bootstrap name every controller there is', () => {
    const names = bootstrapRoleObjects.map(({ metadata }) => metadata.name);
    for (const controller of [...controllerNames, 'informers']) {
      expect(names).to.include(`system:controller:${controller}`);
    }
  });
});
