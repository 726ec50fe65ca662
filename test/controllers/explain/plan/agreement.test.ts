/** What the plan says is what the controllers then do: the same edits, foretold, and then made in a whole small cluster. */
import { expect } from 'chai';
import { readPlanFacts } from '../../../../cli/planfacts.ts';
import { forecast } from '../../../../controllers/explain/plan/forecast.ts';
import type { EffectAction, Forecast, PlannedChange } from '../../../../controllers/explain/plan/types.ts';
import { isApiError } from '../../../../machinery/errors.ts';
import { isSameJson } from '../../../../machinery/json.ts';
import { LABEL_TASK } from '../../../../machinery/labels.ts';
import { apiVersionOf, type DynamicObject, type Resource } from '../../../../machinery/meta.ts';
import { configMaps, secrets, taskSets, tasks, workers } from '../../../../schemas/kinds.ts';
import { TaskSetRig } from '../../taskset/rig.ts';

interface Edit {
  readonly kind: Pick<Resource, 'group' | 'version' | 'plural' | 'kind' | 'namespaced'>;
  readonly name: string;
  /** What is created, or merged into what is there. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly title: string;
  readonly before: readonly Edit[];
  readonly edits: readonly Edit[];
  /** `task action`, where they are known by name. */
  readonly told?: readonly string[];
}

