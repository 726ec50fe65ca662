/**
 * Laws of the planner, on random worlds: whatever people do to the engine and to the Task in between, performing any
 * plan leaves at most one container running, never starts one beside another, and comes to rest.
 */

import { expect } from 'chai';
import * as fc from 'fast-check';
import { forgetGone, type Outcome, remember } from '../../../controllers/task/acting/remember.ts';
import { planTask } from '../../../controllers/task/plan.ts';
import type { ProbeState, TaskInputs } from '../../../controllers/task/services.ts';
import { type Action, emptyMemory, type TaskMemory, type TaskPlan } from '../../../controllers/task/types.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeEngine } from '../../../runtime/fake/engine.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { boundTask, world } from './worlds.ts';

type Step =
  | { readonly kind: 'reconcile' | 'forget' | 'unlucky' }
  /** What the Task takes from ConfigMaps: there in another version, or missing. */
  | { readonly kind: 'inputs'; readonly version: string | undefined }
  /** What probes of the newest running container say. */
  | { readonly kind: 'probe'; readonly state: Partial<ProbeState> }
  /** How a hook that runs comes to its end. */
  | { readonly kind: 'hook'; readonly isWell: boolean }
  | { readonly kind: 'overuse' }
  | { readonly kind: 'edit'; readonly spec: Partial<Task['spec']> }
  | {
      readonly kind: 'byHand';
      readonly act: 'kill' | 'pause' | 'remove' | 'rename' | 'start' | 'limit';
      readonly which: number;
    }
  | { readonly kind: 'time'; readonly seconds: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant<Step>({ kind: 'reconcile' }) },
    fc.constantFrom<Step>({ kind: 'forget' }, { kind: 'unlucky' }),
    fc
      .constantFrom<Partial<Task['spec']>>(
        { image: 'app:2' },
        { image: 'app:1' },
        { image: 'crash:1' },
        { image: 'bad:1' },
        { desiredState: 'Stopped' },
        { desiredState: 'Running' },
        { restartPolicy: 'Never' },
        { restartPolicy: 'Always' },
        { resources: { limits: { memory: '64Mi' } } },
        { resources: {} },
        { ports: [{ containerPort: 80 }] },
        { lifecycle: { postStart: { sleep: { seconds: 1 } }, preStop: { sleep: { seconds: 1 } } } },
        { lifecycle: {} },
        { livenessProbe: { tcpSocket: { port: 80 } }, readinessProbe: { tcpSocket: { port: 80 } } },
        { startupProbe: { tcpSocket: { port: 80 } } },
        { activeDeadlineSeconds: 1_000_000 },
      )
      .map((spec): Step => ({ kind: 'edit', spec })),
    {
      weight: 5,
      arbitrary: fc
        .tuple(fc.constantFrom('kill', 'pause', 'remove', 'rename', 'start', 'limit'), fc.nat(5))
        .map(([act, which]): Step => ({ kind: 'byHand', act, which })),
    },
    fc.integer({ min: 1, max: 90 }).map((seconds): Step => ({ kind: 'time', seconds })),
    fc.constantFrom('v1', 'v2', undefined).map((version): Step => ({ kind: 'inputs', version })),
    fc
      .constantFrom<Partial<ProbeState>>(
        { liveness: 'failed' },
        { startup: 'failed' },
        { startup: 'pending' },
        { readiness: 'notReady' },
        {},
      )
      .map((state): Step => ({ kind: 'probe', state })),
    fc.boolean().map((isWell): Step => ({ kind: 'hook', isWell })),
    fc.constant<Step>({ kind: 'overuse' }),
  ),
  { maxLength: 40 },
);

const WELL: ProbeState = { startup: 'passed', liveness: 'ok', readiness: 'ready' };

/** The Task, the engine and the controller's memory, with the controller's loop reduced to plan and perform. */
class Model {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine({
    clock: this.clock,
    random: seededRandom(3),
    images: {
      'app:1': {},
      'app:2': { ignoresStopSignal: true },
      'crash:1': { exitAfterMs: 10, exitCode: 1 },
      'bad:1': { startError: 'no such command' },
    },
  });
  task: Task = boundTask();
  memory: TaskMemory = emptyMemory;
  /** Undefined: they are missing. */
  filesVersion: string | undefined = '';
  readonly probes = new Map<string, ProbeState>();
  readonly overuse = new Map<string, string>();
  /** The container that is probed. */
  probed: string | undefined;
  /** Containers whose postStart this process has begun. */
  readonly hooked = new Set<string>();

