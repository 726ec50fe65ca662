/** RBAC evaluation: the apiserver's facts as a table, and the law that the index agrees with a naive walk. */
import { expect } from 'chai';
import { array, assert, constantFrom, integer, option, property, record } from 'fast-check';
import {
  allowsPath,
  allowsResource,
  type PolicyRule,
  type Subject,
} from '../../../../api/registry/access/policy.ts';
import { RbacIndex, type RbacObjects } from '../../../../api/registry/access/rbacindex.ts';
import type { AccessRequest } from '../../../../api/registry/types.ts';
import type { Identity } from '../../../../machinery/identity.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';

const RBAC = 'rbac.authorization.k8s.io';

function object(kind: string, name: string, namespace: string | undefined, fields: object): DynamicObject {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { apiVersion: `${RBAC}/v1`, kind, metadata, ...fields };
}

const held = (objects: readonly DynamicObject[]): { object: DynamicObject }[] =>
  objects.map((item) => ({ object: item }));

interface World {
  readonly roles?: readonly DynamicObject[];
  readonly clusterRoles?: readonly DynamicObject[];
  readonly roleBindings?: readonly DynamicObject[];
  readonly clusterRoleBindings?: readonly DynamicObject[];
}

function objects({
  roles = [],
  clusterRoles = [],
  roleBindings = [],
  clusterRoleBindings = [],
}: World): RbacObjects {
  return {
    roles: held(roles),
    clusterRoles: held(clusterRoles),
    roleBindings: held(roleBindings),
    clusterRoleBindings: held(clusterRoleBindings),
  };
}

function indexOf(world: World): RbacIndex {
  const made = objects(world);
  return new RbacIndex(() => made);
}

const ref = (kind: string, name: string): object => ({ roleRef: { apiGroup: RBAC, kind, name } });