const task = (name: string, spec: object): Edit => ({
  kind: tasks,
  name,
  body: { spec: { image: 'web:1', ...spec } },
});
const set = (name: string, spec: object, template: object = {}): Edit => ({
  kind: taskSets,
  name,
  body: {
    spec: {
      selector: { matchLabels: { app: name } },
      ...spec,
      template: { metadata: { labels: { app: name } }, spec: { image: 'web:1', ...template } },
    },
  },
});
const config = (name: string, value: string): Edit => ({
  kind: configMaps,
  name,
  body: { data: { a: value } },
});
const fromConfig = { envFrom: [{ configMapRef: { name: 'settings' } }] };
const ROWS: readonly Row[] = [
  { title: 'a new Task is created', before: [], edits: [task('a', {})], told: ['default/a created'] },
  {
    title: 'another image restarts the container',
    before: [task('a', {})],
    edits: [task('a', { image: 'web:2' })],
    told: ['default/a restarted'],
  },
  {
    title: 'limits are changed in place',
    before: [task('a', { resources: { limits: { memory: '64Mi' } } })],
    edits: [task('a', { resources: { limits: { memory: '128Mi' } } })],
    told: ['default/a changedInPlace'],
  },
  {
    title: 'a limit that goes needs another container',
    before: [task('a', { resources: { limits: { memory: '64Mi' } } })],
    edits: [task('a', { resources: { limits: { memory: null } } })],
    told: ['default/a restarted'],
  },
  {
    title: 'what no container sees touches none',
    before: [task('a', {})],
    edits: [task('a', { restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 3 })],
    told: [],
  },
  {
    title: 'desiredState Stopped removes the container',
    before: [task('a', {})],
    edits: [task('a', { desiredState: 'Stopped' })],
    told: ['default/a removed'],
  },
  {
    title: 'a stopped Task that shall run is created again',
    before: [task('a', { desiredState: 'Stopped' })],
    edits: [task('a', { desiredState: 'Running' })],
    told: ['default/a created'],
  },
  {
    title: 'a Task that fits nowhere waits',
    before: [],
    edits: [task('a', { resources: { requests: { cpu: '400' } } })],
    told: ['default/a waits'],
  },
  {
    title: 'a Task without its ConfigMap waits, and one with it does not',
    before: [],
    edits: [task('a', fromConfig)],
    told: ['default/a waits'],
  },
  {
    title: 'a ConfigMap that comes lets those begin that waited for it',
    before: [task('a', fromConfig)],
    edits: [config('settings', '1')],
    told: ['default/a created'],
  },
  {
    title: 'a Task begins after what it depends on',
    before: [],
    edits: [task('a', { dependsOn: [{ name: 'z', condition: 'Ready' }] }), task('z', {})],
    told: ['default/a created', 'default/z created'],
  },
  { title: 'a new set is created', before: [], edits: [set('web', { replicas: 3 })] },
  {
    title: 'another image rolls the set out step by step',
    before: [set('web', { replicas: 3 })],
    edits: [set('web', { replicas: 3 }, { image: 'web:2' })],
  },
  {
    title: 'fixed ports stop the old one first',
    before: [set('web', { replicas: 2 }, { ports: [{ containerPort: 80, hostPort: 8080 }] })],
    edits: [set('web', { replicas: 2 }, { image: 'web:2' })],
  },
  {
    title: 'Recreate ends all, then begins all',
    before: [set('web', { replicas: 3, strategy: { type: 'Recreate' } })],
    edits: [set('web', { replicas: 3 }, { image: 'web:2' })],
  },
  {
    title: 'scaling down removes some, scaling up creates some',
    before: [set('web', { replicas: 4 }), set('api', { replicas: 1 })],
    edits: [set('web', { replicas: 1 }), set('api', { replicas: 3 })],
  },
  {
    title: 'a ConfigMap of a template rolls the set, and no other',
    before: [config('settings', '1'), set('web', { replicas: 2 }, fromConfig), set('api', { replicas: 1 })],
    edits: [config('settings', '2')],
  },
  {
    title: 'a canary goes no further by itself',
    before: [set('web', { replicas: 3, strategy: { canary: { replicas: 1 } } })],
    edits: [set('web', { replicas: 3 }, { image: 'web:2' })],
  },
  {
    title: 'a paused set does nothing',
    before: [set('web', { replicas: 2, paused: true })],
    edits: [set('web', { paused: true, replicas: 2 }, { image: 'web:2' })],
    told: [],
  },
  {
    title: 'a Global set comes to every worker, in its turn',
    before: [set('web', { mode: 'Global' })],
    edits: [set('web', { mode: 'Global' }, { image: 'web:2' })],
  },
  {
    title: 'a cordoned worker gets nothing new',
    before: [],
    edits: [
      { kind: workers, name: 'w1', body: { spec: { unschedulable: true } } },
      set('web', { replicas: 2 }),
    ],
  },
  {
    title: 'a Task of higher priority takes the room of another, which is removed and waits',
    before: [
      task('low', { priority: 0, resources: { requests: { cpu: '3' } } }),
      task('low2', { priority: 0, resources: { requests: { cpu: '3' } } }),
    ],
    edits: [
      task('high', {
        priority: 10,
        preemptionPolicy: 'PreemptLowerPriority',
        resources: { requests: { cpu: '3' } },
      }),
    ],
    told: ['default/high created', 'default/low removed'],
  },
];