  plan(): TaskPlan {
    const containers = this.engine.containers().map((container) => container.detail());
    this.memory = forgetGone(this.memory, new Set(containers.map(({ id }) => id)));
    const plan = planTask(
      world(this.task, containers, {
        memory: this.memory,
        inputs: this.inputs(),
        probes: new Map([...this.probes].filter(([id]) => id === this.probed)),
        overuse: this.overuse,
        progress: new Map(),
        nowMs: this.clock.now(),
        monotonicMs: this.clock.monotonicMs(),
      }),
    );
    this.probed = plan.probing?.containerId;
    if (this.probed !== undefined) {
      expect(this.engine.find(this.probed)?.state, 'only what runs is probed').to.equal('running');
      const hook = this.memory.postStart.get(this.probed);
      expect(hook ?? 'done', 'nothing is probed before its postStart is done').to.equal('done');
    }
    return plan;
  }

  inputs(): TaskInputs {
    const { filesVersion } = this;
    if (filesVersion === undefined) return { kind: 'missing', message: 'configmap "c" not found' };
    const volume = { isSecret: false, files: [] };
    const files = new Map(filesVersion === '' ? [] : [['conf', volume] as const]);
    return { kind: 'ready', env: [], files, filesVersion, registryAuths: [] };
  }

  running(): number {
    return this.engine.containers().filter((container) => container.isRunning()).length;
  }

  /** @param crashAfter acts after which the process dies: memory and status are lost. */
  reconcile(crashAfter = Number.POSITIVE_INFINITY): void {
    let acts = 0;
    for (let round = 0; round < 8; round++) {
      const plan = this.plan();
      if (plan.actions.length === 0) {
        if (plan.status !== undefined) this.task = { ...this.task, status: plan.status };
        return;
      }
      for (const action of plan.actions) {
        const outcome = this.#perform(action);
        if (++acts >= crashAfter) {
          this.forget();
          return;
        }
        this.memory = remember(this.memory, outcome, {
          monotonicMs: this.clock.monotonicMs(),
          generation: this.task.metadata.generation ?? 0,
        });
        if (outcome.kind === 'failed') break;
      }
    }
  }

  /** Came to its end, and nobody has wished for anything since. */
  isEnded(): boolean {
    return this.task.status?.observedGeneration === this.task.metadata.generation;
  }

  /** The process dies: what it knew is lost, an interrupted hook with it. */
  forget(): void {
    this.memory = emptyMemory;
    this.hooked.clear();
  }

  isToldStarted(id: string): boolean {
    const { container } = this.task.status ?? {};
    return container?.id === id && container.started === true;
  }

  endHook(isWell: boolean): void {
    const postStart = new Map(this.memory.postStart);
    for (const [id, state] of postStart) {
      if (state === 'running') postStart.set(id, isWell ? 'done' : { failed: 'exit code 1' });
    }
    this.memory = { ...this.memory, postStart };
  }

  edit(spec: Partial<Task['spec']>): void {
    const generation = (this.task.metadata.generation ?? 0) + 1;
    this.task = {
      ...this.task,
      metadata: { ...this.task.metadata, generation },
      spec: { ...this.task.spec, ...spec },
    };
  }

  #perform(action: Action): Outcome {
    let containerId = 'id' in action ? action.id : undefined;
    try {
      switch (action.kind) {
        case 'create':
          expect(this.filesVersion, 'nothing is made while inputs are missing').to.not.equal(undefined);
          expect(this.task.status?.phase, 'an ended Task gets no container').to.not.be.oneOf(
            this.isEnded() ? ['Succeeded', 'Failed'] : [],
          );
          containerId = this.engine.create(action.spec).id;
          break;
        case 'start':
          expect(this.filesVersion, 'nothing is started while inputs are missing').to.not.equal(undefined);
          containerId ??= this.engine.find(action.name)?.id;
          expect(this.running(), 'a container is started only where none runs').to.equal(0);
          this.engine.start(containerId ?? action.name);
          break;
        case 'stop':
          this.engine.beginStop(action.id, action.gracePeriodMs);
          return { kind: 'begun', action };
        case 'remove':
          expect(this.engine.find(action.id)?.isRunning(), 'nothing that runs is removed').to.not.equal(true);
          this.engine.remove(action.id);
          break;
        case 'unpause':
          this.engine.unpause(action.id);
          break;
        case 'rename':
          this.engine.rename(action.id, action.name);
          break;
        case 'update':
          this.engine.update(action.id, action.resources);
          break;
        case 'postStart':
          expect(this.hooked.has(action.id), 'a process runs postStart once for a container').to.equal(false);
          expect(this.isToldStarted(action.id), 'what is told to be through is not run again').to.equal(
            false,
          );
          this.hooked.add(action.id);
          return { kind: 'begun', action };
        case 'pull':
        case 'refreshVolumes':
        case 'releaseVolumes':
        case 'liftFinalizer':
          break;
      }
      return { kind: 'done', action, ...(containerId === undefined ? {} : { containerId }) };
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      return { kind: 'failed', action, error, ...(containerId === undefined ? {} : { containerId }) };
    }
  }
}

