/** What a TaskSet may be: word for word, in Kubernetes' words where a Deployment has the field. */
import { expect } from 'chai';
import { taskSetRules } from '../../../../api/registry/admission/rules/taskset.ts';
import { LABEL_SECURITY } from '../../../../machinery/labels.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { namespaces } from '../../../../schemas/kinds.ts';
import { openWorld, type World } from '../../../world.ts';
import { create, patch } from './saying.ts';

type Fields = Readonly<Record<string, unknown>>;

const set = (more: Fields = {}, task: Fields = {}, labels: Fields = { app: 'web' }): Fields => ({
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels }, spec: { image: 'x', ...task } },
  ...more,
});
const strategy = (fields: Fields): Fields => set({ strategy: fields });
const told = (before: Fields, after: Fields): string[] => {
  const whole = (spec: Fields): DynamicObject => ({
    apiVersion: 'gantry.dev/v1',
    kind: 'TaskSet',
    metadata: { name: 'web' },
    spec,
  });
  const problems = taskSetRules.onUpdate?.(whole(after), whole(before), undefined) ?? [];
  return problems.map(({ field, message }) => `${field}: ${message}`);
};
const OUT_OF_RANGE = 'must be a whole number from 0 to 1000 or a percentage from 0% to 100%';

describe('TaskSets', () => {
  let world: World;
  beforeEach(async () => (world = await openWorld()));
  afterEach(() => world.close());

  for (const [what, spec, ...problems] of [
    ['a small one', set()],
    [
      'a selector by expressions',
      set({
        selector: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['web', 'db'] },
            { key: 'old', operator: 'DoesNotExist' },
          ],
        },
      }),
    ],
    [
      'a selector that selects everything',
      set({ selector: {} }),
      'spec.selector: Invalid value: {}: empty selector is invalid for a TaskSet',
    ],
    [
      'an empty one, at length',
      set({ selector: { matchLabels: {}, matchExpressions: [] } }),
      'spec.selector: Invalid value: {"matchLabels":{},"matchExpressions":[]}: empty selector is invalid for a TaskSet',
    ],
    [
      'another label',
      set({}, {}, { app: 'db' }),
      'spec.template.metadata.labels: Invalid value: {"app":"db"}: `selector` does not match template `labels`',
    ],
    [
      'a selector by the name that its tasks get',
      set({ selector: { matchLabels: { 'gantry.dev/taskset': 'web' } } }, {}, {}),
    ],
    [
      'by another name than they get, whatever the template says',
      set({ selector: { matchLabels: { 'gantry.dev/taskset': 'x' } } }, {}, { 'gantry.dev/taskset': 'x' }),
      'spec.selector: Invalid value: {"matchLabels":{"gantry.dev/taskset":"x"}}: its tasks have gantry.dev/taskset=web',
    ],
    [
      'by the revision, which changes',
      set(
        {
          selector: {
            matchLabels: { app: 'web' },
            matchExpressions: [{ key: 'controller-revision-hash', operator: 'DoesNotExist' }],
          },
        },
        {},
      ),
      'spec.selector: Invalid value: {"matchLabels":{"app":"web"},"matchExpressions":[{"key":"controller-revision-hash","operator":"DoesNotExist"}]}: must not be on controller-revision-hash, which is another one for each revision',
    ],
    [
      'no label at all',
      set({}, {}, {}),
      'spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`',
    ],
    [
      'a deadline of one second more than a task has to be ready',
      set({ minReadySeconds: 15, progressDeadlineSeconds: 16 }),
    ],
    [
      'a deadline that no task can keep',
      set({ minReadySeconds: 15, progressDeadlineSeconds: 15 }),
      'spec.progressDeadlineSeconds: Invalid value: 15: must be greater than minReadySeconds, which is 15',
    ],
    [
      'a default deadline that no task can keep',
      set({ minReadySeconds: 600 }),
      'spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds, which is 600',
    ],
    [
      'In without values',
      set({ selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }),
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
    [
      'Exists with values',
      set({ selector: { matchExpressions: [{ key: 'app', operator: 'Exists', values: ['a'] }] } }),
      "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
    [
      'a selector of no label',
      set({ selector: { matchLabels: { '-': 'a' } } }),
      "spec.selector.matchLabels: Invalid value: \"-\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName', or 'my.name', or '123-abc'), found \"-\"",
    ],
    [
      'a template with no label',
      set({}, {}, { app: 'web', 'a b': 'c' }),
      "spec.template.metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName', or 'my.name', or '123-abc'), found \"a b\"",
    ],
    [
      'two volumes at one path',
      set(
        {},
        {
          volumes: [{ name: 'v', emptyDir: {} }],
          volumeMounts: [
            { name: 'v', mountPath: '/a' },
            { name: 'v', mountPath: '/a/' },
          ],
        },
      ),
      'spec.template.spec.volumeMounts[1].mountPath: Duplicate value: "/a/"',
    ],
    ['a whole number', strategy({ maxSurge: 3, maxUnavailable: 0 })],
    ['percentages', strategy({ maxSurge: '0%', maxUnavailable: '100%' })],
    [
      'too many per cent',
      strategy({ maxSurge: '101%' }),
      `spec.strategy.maxSurge: Invalid value: "101%": ${OUT_OF_RANGE}`,
    ],
    [
      'a fraction of a per cent',
      strategy({ maxUnavailable: '2.5%' }),
      `spec.strategy.maxUnavailable: Invalid value: "2.5%": ${OUT_OF_RANGE}`,
    ],
    [
      'a number as text',
      strategy({ maxSurge: '3' }),
      `spec.strategy.maxSurge: Invalid value: "3": ${OUT_OF_RANGE}`,
    ],
    [
      'less than none',
      strategy({ maxUnavailable: -1 }),
      `spec.strategy.maxUnavailable: Invalid value: -1: ${OUT_OF_RANGE}`,
    ],
    [
      'nothing that could move',
      strategy({ maxSurge: 0, maxUnavailable: '0%' }),
      'spec.strategy.maxUnavailable: Invalid value: {"maxSurge":0,"maxUnavailable":"0%","type":"RollingUpdate","autoRevert":false}: must not be 0 when maxSurge is 0: nothing could ever be replaced',
    ],
    [
      'Recreate with a canary',
      strategy({ type: 'Recreate', canary: {} }),
      'spec.strategy.canary: Invalid value: {"type":"Recreate","canary":{"replicas":1,"autoPromote":false},"maxSurge":"25%","maxUnavailable":"25%","autoRevert":false}: must be absent with type Recreate',
    ],
    [
      'Global with a number',
      set({ mode: 'Global', replicas: 2 }),
      'spec.replicas: Invalid value: "object": must be absent with mode Global, which has one task on every matching worker',
    ],
    [
      'another restartPolicy',
      set({}, { restartPolicy: 'Never' }),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
  ] as const) {
    it(`${what} ${problems.length === 0 ? 'is taken' : 'is refused'}`, async () => {
      expect((await create(world, 'tasksets', 'web', spec)).problems).to.deep.equal(problems);
    });
  }

  it('has a name that its Tasks’ names may begin with', async () => {
    for (const [name, problem] of [
      [
        'a.b',
        "metadata.name: Invalid value: \"a.b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc')",
      ],
      [
        'a'.repeat(53),
        'metadata.name: Invalid value: "object": must be no more than 52 characters, since the names of its tasks begin with it',
      ],
    ] as const) {
      expect((await create(world, 'tasksets', name, set())).problems).to.deep.equal([problem]);
    }
  });

  it('keeps its selector and its mode', async () => {
    await create(world, 'tasksets', 'web', set());
    const change = (spec: Fields): Promise<readonly string[]> =>
      patch(world, 'tasksets', 'web', { spec }).then(({ problems }) => problems);
    expect(await change({ selector: { matchLabels: { tier: 'a' } } })).to.deep.equal([
      'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"a"}}: field is immutable',
    ]);
    expect(await change({ mode: 'Global' })).to.deep.equal([
      'spec.mode: Invalid value: "object": field is immutable',
    ]);
    expect(await change({ template: { metadata: { labels: { app: 'db' } } } })).to.deep.equal([
      'spec.template.metadata.labels: Invalid value: {"app":"db"}: `selector` does not match template `labels`',
    ]);
    expect(await change({ replicas: 3, template: { metadata: { labels: { more: 'b' } } } })).to.deep.equal(
      [],
    );
  });

  it('keeps a deadline that no task can keep, until one of the two is changed', async () => {
    const stored = { minReadySeconds: 15, progressDeadlineSeconds: 10 };
    expect(told(set(stored), set(stored))).to.deep.equal([]);
    expect(told(set(stored), set({ ...stored, replicas: 3 }))).to.deep.equal([]);
    expect(told(set(stored), set({ ...stored, progressDeadlineSeconds: 11 }))).to.deep.equal([
      'spec.progressDeadlineSeconds: Invalid value: 11: must be greater than minReadySeconds, which is 15',
    ]);
  });

  it('is let pass with a warning where its Tasks would be refused', async () => {
    const made = await create(
      world,
      'tasksets',
      'web',
      set({}, { hostPID: true, network: { mode: 'host' } }),
    );
    expect([made.problems, made.warnings]).to.deep.equal([
      [],
      [
        'would violate level "baseline" of namespace "default": spec.template.spec.network.mode must not be "host"; spec.template.spec.hostPID must not be true',
      ],
    ]);
    expect(
      (await patch(world, 'tasksets', 'web', { metadata: { labels: { a: 'b' } } })).warnings,
    ).to.deep.equal([]);
    expect(
      (await patch(world, 'tasksets', 'web', { spec: { template: { spec: { hostPID: null } } } })).warnings,
    ).to.deep.equal([
      'would violate level "baseline" of namespace "default": spec.template.spec.network.mode must not be "host"',
    ]);
    await world.admin.patch(
      namespaces,
      { name: 'default' },
      { type: 'merge', body: { metadata: { labels: { [LABEL_SECURITY]: 'privileged' } } } },
    );
    expect((await create(world, 'tasksets', 'web2', set({}, { hostPID: true }))).warnings).to.deep.equal([]);
  });
});