describe('what gantry plan says', () => {
  let rig: TaskSetRig;
  beforeEach(async () => {
    rig = await TaskSetRig.open({ workers: ['w1', 'w2'] });
  });
  afterEach(() => rig.close());

  for (const row of ROWS) {
    it(`is what happens: ${row.title}`, async () => {
      for (const edit of row.before) await write(edit, false);
      await rig.world.advance(40_000);
      const changes: PlannedChange[] = [];
      for (const edit of row.edits) changes.push(await write(edit, true));
      const { admin, clock } = rig.world;
      const facts = await readPlanFacts(changes, {
        client: admin,
        clock,
        signal: AbortSignal.timeout(60_000),
      });
      const plan = forecast(facts);
      const before = alive();
      for (const edit of row.edits) await write(edit, false);
      await rig.world.advance(90_000);
      const seen = whatHappened(before, alive());
      const told = toldBy(plan);
      expect(told.filter((line) => !line.endsWith(' in place'))).to.deep.equal(seen);
      if (row.told !== undefined) {
        const words = plan.effects.map(({ task: name, action }) => `${name} ${action}`).sort();
        expect(words).to.deep.equal([...row.told].sort());
      }
      expect(isInOrder(plan), JSON.stringify(plan.effects, null, 1)).to.equal(true);
      for (const effect of plan.effects) expect(effect.message, effect.task).not.to.equal('');
    });
  }

  it('is nothing where Secrets are made with what uses them: their names are not known, their number is', async () => {
    const secret: Edit = { kind: secrets, name: 'key', body: { stringData: { a: 'x' } } };
    const user = set('web', { replicas: 2 }, { envFrom: [{ secretRef: { name: 'key' } }] });
    const changes = [await write(secret, true), await write(user, true)];
    const { admin, clock } = rig.world;
    const facts = await readPlanFacts(changes, { client: admin, clock, signal: AbortSignal.timeout(60_000) });
    const plan = forecast(facts);
    expect(plan.effects.map(({ action }) => action)).to.deep.equal(['created', 'created']);
    expect(isSameJson(plan, forecast(facts)), 'the same facts, the same forecast').to.equal(true);
  });

  interface Alive {
    readonly id: string;
    readonly worker: string;
    readonly resources: unknown;
    readonly createdAt: string;
  }

  function alive(): Map<string, Alive> {
    const found = new Map<string, Alive>();
    for (const [worker, engine] of rig.engines) {
      for (const container of engine.engine.containers()) {
        const { id, labels, state, resources, createdAt } = container.detail();
        if (state === 'running') found.set(labels[LABEL_TASK] ?? '', { id, worker, resources, createdAt });
      }
    }
    return found;
  }

  function isInOrder({ effects }: Forecast): boolean {
    const now = alive();
    const made = effects
      .filter(({ action }) => action === 'created')
      .map(({ task: name, step }) => ({ step, at: now.get(name)?.createdAt ?? '' }));
    return made.every((one) => made.every((other) => one.step >= other.step || one.at <= other.at));
  }

  async function write({ kind, name, body }: Edit, dryRun: boolean): Promise<PlannedChange> {
    const { admin } = rig.world;
    const key = { name, ...(kind.namespaced ? { namespace: 'default' } : {}) };
    const options = dryRun ? { dryRun: true } : {};
    const before = await admin.get(kind, key).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (before !== undefined) {
      return { before, after: await admin.patch(kind, key, { type: 'merge', body }, options) };
    }
    const object: DynamicObject = {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: key,
      ...body,
    };
    return { before, after: await admin.create(kind, object, options) };
  }
});

/** Waits have no container to be seen. */
function toldBy({ effects }: Forecast): readonly string[] {
  const words: Partial<Record<EffectAction, string>> = {
    created: 'created on',
    restarted: 'restarted on',
    moved: 'moved to',
    removed: 'removed from',
  };
  return effects
    .filter(({ action, reason }) => action !== 'waits' && reason !== 'InputsChanged')
    .map(({ task: name, action, worker, from }) =>
      action === 'changedInPlace'
        ? `${name} changed on ${worker}`
        : `${name} ${words[action]} ${worker ?? from}`,
    )
    .sort();
}

function whatHappened(
  before: ReadonlyMap<string, { id: string; worker: string; resources: unknown }>,
  after: ReadonlyMap<string, { id: string; worker: string; resources: unknown }>,
): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .flatMap((name) => {
      const [old, young] = [before.get(name), after.get(name)];
      if (old === undefined) return young === undefined ? [] : [`${name} created on ${young.worker}`];
      if (young === undefined) return [`${name} removed from ${old.worker}`];
      if (old.worker !== young.worker) return [`${name} moved to ${young.worker}`];
      if (old.id !== young.id) return [`${name} restarted on ${young.worker}`];
      return isSameJson(old.resources, young.resources) ? [] : [`${name} changed on ${young.worker}`];
    })
    .sort();
}