function doStep(model: Model, step: Step): void {
  switch (step.kind) {
    case 'reconcile':
      return model.reconcile();
    case 'forget':
      return model.forget();
    case 'unlucky':
      return model.reconcile(1);
    case 'edit':
      return model.edit(step.spec);
    case 'time':
      return model.clock.advance(step.seconds * 1000);
    case 'byHand':
      return byHand(model, step.act, step.which);
    case 'inputs':
      model.filesVersion = step.version;
      return undefined;
    case 'probe':
      if (model.probed !== undefined) model.probes.set(model.probed, { ...WELL, ...step.state });
      return undefined;
    case 'hook':
      return model.endHook(step.isWell);
    case 'overuse': {
      const running = model.engine.containers().find((container) => container.state === 'running');
      if (running !== undefined) model.overuse.set(running.id, 'too much of the disk');
      return undefined;
    }
  }
}

function byHand({ engine }: Model, act: (Step & { kind: 'byHand' })['act'], which: number): void {
  const all = engine.containers();
  const target = all[which % Math.max(1, all.length)];
  if (target === undefined) return;
  if (act === 'limit') engine.update(target.id, { memoryBytes: 2 ** 27 });
  else if (act === 'rename') engine.rename(target.id, `mine-${target.id.slice(0, 6)}`);
  else if (act !== 'start') engine[act](target.id);
  else if (target.state !== 'paused') {
    try {
      engine.start(target.id);
    } catch (error) {
      // What the engine refuses to a person changes nothing.
      if (!(error instanceof RuntimeError)) throw error;
    }
  }
}

describe('laws of planTask', function () {
  this.timeout(60_000);

  it('at most one runs after every pass that had time to stop the others, and it comes to rest', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const model = new Model();
        for (const step of sequence) doStep(model, step);
        // Faults have stopped. A crash loop never rests, so what crashes is mended first.
        model.edit({ image: 'app:1' });
        model.filesVersion ??= 'v3';
        model.probes.clear();
        model.overuse.clear();
        for (let look = 0; look < 30; look++) {
          model.reconcile();
          model.endHook(true);
          if (model.probed !== undefined) model.probes.set(model.probed, WELL);
          model.clock.advance(31_000);
        }
        model.reconcile();
        const isWanted = model.task.spec.desiredState !== 'Stopped';
        const phase = model.task.status?.phase;
        expect(model.running()).to.equal(phase === 'Running' ? 1 : 0);
        if (!isWanted) expect(phase).to.equal('Stopped');
        else if (model.task.spec.restartPolicy !== 'Never') expect(phase).to.equal('Running');
        else expect(phase).to.be.oneOf(['Running', 'Failed']);
        if (phase === 'Running') {
          const ready = findCondition(model.task.status?.conditions, 'Ready');
          expect(ready?.status, 'what is well is ready').to.equal('True');
        }
        const plan = model.plan();
        expect(plan.actions, 'a settled Task plans nothing').to.deep.equal([]);
        expect(plan.status, 'and says nothing new').to.equal(model.task.status);
      }),
      { numRuns: 500 },
    );
  });

  it('attempts only grow, and every one has a name of its own', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const model = new Model();
        let highest = 0;
        for (const step of sequence) {
          doStep(model, step);
          const attempts = model.task.status?.attempts ?? 0;
          expect(attempts).to.be.at.least(highest);
          highest = attempts;
          const history = model.task.status?.history ?? [];
          expect(history.length).to.be.at.most(10);
        }
      }),
      { numRuns: 200 },
    );
  });
});
