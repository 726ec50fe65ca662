/**
 * A model of the world around the planner: a store with one set and its tasks, tasks that get ready, fail and vanish,
 * a user who changes their mind, and two controllers with copies that lag. What must hold is checked at every write.
 */
import { expect } from 'chai';
import type { TaskSetPlan, TaskSetWorld } from '../../../controllers/taskset/types.ts';
import { setCondition } from '../../../machinery/conditions.ts';
import { type Random, seededRandom } from '../../../machinery/random.ts';
import type { ControllerRevision, Task, TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { newWorker } from '../../builders.ts';
import { NOW, newSet, task as newTaskOf, revision } from './worlds.ts';

export type Planner = (world: TaskSetWorld) => TaskSetPlan;
type Strategy = NonNullable<TaskSet['spec']['strategy']>;

export type Step =
  /** A controller looks, at tasks as they were so long ago, and decides. */
  | { readonly kind: 'plan'; readonly who: number; readonly lagMs: number; readonly isRagged: boolean }
  /** It does what it has decided, and may die after so many acts. */
  | { readonly kind: 'perform'; readonly who: number; readonly acts: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'template'; readonly hash: string }
  | { readonly kind: 'replicas'; readonly count: number }
  | { readonly kind: 'strategy'; readonly strategy: Strategy }
  | { readonly kind: 'pause' | 'resume' | 'promote' }
  | { readonly kind: 'unready' | 'end' | 'vanish' | 'delete'; readonly which: number }
  | {
      readonly kind: 'worker';
      readonly which: number;
      readonly state: 'gone' | 'cordoned' | 'lost' | 'well';
    };

/** Templates whose hash begins so have a broken image: their tasks never become ready. */
export const BROKEN = 'x';
export const DEADLINE_SECONDS = 20;
/** Copies lag no more than this where the laws about the truth are to hold. */
export const MAX_LAG_MS = 900;
const READY_MS = 4_000;
/** So long that everything that can get ready has, and everything that goes is gone. */
const QUIET_ROUNDS = 6;
const WORKERS = ['w1', 'w2', 'w3', 'w4'];

interface Held {
  readonly plan: TaskSetPlan;
  readonly world: TaskSetWorld;
  readonly isRagged: boolean;
  readonly seenAtMs: number;
}

export class Model {
  readonly #plan: Planner;
  readonly #random: Random;
  readonly #held = new Map<number, Held>();
  /** Every state of the tasks there was, oldest first. */
  readonly #past: { readonly atMs: number; readonly tasks: ReadonlyMap<string, Task> }[] = [];
  readonly #readyAtMs = new Map<string, number>();
  readonly #goneAtMs = new Map<string, number>();
  readonly #leftAtMs = new Map<string, number>();
  /** What each controller has seen in the stored `leaving`, and since when. */
  readonly #noticedAtMs = [new Map<string, number>(), new Map<string, number>()];
  nowMs = NOW;
  set: TaskSet;
  hash = 'a';
  tasks: ReadonlyMap<string, Task> = new Map();
  revisions: readonly ControllerRevision[] = [];
  workers: readonly Worker[] = WORKERS.map((name) => newWorker(name));
  #uids = 0;
  /** When a user or bad luck last changed what the limits are judged by. */
  #disturbedAtMs = NOW;
  /** When another template began: what was made of the one before may not be seen yet, and has other names. */
  #editedAtMs = NOW;
  /** When a name last became free: what was made meanwhile, under another one, may not be seen yet. */
  #freedAtMs = NOW;

  constructor(plan: Planner, seed: number, spec: Parameters<typeof newSet>[0], strategy: Strategy) {
    this.#plan = plan;
    this.#random = seededRandom(seed);
    this.set = newSet({ progressDeadlineSeconds: DEADLINE_SECONDS, ...spec }, undefined, { strategy });
    this.#remember();
  }

  doStep(step: Step): void {
    switch (step.kind) {
      case 'plan':
        return this.plan(step.who, step.lagMs, step.isRagged);
      case 'perform':
        return this.perform(step.who, step.acts);
      case 'time':
        return this.pass(step.ms);
      case 'template':
        this.hash = step.hash;
        this.#editedAtMs = this.nowMs;
        return this.edit({});
      case 'replicas':
        if (this.set.spec.mode === 'Global') return undefined;
        this.#disturb();
        return this.edit({ replicas: step.count });
      case 'strategy': {
        const { canary, ...rest } = step.strategy;
        this.#disturb();
        const isPlain = this.set.spec.mode === 'Global' || canary === undefined;
        return this.edit({ strategy: isPlain ? rest : step.strategy });
      }
      case 'pause':
      case 'resume':
        this.#disturb();
        return this.edit({ paused: step.kind === 'pause' });
      case 'promote':
        return this.promote();
      case 'worker':
        this.#disturb();
        return this.setWorker(WORKERS[step.which % WORKERS.length] ?? '', step.state);
      case 'unready':
      case 'end':
      case 'vanish':
      case 'delete':
        return this.#harm(step.kind, step.which);
    }
  }

  edit(spec: Partial<TaskSet['spec']>): void {
    const { metadata } = this.set;
    this.set = {
      ...this.set,
      metadata: {
        ...metadata,
        resourceVersion: this.#next(metadata.resourceVersion),
        generation: (metadata.generation ?? 0) + 1,
      },
      spec: { ...this.set.spec, ...spec },
    };
  }

  promote(): void {
    const { metadata } = this.set;
    const annotations = { 'gantry.dev/promoted-revision': `web-${this.hash}` };
    this.set = {
      ...this.set,
      metadata: { ...metadata, annotations, resourceVersion: this.#next(metadata.resourceVersion) },
    };
  }

  setWorker(name: string, state: (Step & { kind: 'worker' })['state']): void {
    const others = this.workers.filter(({ metadata }) => metadata.name !== name);
    const options = {
      ...(state === 'cordoned' ? { unschedulable: true } : {}),
      ready: state === 'lost' ? ('Unknown' as const) : ('True' as const),
    };
    this.workers = state === 'gone' ? others : [...others, newWorker(name, options)];
  }

  plan(who: number, lagMs: number, isRagged: boolean): void {
    const world = { ...this.worldSeen(lagMs, isRagged), noticedMs: this.#noticedBy(who) };
    const plan = this.#plan(world);
    this.#checkPlan(world, plan);
    const seenAtMs = this.nowMs - lagMs;
    this.#held.set(who, { plan, world, isRagged, seenAtMs });
  }

  #noticedBy(who: number): ReadonlyMap<string, number> {
    const seen = this.#noticedAtMs[who] ?? new Map<string, number>();
    const uids = (this.set.status?.leaving ?? []).map(({ uid }) => uid);
    for (const uid of uids) if (!seen.has(uid)) seen.set(uid, this.nowMs);
    return new Map(uids.map((uid) => [uid, this.nowMs - (seen.get(uid) ?? 0)]));
  }

  worldSeen(lagMs = 0, isRagged = false): TaskSetWorld {
    const then = this.#past.findLast(({ atMs }) => atMs <= this.nowMs - lagMs) ?? this.#past[0];
    const seen = new Map(lagMs === 0 ? this.tasks : (then?.tasks ?? []));
    if (isRagged) {
      // Of some tasks the state of today.
      for (const [name, one] of this.tasks) if (this.#random.next() < 0.5) seen.set(name, one);
    }
    return {
      set: this.set,
      tasks: [...seen.values()],
      revisions: this.revisions,
      update: { name: `web-${this.hash}`, hash: this.hash },
      workers: this.workers,
      nowMs: this.nowMs,
    };
  }

  /** As the controller does it: the status first, with the version it was read at; then the acts. */
  perform(who: number, acts = Number.POSITIVE_INFINITY): void {
    const held = this.#held.get(who);
    if (held === undefined) return;
    this.#held.delete(who);
    const { plan, world } = held;
    if (plan.status !== world.set.status) {
      if (world.set.metadata.resourceVersion !== this.set.metadata.resourceVersion) return;
      this.#checkStatus(held);
      this.#writeStatus(plan.status);
    }
    let left = acts;
    for (const action of plan.actions) {
      if (left-- <= 0) return;
      switch (action.kind) {
        case 'createRevision':
          if (this.revisions.every(({ metadata }) => metadata.name !== world.update?.name)) {
            this.revisions = [...this.revisions, revision(world.update?.hash ?? '', action.revision)];
          }
          break;
        case 'renumberRevision':
          this.revisions = this.revisions.map((one) =>
            one.metadata.name === action.name ? { ...one, revision: action.revision } : one,
          );
          break;
        case 'deleteRevision':
          this.revisions = this.revisions.filter(({ metadata }) => metadata.name !== action.name);
          break;
        case 'create':
          this.#create(action, held);
          break;
        case 'delete':
          this.#delete(action.task, action.uid);
          break;
        case 'adopt':
        case 'release':
          expect.fail(`${action.kind} ${action.task}: all tasks are its own`);
      }
    }
  }

  /** Time goes by: what is due to happen does. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    while (this.nowMs < end) {
      this.nowMs = Math.min(end, this.nowMs + 250);
      const next = new Map(this.tasks);
      for (const [name, one] of this.tasks) {
        const uid = one.metadata.uid ?? '';
        if ((this.#goneAtMs.get(uid) ?? Number.POSITIVE_INFINITY) <= this.nowMs) {
          next.delete(name);
          this.#freedAtMs = this.nowMs;
        } else if (one.status?.phase !== 'Failed') next.set(name, this.#grown(one));
      }
      this.tasks = next;
      this.#remember();
    }
  }

  #grown(one: Task): Task {
    const uid = one.metadata.uid ?? '';
    const wish = one.spec.workerSelector?.['gantry.dev/worker'];
    const open = this.workers.filter(
      ({ metadata, spec }) => spec?.unschedulable !== true && (wish ?? metadata.name) === metadata.name,
    );
    const workerName =
      one.spec.workerName ?? open[Math.floor(this.#random.next() * open.length)]?.metadata.name;
    const isBroken = one.metadata.name.startsWith(`web-${BROKEN}`);
    const isReady = workerName !== undefined && !isBroken && (this.#readyAtMs.get(uid) ?? 0) <= this.nowMs;
    return withReady(
      { ...one, spec: { ...one.spec, ...(workerName === undefined ? {} : { workerName }) } },
      isReady,
      this.nowMs,
    );
  }

  #create(
    { name, revision: of, worker }: { name: string; revision: string; worker?: string },
    held: Held,
  ): void {
    if (this.tasks.has(name)) return;
    const hash = of.slice('web-'.length);
    const made = newTaskOf(hash, name.slice(`web-${hash.slice(0, 5)}-`.length), {
      ready: false,
      since: (NOW - this.nowMs) / 1000,
      age: (NOW - this.nowMs) / 1000,
      on: 'none',
      uid: `uid-${++this.#uids}`,
      ...(worker === undefined ? {} : { for: worker }),
    });
    expect(made.metadata.name, 'the name follows from revision and ordinal').to.equal(name);
    expect(
      this.revisions.some(({ metadata }) => metadata.name === of),
      `${of} exists`,
    ).to.equal(true);
    this.#readyAtMs.set(made.metadata.uid ?? '', this.nowMs + this.#random.next() * READY_MS);
    this.#put(made);
    // Decided before something changed, and done after it: copies may show the change, and not yet what was made.
    const isLate = held.seenAtMs <= Math.max(this.#disturbedAtMs, this.#editedAtMs, this.#freedAtMs);
    if (isLate) this.#freedAtMs = this.nowMs;
    if (held.isRagged || isLate) return;
    const there = this.#counted().length;
    const { ceiling } = this.limits();
    expect(there, `never more than wanted and surge: ${this.describe()}`).to.be.at.most(ceiling);
  }

  #delete(name: string, uid: string): void {
    const leftAtMs = this.#leftAtMs.get(uid);
    expect(leftAtMs, `${name} was never in the stored leaving`).to.not.equal(undefined);
    expect(this.nowMs - (leftAtMs ?? 0), `${name} has left for a second`).to.be.at.least(1_000);
    const endpoints = this.set.status?.endpoints?.map(({ task }) => task) ?? [];
    const one = this.tasks.get(name);
    if (one?.metadata.uid !== uid) return;
    expect(endpoints, `${name} is out of endpoints`).to.not.include(name);
    this.#putDeleting(one);
  }

  #putDeleting(one: Task): void {
    const { uid = '' } = one.metadata;
    if (one.metadata.deletionTimestamp !== undefined) return;
    this.#goneAtMs.set(uid, this.nowMs + this.#random.next() * 2_000);
    this.#put({
      ...one,
      metadata: { ...one.metadata, deletionTimestamp: new Date(this.nowMs).toISOString() },
    });
  }

  #harm(kind: 'unready' | 'end' | 'vanish' | 'delete', which: number): void {
    const all = [...this.tasks.values()];
    const one = all[which % Math.max(1, all.length)];
    if (one === undefined) return;
    this.#disturb();
    const { name, uid = '' } = one.metadata;
    if (kind === 'vanish') {
      const next = new Map(this.tasks);
      next.delete(name);
      this.tasks = next;
      this.#remember();
    } else if (kind === 'delete') this.#putDeleting(one);
    else if (kind === 'end')
      this.#put(withReady({ ...one, status: { ...one.status, phase: 'Failed' } }, false, this.nowMs));
    else {
      this.#readyAtMs.set(uid, this.nowMs + this.#random.next() * READY_MS);
      this.#put(withReady(one, false, this.nowMs));
    }
  }

  #writeStatus(status: TaskSet['status']): void {
    for (const { uid } of status?.leaving ?? []) {
      if (!this.#leftAtMs.has(uid)) this.#leftAtMs.set(uid, this.nowMs);
    }
    const kept = new Set((status?.leaving ?? []).map(({ uid }) => uid));
    const isFreed = (this.set.status?.leaving ?? []).some(({ uid }) => !kept.has(uid));
    if (isFreed) this.#freedAtMs = this.nowMs;
    const { metadata } = this.set;
    this.set = {
      ...this.set,
      metadata: { ...metadata, resourceVersion: this.#next(metadata.resourceVersion) },
      ...(status === undefined ? {} : { status }),
    };
  }

  #checkPlan(world: TaskSetWorld, { actions, status }: TaskSetPlan): void {
    const seen = new Set(world.tasks.map(({ metadata }) => metadata.name));
    for (const action of actions) {
      if (action.kind !== 'create') continue;
      expect(seen.has(action.name), `never two of one name: ${action.name}`).to.equal(false);
      seen.add(action.name);
      expect(action.reason, 'every act has a reason').to.not.equal('');
    }
    const leaving = new Set(status?.leaving?.map(({ task }) => task));
    for (const { task } of status?.endpoints ?? []) {
      expect(leaving.has(task), `${task} is an endpoint and leaving`).to.equal(false);
    }
    for (const condition of status?.conditions ?? []) expect(condition.message).to.not.equal('');
  }

  /** What is chosen to go leaves as many as are promised, as the planner saw it; and in truth, where nothing interfered. */
  #checkStatus({ plan, world, isRagged, seenAtMs }: Held): void {
    const before = new Set((world.set.status?.leaving ?? []).map(({ uid }) => uid));
    const added = (plan.status?.leaving ?? []).filter(
      ({ uid, reason }) => !before.has(uid) && reason !== 'WorkerNotMatching',
    );
    if (added.length === 0) return;
    const leaving = new Set([...before, ...added.map(({ uid }) => uid)]);
    const { strategy } = this.set.spec;
    if (strategy?.type === 'Recreate') return;
    const judge = (all: readonly Task[], which: string): void => {
      const staying = (gone: ReadonlySet<string>): readonly Task[] =>
        all.filter((one) => this.#isAvailable(one, world.nowMs) && !gone.has(one.metadata.uid ?? ''));
      const kept = this.#serving(staying(leaving));
      if (kept === this.#serving(staying(before))) return;
      expect(kept, `availability is kept, ${which}: ${this.describe()}`).to.be.at.least(this.limits().floor);
    };
    if (world.workers === this.workers) judge(world.tasks, 'as the planner saw it');
    // What got ready since the planner looked was chosen in good faith.
    const inView = new Set(
      world.tasks.filter((one) => this.#isAvailable(one, world.nowMs)).map(({ metadata }) => metadata.uid),
    );
    const isSame = [...this.tasks.values()].every(
      (one) => this.#isAvailable(one) === inView.has(one.metadata.uid),
    );
    if (!isRagged && seenAtMs > this.#disturbedAtMs && isSame) judge([...this.tasks.values()], 'in truth');
  }

  /** With mode Global those that wait for a worker which takes none do not count. */
  #counted(): readonly Task[] {
    if (this.set.spec.mode !== 'Global') return this.staying();
    const names = new Set(this.wantedWorkers());
    return this.staying().filter(({ spec }) => names.has(spec.workerSelector?.['gantry.dev/worker'] ?? ''));
  }

  /** With mode Global a worker counts once. */
  #serving(all: readonly Task[]): number {
    if (this.set.spec.mode !== 'Global') return all.length;
    const names = new Set(this.wantedWorkers());
    return new Set(all.map(({ spec }) => spec.workerName ?? '').filter((name) => names.has(name))).size;
  }

  #isAvailable(one: Task, atMs = this.nowMs): boolean {
    const ready = one.status?.conditions?.find(({ type }) => type === 'Ready');
    const sinceMs = Date.parse(ready?.lastTransitionTime ?? '');
    const isLong = atMs - sinceMs >= (this.set.spec.minReadySeconds ?? 0) * 1000;
    const isStaying = one.metadata.deletionTimestamp === undefined && one.status?.phase !== 'Failed';
    return isStaying && ready?.status === 'True' && (isLong || (this.set.spec.minReadySeconds ?? 0) === 0);
  }

  wantedWorkers(): readonly string[] {
    const used = new Set(this.staying().map(({ spec }) => spec.workerName));
    const isOpen = ({ spec, status }: Worker): boolean =>
      spec?.unschedulable !== true &&
      status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    return this.workers
      .filter((one) => isOpen(one) || used.has(one.metadata.name))
      .map(({ metadata }) => metadata.name);
  }

  /** Worked out here once more, from what the schema says. */
  limits(): { readonly desired: number; readonly floor: number; readonly ceiling: number } {
    const { replicas = 1, strategy = {}, mode } = this.set.spec;
    const desired = mode === 'Global' ? this.wantedWorkers().length : replicas;
    if (strategy.type === 'Recreate') return { desired, floor: 0, ceiling: desired };
    const share = (value: number | string | undefined, round: (figure: number) => number): number =>
      typeof value === 'number'
        ? value
        : round((Number(String(value ?? '25%').slice(0, -1)) * desired) / 100);
    const surge = share(strategy.maxSurge, Math.ceil);
    const asked = share(strategy.maxUnavailable, Math.floor);
    const unavailable = surge === 0 && asked === 0 ? 1 : asked;
    const canaries = Math.min(strategy.canary?.replicas ?? 0, desired);
    return { desired, floor: desired - unavailable, ceiling: desired + Math.max(surge, canaries) };
  }

  staying(): readonly Task[] {
    const leaving = new Set(this.set.status?.leaving?.map(({ uid }) => uid));
    return [...this.tasks.values()].filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status?.phase !== 'Failed' &&
        !leaving.has(metadata.uid ?? ''),
    );
  }

  available(): readonly Task[] {
    return this.staying().filter((one) => this.#isAvailable(one));
  }

  /** The clock was touched by nothing: only looks, acts and time, until nothing is planned any more. */
  calm(rounds: number): TaskSetPlan | undefined {
    this.#held.clear();
    for (const { metadata } of WORKERS.map((name) => newWorker(name))) this.setWorker(metadata.name, 'well');
    let quiet = 0;
    for (let round = 0; round < rounds && quiet < QUIET_ROUNDS; round++) {
      this.plan(round % 2, 0, false);
      const { plan } = this.#held.get(round % 2) ?? {};
      const isQuiet = plan?.actions.length === 0 && plan.status === this.set.status;
      quiet = isQuiet && plan.lookAgainMs === undefined ? quiet + 1 : 0;
      this.perform(round % 2);
      this.pass(1_000);
    }
    const world = this.worldSeen();
    const plan = this.#plan(world);
    return plan.actions.length === 0 && plan.status === world.set.status ? undefined : plan;
  }

  describe(): string {
    const { status, spec } = this.set;
    const told = [...this.tasks.values()].map(
      (one) =>
        `${one.metadata.name}${this.#isAvailable(one) ? '+' : '-'}${one.metadata.deletionTimestamp === undefined ? '' : ' deleting'}${one.status?.phase === 'Failed' ? ' failed' : ''}`,
    );
    return JSON.stringify({
      at: this.nowMs - NOW,
      hash: this.hash,
      replicas: spec.replicas,
      paused: spec.paused,
      strategy: spec.strategy,
      minReadySeconds: spec.minReadySeconds,
      tasks: told,
      workers: this.workers.map(({ metadata }) => metadata.name),
      leaving: status?.leaving?.map(({ task, since, reason }) => `${task} ${reason} ${since}`),
      status: { ...status, leaving: undefined, endpoints: undefined },
    });
  }

  #put(one: Task): void {
    this.tasks = new Map([...this.tasks, [one.metadata.name, one]]);
    this.#remember();
  }

  #remember(): void {
    this.#past.push({ atMs: this.nowMs, tasks: this.tasks });
  }

  #disturb(): void {
    this.#disturbedAtMs = this.nowMs;
  }

  #next(version: string | undefined): string {
    return String(Number(version ?? '0') + 1);
  }
}

function withReady(one: Task, isReady: boolean, nowMs: number): Task {
  const said = isReady
    ? ({ status: 'True', reason: 'ContainerRunning' } as const)
    : ({ status: 'False', reason: 'ContainerNotReady' } as const);
  const conditions = setCondition(
    one.status?.conditions,
    { type: 'Ready', message: 'as the model says', ...said },
    nowMs,
  );
  if (conditions === one.status?.conditions) return one;
  const phase = one.status?.phase === 'Failed' ? 'Failed' : isReady ? 'Running' : 'Pending';
  return { ...one, status: { ...one.status, phase, conditions: [...conditions] } };
}
