/** The security levels of namespaces: the rules' table, their laws, and that no way to a Task leads past them. */
import { expect } from 'chai';
import fc from 'fast-check';
import { isAllowedHostPath } from '../../../../api/registry/admission/security/hostpaths.ts';
import type { SecurityLevel } from '../../../../api/registry/admission/security/levels.ts';
import { securityProblems } from '../../../../api/registry/admission/security/problems.ts';
import type { WriteResult } from '../../../../api/registry/types.ts';
import { ApiError } from '../../../../machinery/errors.ts';
import { namespaces, tasks } from '../../../../schemas/kinds.ts';
import type { Task } from '../../../../schemas/types.gen.ts';
import { taskManifest } from '../../../builders.ts';
import { adminIdentity, openWorld, type World } from '../../../world.ts';

type Spec = Partial<Task['spec']>;

const NONE = { allowedHostPaths: [] };
const hostPath = (path: string): Spec => ({ volumes: [{ name: 'v', hostPath: { path } }] });
const HARDENED: Spec = {
  securityContext: { runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
};
const hardened = (securityContext: Spec['securityContext']): Spec => ({
  securityContext: { ...HARDENED.securityContext, ...securityContext },
});

describe('securityProblems', () => {
  const baseline: readonly (readonly [what: string, spec: Spec, found: string])[] = [
    [
      'privileged',
      { securityContext: { privileged: true } },
      'spec.securityContext.privileged must not be true',
    ],
    ['the host network', { network: { mode: 'host' } }, 'spec.network.mode must not be "host"'],
    ["the worker's processes", { hostPID: true }, 'spec.hostPID must not be true'],
    [
      'a capability beyond the list',
      { securityContext: { capabilities: { add: ['CHOWN', 'SYS_ADMIN', 'NET_RAW'] } } },
      'spec.securityContext.capabilities.add must not include "SYS_ADMIN", "NET_RAW" (allowed: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT)',
    ],
    [
      'all capabilities',
      { securityContext: { capabilities: { add: ['ALL'] } } },
      'spec.securityContext.capabilities.add must not include "ALL" (allowed: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT)',
    ],
    [
      'no seccomp',
      { securityContext: { seccompProfile: { type: 'Unconfined' } } },
      'spec.securityContext.seccompProfile.type must not be "Unconfined"',
    ],
    [
      'a path of the worker',
      hostPath('/etc'),
      'spec.volumes[0].hostPath.path must be a path that the operator allows (found "/etc", none is)',
    ],
    [
      'a port open to others',
      { ports: [{ containerPort: 80 }, { containerPort: 81, hostIP: '0.0.0.0' }] },
      'spec.ports[1].hostIP must be absent or a loopback address (found "0.0.0.0"); absent is the worker\'s publish address',
    ],
    [
      'real-time priority',
      {
        ulimits: [
          { name: 'nofile', soft: 1024, hard: 1024 },
          { name: 'rtprio', soft: 0, hard: 50 },
        ],
      },
      'spec.ulimits[1] must not raise rtprio: what runs in real time is held by no cpu limit',
    ],
    [
      'a probe of somebody else',
      { livenessProbe: { httpGet: { port: 80, host: '127.0.0.1' } } },
      'spec.livenessProbe.httpGet.host must be absent (found "127.0.0.1")',
    ],
    [
      'a hook that asks somebody else',
      { lifecycle: { preStop: { tcpSocket: { port: 80, host: '10.0.0.1' } } } },
      'spec.lifecycle.preStop.tcpSocket.host must be absent (found "10.0.0.1")',
    ],
  ];
  const restricted: readonly (readonly [what: string, spec: Spec, found: string])[] = [
    [
      'gaining rights',
      hardened({ allowPrivilegeEscalation: true }),
      'spec.securityContext.allowPrivilegeEscalation must not be true',
    ],
    ['root', hardened({ runAsUser: 0 }), 'spec.securityContext.runAsUser must not be 0'],
    [
      'whatever user the image says',
      { securityContext: { capabilities: { drop: ['ALL'] } } },
      'spec.securityContext.runAsNonRoot must be true, or runAsUser a number above 0',
    ],
    [
      "the engine's capabilities",
      { securityContext: { runAsNonRoot: true, capabilities: { drop: ['CHOWN'] } } },
      'spec.securityContext.capabilities.drop must include "ALL"',
    ],
    [
      'a capability that baseline has',
      hardened({ capabilities: { drop: ['ALL'], add: ['CHOWN'] } }),
      'spec.securityContext.capabilities.add must not include "CHOWN" (allowed: NET_BIND_SERVICE)',
    ],
    ['a path of the worker', { ...HARDENED, ...hostPath('/srv') }, 'spec.volumes[0].hostPath must be absent'],
  ];
  const told = (spec: Spec, level: SecurityLevel, allowedHostPaths: readonly string[] = []): string[] =>
    securityProblems(spec, level, { allowedHostPaths }).map(({ field, message }) => `${field} ${message}`);

  for (const [what, spec, found] of baseline) {
    it(`baseline refuses ${what}, and privileged does not`, () => {
      expect(told(spec, 'baseline')).to.deep.equal([found]);
      expect(told(spec, 'privileged')).to.deep.equal([]);
    });
  }
  for (const [what, spec, found] of restricted) {
    it(`restricted refuses ${what}, and baseline does not`, () => {
      expect(told(spec, 'restricted', ['/srv'])).to.deep.equal([found]);
      expect(told(spec, 'baseline', ['/srv'])).to.deep.equal([]);
    });
  }

  const fine: readonly (readonly [what: string, level: SecurityLevel, spec: Spec])[] = [
    ['nothing', 'baseline', {}],
    ['root, which an image may have', 'baseline', { securityContext: { runAsUser: 0 } }],
    ['a host port', 'baseline', { ports: [{ containerPort: 80, hostPort: 8080 }] }],
    ['a port on a loopback address', 'baseline', { ports: [{ containerPort: 80, hostIP: '127.0.0.2' }] }],
    ["volumes that are not the worker's", 'baseline', { volumes: [{ name: 'a', emptyDir: {} }] }],
    ['privileged: false', 'baseline', { securityContext: { privileged: false }, hostPID: false }],
    ['a probe without host', 'restricted', { ...HARDENED, livenessProbe: { httpGet: { port: 80 } } }],
    ['hardened', 'restricted', HARDENED],
    ['a user above 0', 'restricted', { securityContext: { runAsUser: 1, capabilities: { drop: ['ALL'] } } }],
    [
      'NET_BIND_SERVICE',
      'restricted',
      hardened({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
    ],
    [
      'a local profile',
      'restricted',
      hardened({ seccompProfile: { type: 'Localhost', localhostProfile: 'x' } }),
    ],
    [
      'named volumes, ConfigMaps and Secrets',
      'restricted',
      {
        ...HARDENED,
        volumes: [
          { name: 'a', volume: { name: 'data' } },
          { name: 'b', configMap: { name: 'c' } },
          { name: 'c', secret: { secretName: 's' } },
        ],
      },
    ],
  ];
  for (const [what, level, spec] of fine) {
    it(`${level} lets in ${what}`, () => expect(told(spec, level)).to.deep.equal([]));
  }

  it('names everything at once', () => {
    const spec: Spec = { hostPID: true, network: { mode: 'host' }, ...hostPath('/etc') };
    expect(securityProblems(spec, 'restricted', NONE).map(({ field }) => field)).to.deep.equal([
      'spec.network.mode',
      'spec.hostPID',
      'spec.volumes[0].hostPath',
      'spec.securityContext.runAsNonRoot',
      'spec.securityContext.capabilities.drop',
    ]);
  });

  it('law: what restricted lets in baseline lets in, and nothing makes it throw', () => {
    const names = fc.subarray(['ALL', 'CHOWN', 'NET_BIND_SERVICE', 'SYS_ADMIN']);
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const spec = fc.record({
      securityContext: maybe(
        fc.record({
          privileged: maybe(fc.boolean()),
          allowPrivilegeEscalation: maybe(fc.boolean()),
          runAsUser: maybe(fc.nat(2)),
          runAsNonRoot: maybe(fc.boolean()),
          capabilities: maybe(fc.record({ add: maybe(names), drop: maybe(names) })),
          seccompProfile: maybe(fc.record({ type: fc.constantFrom('RuntimeDefault', 'Unconfined') })),
        }),
      ),
      network: maybe(fc.record({ mode: fc.constantFrom('host', 'bridge', 'none') })),
      hostPID: maybe(fc.boolean()),
      volumes: maybe(
        fc.array(fc.record({ name: fc.string(), hostPath: maybe(fc.record({ path: fc.string() })) })),
      ),
    });
    fc.assert(
      fc.property(fc.oneof(spec, fc.anything()), (any) => {
        const isLetIn = (level: SecurityLevel): boolean => securityProblems(any, level, NONE).length === 0;
        expect(isLetIn('restricted') && !isLetIn('baseline')).to.equal(false);
        expect(isLetIn('privileged')).to.equal(true);
      }),
    );
  });
});

describe('isAllowedHostPath', () => {
  const allowed = ['/srv/data', '/var/log/'];
  for (const [path, is] of [
    ['/srv/data', true],
    ['/srv/data/', true],
    ['/srv//data/./x', true],
    ['/var/log/app', true],
    ['/srv', false],
    ['/srv/database', false],
    ['/srv/data/../../etc', false],
    ['/srv/data/..', false],
    ['srv/data', false],
    ['', false],
  ] as const) {
    it(`${is ? 'takes' : 'refuses'} ${JSON.stringify(path)}`, () =>
      expect(isAllowedHostPath(path, allowed)).to.equal(is));
  }
  it('takes everything where / is allowed', () => expect(isAllowedHostPath('/etc', ['/'])).to.equal(true));
  it('takes nothing from an empty list', () => expect(isAllowedHostPath('/', [])).to.equal(false));
});

describe("A namespace's security level", () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld({ allowedHostPaths: ['/srv/data'] });
  });
  afterEach(() => world.close());

  const key = { namespace: 'default', name: 'x' };
  const privileged: Spec = { securityContext: { privileged: true } };
  const REFUSAL =
    'tasks.gantry.dev "x" is forbidden: violates level "baseline" of namespace "default": spec.securityContext.privileged must not be true';
  const level = (value: string | null, name = 'default') =>
    world.admin.patch(
      namespaces,
      { name },
      {
        type: 'merge',
        body: { metadata: { labels: { 'gantry.dev/security': value } } },
      },
    );
  const refusalOf = async (work: Promise<unknown>): Promise<ApiError> => {
    const error = await work.then(
      () => new Error('it was done'),
      (thrown: unknown) => thrown,
    );
    if (error instanceof ApiError) return error;
    throw error;
  };
  const labelled = async (value: string): Promise<WriteResult> => {
    const kind = world.registry.findKind('', 'v1', 'namespaces');
    if (kind === undefined) throw new Error('namespaces are not served');
    const body = { metadata: { labels: { 'gantry.dev/security': value } } };
    return world.registry.patch(
      { identity: adminIdentity },
      kind,
      { name: 'default' },
      { type: 'merge', body },
    );
  };

  it('is baseline where no label says otherwise, for everybody, in every namespace', async () => {
    const error = await refusalOf(world.admin.create(tasks, taskManifest('x', privileged)));
    expect(error.reason).to.equal('Forbidden');
    expect(error.message).to.equal(REFUSAL);
    expect(error.details?.causes).to.deep.equal([
      {
        reason: 'FieldValueForbidden',
        field: 'spec.securityContext.privileged',
        message: 'must not be true',
      },
    ]);
    await refusalOf(world.admin.create(tasks, taskManifest('x', privileged, { namespace: 'gantry-system' })));
  });

  it('is told by the label, at once', async () => {
    await level('privileged');
    await world.admin.create(tasks, taskManifest('a', privileged));
    await level('restricted');
    expect((await refusalOf(world.admin.create(tasks, taskManifest('x')))).message).to.equal(
      'tasks.gantry.dev "x" is forbidden: violates level "restricted" of namespace "default": spec.securityContext.runAsNonRoot must be true, or runAsUser a number above 0; spec.securityContext.capabilities.drop must include "ALL"',
    );
    await world.admin.create(tasks, taskManifest('b', HARDENED));
    await level(null);
    await world.admin.create(tasks, taskManifest('x'));
  });

  it('is one of three', async () => {
    const error = await refusalOf(level('strict'));
    expect(error.message).to.equal(
      'Namespace "default" is invalid: metadata.labels[gantry.dev/security]: Unsupported value: "strict": supported values: "privileged", "baseline", "restricted"',
    );
    const made = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'n', labels: { 'gantry.dev/security': '' } },
    };
    expect((await refusalOf(world.admin.create(namespaces, made))).reason).to.equal('Invalid');
  });

  it('lets in paths of the worker that the operator allows', async () => {
    await world.admin.create(tasks, taskManifest('a', hostPath('/srv/data/a')));
    const error = await refusalOf(world.admin.create(tasks, taskManifest('x', hostPath('/srv'))));
    expect(error.message).to.include('(found "/srv", allowed: /srv/data)');
  });

  it('holds for every way to a spec, dry runs too', async () => {
    const made = await world.admin.create(tasks, taskManifest('x'));
    const spec = { ...made.spec, ...privileged };
    const apply = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: key,
      spec: { image: 'busybox', ...privileged },
    };
    const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['update', () => world.admin.update(tasks, { ...made, spec })],
      ['merge patch', () => world.admin.patch(tasks, key, { type: 'merge', body: { spec } })],
      [
        'JSON patch',
        () =>
          world.admin.patch(tasks, key, {
            type: 'json',
            body: [{ op: 'add', path: '/spec/securityContext', value: privileged.securityContext }],
          }),
      ],
      ['apply', () => world.admin.patch(tasks, key, { type: 'apply', body: apply }, { fieldManager: 'm' })],
      ['dry run', () => world.admin.update(tasks, { ...made, spec }, { dryRun: true })],
      [
        'dry creation',
        async () => world.admin.create(tasks, taskManifest('x', privileged), { dryRun: true }),
      ],
    ];
    for (const [way, go] of ways) expect((await refusalOf(go())).message, way).to.equal(REFUSAL);
    await world.admin.delete(tasks, key);
    const fresh = world.admin.patch(tasks, key, { type: 'apply', body: apply }, { fieldManager: 'm' });
    expect((await refusalOf(fresh)).message).to.equal(REFUSAL);
  });

  describe('that is tightened', () => {
    beforeEach(async () => {
      await level('privileged');
      await world.admin.create(tasks, taskManifest('x', privileged));
    });
    const patch = (body: unknown, subresource?: string): Promise<Task> =>
      world.admin.patch(
        tasks,
        key,
        { type: 'merge', body },
        subresource === undefined ? {} : { subresource },
      );

    it('warns of the tasks that are there, naming at most ten', async () => {
      await world.admin.create(tasks, taskManifest('fine', HARDENED));
      expect((await labelled('baseline')).warnings).to.deep.equal([
        'existing tasks in namespace "default" violate the new level "baseline"; they keep running',
        'x: spec.securityContext.privileged must not be true',
      ]);
      expect((await labelled('privileged')).warnings).to.deep.equal([]);
      for (let index = 0; index < 11; index++) await world.admin.create(tasks, taskManifest(`t${index}`));
      const { warnings } = await labelled('restricted');
      expect(warnings).to.have.length(12);
      expect(warnings.at(-1)).to.equal('and 2 more');
    });

    it('lets what is there be labelled, reported on, stopped and deleted', async () => {
      await level('baseline');
      await patch({ metadata: { labels: { a: 'b' } } });
      await patch({ status: { phase: 'Running' } }, 'status');
      await patch({ spec: { activeDeadlineSeconds: 5, terminationGracePeriodSeconds: 1 } });
      await patch({ spec: { desiredState: 'Stopped' } });
      expect((await refusalOf(patch({ spec: { desiredState: 'Running' } }))).message).to.equal(REFUSAL);
      await world.admin.delete(tasks, key);
    });

    it('refuses every other change of a spec, and takes one that puts it right', async () => {
      await level('baseline');
      expect((await refusalOf(patch({ spec: { image: 'other' } }))).message).to.equal(REFUSAL);
      expect((await refusalOf(patch({ spec: { desiredState: 'Stopped', hostPID: true } }))).message).to.equal(
        `${REFUSAL}; spec.hostPID must not be true`,
      );
      await patch({ spec: { securityContext: null } });
    });

    it('does not keep a task from being placed', async () => {
      await world.addWorker('w1');
      await level('baseline');
      await world.admin.post(tasks, key, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: key,
        target: { name: 'w1' },
        epoch: 1,
      });
    });
  });
});