/** `get a.b tasks/status ns/name`; `core` is the empty group, `-` no namespace. */
function request(text: string): AccessRequest {
  const [verb = '', group = '', resource = '', key = '-'] = text.split(' ');
  const [plural = '', subresource] = resource.split('/');
  const [namespace, name] = key.split('/');
  return {
    verb,
    group: group === 'core' ? '' : group,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined || namespace === '-' ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

describe('A rule', () => {
  const rows: readonly (readonly [Partial<PolicyRule>, string, boolean])[] = [
    [{ resources: ['tasks'] }, 'get a.b tasks n/x', true],
    [{ resources: ['tasks'] }, 'get a.b tasks/status n/x', false],
    [{ resources: ['tasks/status'] }, 'get a.b tasks/status n/x', true],
    [{ resources: ['tasks/status'] }, 'get a.b tasks n/x', false],
    [{ resources: ['*/status'] }, 'get a.b tasks/status n/x', true],
    [{ resources: ['*/status'] }, 'get a.b tasks n/x', false],
    [{ resources: ['*/status'] }, 'get a.b tasks/xstatus n/x', false],
    [{ resources: ['tasks/*'] }, 'get a.b tasks/status n/x', false],
    [{ resources: ['asks/status'] }, 'get a.b tasks/status n/x', false],
    [{ resources: ['*'] }, 'get a.b tasks/status n/x', true],
    [{ resources: ['*'] }, 'get a.b tasks', true],
    [{ resources: ['tasks'], verbs: ['*'] }, 'escalate a.b tasks n/x', true],
    [{ resources: ['tasks'], verbs: ['list'] }, 'get a.b tasks n/x', false],
    [{ resources: ['tasks'], apiGroups: ['other'] }, 'get a.b tasks n/x', false],
    [{ resources: ['tasks'], apiGroups: [''] }, 'get core tasks n/x', true],
    [{ resources: ['tasks'], apiGroups: [''] }, 'get a.b tasks n/x', false],
    [{ resources: ['tasks'], resourceNames: ['x'] }, 'get a.b tasks n/x', true],
    [{ resources: ['tasks'], resourceNames: ['x'] }, 'get a.b tasks n/y', false],
    [{ resources: ['tasks'], resourceNames: ['x'] }, 'get a.b tasks n', false],
    [{ resources: ['tasks'], resourceNames: [] }, 'get a.b tasks n', true],
    [{ nonResourceURLs: ['*'] }, 'get a.b tasks n', false],
  ];
  for (const [rule, text, isAllowed] of rows) {
    it(`${JSON.stringify(rule)} ${isAllowed ? 'allows' : 'does not allow'} ${text}`, () => {
      const whole = { verbs: ['get'], ...(rule.nonResourceURLs ? {} : { apiGroups: ['*'] }), ...rule };
      expect(allowsResource(whole, request(text))).to.equal(isAllowed);
    });
  }

  const paths: readonly (readonly [string, string, boolean])[] = [
    ['*', '/anything', true],
    ['/metrics', '/metrics', true],
    ['/metrics', '/metrics/', false],
    ['/apis/*', '/apis/x/y', true],
    ['/apis/*', '/apis', false],
    ['/apis*', '/apisx', true],
    ['/ap*is', '/apxis', false],
  ];
  for (const [url, path, isAllowed] of paths) {
    it(`of ${url} ${isAllowed ? 'covers' : 'does not cover'} ${path}`, () => {
      expect(allowsPath({ verbs: ['get'], nonResourceURLs: [url] }, 'get', path)).to.equal(isAllowed);
      expect(allowsPath({ verbs: ['get'], nonResourceURLs: [url] }, 'post', path)).to.equal(false);
    });
  }
});

describe('The index', () => {
  const reader = object('ClusterRole', 'reader', undefined, {
    rules: [{ verbs: ['get'], apiGroups: ['a.b'], resources: ['tasks'] }],
  });
  const local = object('Role', 'reader', 'n', {
    rules: [{ verbs: ['list'], apiGroups: ['a.b'], resources: ['tasks'] }],
  });
  const bind = (kind: string, role: string, subject: Subject, namespace?: string): DynamicObject =>
    object(namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding', 'b', namespace, {
      ...ref(kind, role),
      subjects: [subject],
    });
  const jane: Identity = { name: 'jane', groups: ['dev'] };
  const bot: Identity = { name: 'system:serviceaccount:n:bot', groups: [] };

  it('finds users, groups and service accounts, cluster-wide and in a namespace', () => {
    const rows: readonly (readonly [World, Identity, string, boolean])[] = [
      [
        { clusterRoleBindings: [bind('ClusterRole', 'reader', { kind: 'User', name: 'jane' })] },
        jane,
        'get a.b tasks m/x',
        true,
      ],
      [
        { clusterRoleBindings: [bind('ClusterRole', 'reader', { kind: 'User', name: 'jane' })] },
        jane,
        'get a.b tasks -',
        true,
      ],
      [
        { clusterRoleBindings: [bind('ClusterRole', 'reader', { kind: 'Group', name: 'jane' })] },
        jane,
        'get a.b tasks m/x',
        false,
      ],
      [
        { clusterRoleBindings: [bind('ClusterRole', 'reader', { kind: 'Group', name: 'dev' })] },
        jane,
        'get a.b tasks m/x',
        true,
      ],
      [
        { roleBindings: [bind('ClusterRole', 'reader', { kind: 'User', name: 'jane' }, 'n')] },
        jane,
        'get a.b tasks n/x',
        true,
      ],
      [
        { roleBindings: [bind('ClusterRole', 'reader', { kind: 'User', name: 'jane' }, 'n')] },
        jane,
        'get a.b tasks m/x',
        false,
      ],
      [
        { roleBindings: [bind('ClusterRole', 'reader', { kind: 'User', name: 'jane' }, 'n')] },
        jane,
        'get a.b tasks -',
        false,
      ],
      [
        { roleBindings: [bind('Role', 'reader', { kind: 'User', name: 'jane' }, 'n')] },
        jane,
        'list a.b tasks n',
        true,
      ],
      [
        { roleBindings: [bind('Role', 'reader', { kind: 'User', name: 'jane' }, 'm')] },
        jane,
        'list a.b tasks m',
        false,
      ],
      [
        { clusterRoleBindings: [bind('Role', 'reader', { kind: 'User', name: 'jane' })] },
        jane,
        'list a.b tasks n',
        false,
      ],
      [
        { roleBindings: [bind('ClusterRole', 'reader', { kind: 'ServiceAccount', name: 'bot' }, 'n')] },
        bot,
        'get a.b tasks n/x',
        true,
      ],
      [
        {
          roleBindings: [
            bind('ClusterRole', 'reader', { kind: 'ServiceAccount', name: 'bot', namespace: 'n' }, 'm'),
          ],
        },
        bot,
        'get a.b tasks m/x',
        true,
      ],
      [
        { roleBindings: [bind('ClusterRole', 'reader', { kind: 'ServiceAccount', name: 'bot' }, 'm')] },
        bot,
        'get a.b tasks m/x',
        false,
      ],
      [
        { clusterRoleBindings: [bind('ClusterRole', 'reader', { kind: 'ServiceAccount', name: 'bot' })] },
        bot,
        'get a.b tasks n/x',
        false,
      ],
    ];
    for (const [world, identity, text, isAllowed] of rows) {
      const index = indexOf({ clusterRoles: [reader], roles: [local], ...world });
      expect(index.resource(identity, request(text)).isAllowed, `${JSON.stringify(world)} ${text}`).to.equal(
        isAllowed,
      );
    }
  });

  it("says why in the apiserver's words", () => {
    const index = indexOf({
      clusterRoles: [reader],
      clusterRoleBindings: [bind('ClusterRole', 'reader', { kind: 'Group', name: 'dev' })],
      roleBindings: [
        bind('ClusterRole', 'reader', { kind: 'ServiceAccount', name: 'bot' }, 'n'),
        { ...bind('ClusterRole', 'gone', { kind: 'User', name: 'joe' }, 'n') },
        { ...bind('Role', 'lost', { kind: 'User', name: 'joe' }, 'n') },
      ],
    });
    const why = (identity: Identity, text: string): string =>
      index.resource(identity, request(text)).reason();
    expect(why(jane, 'get a.b tasks n/x')).to.equal(
      'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to Group "dev"',
    );
    expect(why(bot, 'get a.b tasks n/x')).to.equal(
      'RBAC: allowed by RoleBinding "b/n" of ClusterRole "reader" to ServiceAccount "bot/n"',
    );
    expect(why(jane, 'delete a.b tasks n/x')).to.equal('');
    expect(why({ name: 'joe', groups: [] }, 'get a.b tasks n/x')).to.equal(
      'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "lost" not found]',
    );
  });

  it('is made anew when a list is another one, and only then', () => {
    let world = objects({ clusterRoles: [reader] });
    const index = new RbacIndex(() => world);
    expect(index.resource(jane, request('get a.b tasks n/x')).isAllowed).to.equal(false);
    const binding = bind('ClusterRole', 'reader', { kind: 'User', name: 'jane' });
    world = { ...world, clusterRoleBindings: [{ object: binding }] };
    expect(index.resource(jane, request('get a.b tasks n/x')).isAllowed).to.equal(true);
    world = { ...world, clusterRoles: [] };
    expect(index.resource(jane, request('get a.b tasks n/x')).isAllowed).to.equal(false);
  });

  it('agrees with a walk over everything, whatever the objects are', () => {
    const name = constantFrom('a', 'b');
    const namespace = constantFrom('n', 'm');
    const words = (...all: string[]) => array(constantFrom(...all), { maxLength: 2 });
    const rule = record({
      verbs: words('get', 'list', '*'),
      apiGroups: words('', 'g', '*'),
      resources: words('tasks', 'tasks/status', '*/status', '*'),
      resourceNames: words('x', 'y'),
    });
    const subject = record({
      kind: constantFrom('User', 'Group', 'ServiceAccount'),
      name: constantFrom('u', 'v', 'system:serviceaccount:n:u'),
      namespace: constantFrom('', 'n', 'm'),
    });
    const kindOfRole = constantFrom('Role', 'ClusterRole');
    const worlds = record({
      roles: array(record({ name, namespace, rules: array(rule, { maxLength: 2 }) }), { maxLength: 3 }),
      clusterRoles: array(record({ name, rules: array(rule, { maxLength: 2 }) }), { maxLength: 3 }),
      bindings: array(
        record({
          namespace: option(namespace, { nil: undefined }),
          role: name,
          kind: kindOfRole,
          subjects: array(subject, { maxLength: 3 }),
        }),
        { maxLength: 5 },
      ),
    });
    const asked = record({
      user: constantFrom('u', 'v', 'system:serviceaccount:n:u', 'system:serviceaccount:m:v'),
      groups: words('u', 'v'),
      verb: constantFrom('get', 'list'),
      group: constantFrom('', 'g'),
      subresource: constantFrom(undefined, 'status'),
      namespace: option(namespace, { nil: undefined }),
      object: constantFrom(undefined, 'x', 'y'),
      times: integer({ min: 1, max: 2 }),
    });
    assert(
      property(worlds, asked, (drawn, ask) => {
        // Names are unique, as in a store.
        const unique = <T extends { name: string; namespace?: string }>(all: readonly T[]): T[] =>
          all.filter(
            (one, at) =>
              all.findIndex((other) => other.name === one.name && other.namespace === one.namespace) === at,
          );
        const roles = unique(drawn.roles);
        const clusterRoles = unique(drawn.clusterRoles);
        const made = objects({
          roles: roles.map((role) => object('Role', role.name, role.namespace, { rules: role.rules })),
          clusterRoles: clusterRoles.map((role) =>
            object('ClusterRole', role.name, undefined, { rules: role.rules }),
          ),
          roleBindings: drawn.bindings
            .filter((binding) => binding.namespace !== undefined)
            .map((binding, at) =>
              object('RoleBinding', `b${at}`, binding.namespace, {
                ...ref(binding.kind, binding.role),
                subjects: binding.subjects,
              }),
            ),
          clusterRoleBindings: drawn.bindings
            .filter((binding) => binding.namespace === undefined)
            .map((binding, at) =>
              object('ClusterRoleBinding', `b${at}`, undefined, {
                ...ref(binding.kind, binding.role),
                subjects: binding.subjects,
              }),
            ),
        });
        const identity: Identity = { name: ask.user, groups: ask.groups };
        const wanted: AccessRequest = {
          verb: ask.verb,
          group: ask.group,
          resource: 'tasks',
          ...(ask.subresource === undefined ? {} : { subresource: ask.subresource }),
          ...(ask.namespace === undefined ? {} : { namespace: ask.namespace }),
          ...(ask.object === undefined ? {} : { name: ask.object }),
        };
        const speaksOf = (one: Subject, home: string | undefined): boolean => {
          if (one.kind === 'User') return one.name === ask.user;
          if (one.kind === 'Group') return ask.groups.includes(one.name);
          const from = one.namespace === '' ? home : one.namespace;
          return from !== undefined && ask.user === `system:serviceaccount:${from}:${one.name}`;
        };
        const naive = drawn.bindings.some((binding) => {
          if (binding.namespace !== undefined && binding.namespace !== ask.namespace) return false;
          if (!binding.subjects.some((one) => speaksOf(one, binding.namespace))) return false;
          const rules =
            binding.kind === 'ClusterRole'
              ? clusterRoles.find((role) => role.name === binding.role)?.rules
              : roles.find((role) => role.name === binding.role && role.namespace === binding.namespace)
                  ?.rules;
          return (rules ?? []).some((one) => allowsResource(one, wanted));
        });
        const index = new RbacIndex(() => made);
        for (let time = 0; time < ask.times; time++) {
          expect(index.resource(identity, wanted).isAllowed).to.equal(naive);
        }
      }),
      { numRuns: 500 },
    );
  });
});
