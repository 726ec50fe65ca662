/**
 * What to do about a Run. Pure: the same world gives the same plan.
 *
 * It promises: no step begins before all it depends on have ended; a step has one Task at a time, and at most one try
 * more than its retries allow; what has ended stays as it is; a Run that has ended plans nothing but to stop a Task that
 * nobody knows of.
 */
import { isSameJson } from '../../machinery/json.ts';
import { ANNOTATION_TRACE } from '../../machinery/labels.ts';
import { isEnd } from './planning/conditions.ts';
import { notesOf } from './planning/notes.ts';
import { outcomeOf, withOutputs } from './planning/outcome.ts';
import { holdBack, progressOf } from './planning/progress.ts';
import { type Abort, isoTime, planStep, type StepPlan, strayStop } from './planning/steps.ts';
import type { PinnedStep, RunPlan, RunWorld, Status, StepStatus } from './types.ts';

export function planRun(world: RunWorld): RunPlan {
  const { run } = world;
  const old = run.status ?? {};
  if (old.finishedAt !== undefined) {
    const stops = (old.tasks ?? []).flatMap((entry) => strayStop(world, entry) ?? []);
    return { ...NOTHING, stops, status: old };
  }
  const steps = world.pinned?.tasks ?? (old.tasks ?? []).map(bareStep);
  const plans = planSteps(world, steps);
  const { status, lookAgainMs } = holdBack(old, statusOf(world, steps, plans), world.sinceWriteMs);
  const again = [...plans, { lookAgainMs }].flatMap((plan) => plan.lookAgainMs ?? []);
  return {
    lookups: plans.flatMap(({ lookups = [] }) => lookups),
    creates: plans.flatMap(({ create }) => create ?? []),
    stops: plans.flatMap(({ stop }) => stop ?? []),
    status,
    goesOn: plans.some(({ waitsForStore = false }) => waitsForStore),
    lookAgainMs: again.length === 0 ? undefined : Math.min(...again),
    notes: status === old ? [] : notesOf(old, status),
  };
}

const NOTHING: Omit<RunPlan, 'status'> = {
  lookups: [],
  creates: [],
  stops: [],
  goesOn: false,
  lookAgainMs: undefined,
  notes: [],
};

/** All that is known of a step where its revision is gone: it has no retries, and nothing comes after it. */
function bareStep({ name }: StepStatus): PinnedStep {
  return {
    name,
    template: { spec: { image: 'unknown' } },
    dependsOn: [],
    condition: 'Always',
    retries: { limit: 0, backoffSeconds: 0, on: 'Never' },
  };
}

/** In the order of the steps; each is planned after those it depends on. */
function planSteps(world: RunWorld, steps: readonly PinnedStep[]): readonly StepPlan[] {
  const { run, pinned } = world;
  const abort: Abort | undefined =
    run.spec.cancel === true ? 'Cancelled' : pinned === undefined ? 'RevisionMissing' : undefined;
  const stored = new Map((run.status?.tasks ?? []).map((entry) => [entry.name, entry]));
  const takenOver = new Map(
    run.status?.tasks === undefined ? world.takenOver.map((entry) => [entry.name, entry]) : [],
  );
  const byName = new Map(steps.map((step) => [step.name, step]));
  const plans = new Map<string, StepPlan | 'open'>();
  const plan = (step: PinnedStep): StepPlan => {
    const found = plans.get(step.name);
    const entry = takenOver.get(step.name);
    if (found === 'open')
      throw new Error(`the steps of run ${run.metadata.name} depend on each other in a circle`);
    if (found !== undefined) return found;
    plans.set(step.name, 'open');
    const before = step.dependsOn.flatMap((name) => byName.get(name) ?? []).map(plan);
    const made: StepPlan =
      entry === undefined
        ? planStep({ world, stored: stored.get(step.name), abort }, step, before)
        : { entry, proof: 'none' };
    plans.set(step.name, made);
    return made;
  };
  return steps.map(plan);
}

function statusOf(
  { run, nowMs }: RunWorld,
  steps: readonly PinnedStep[],
  plans: readonly StepPlan[],
): Status {
  const old = run.status ?? {};
  const ended = new Map(
    plans.flatMap(({ entry, ended: task }) => (task === undefined ? [] : [[entry.name, task]])),
  );
  const entries = withOutputs(
    run,
    plans.map(({ entry }) => entry),
    ended,
  );
  const outcome = outcomeOf(entries, steps, run.spec.cancel === true);
  const hasBegun = entries.some(({ state, attempts = 0 }) => attempts > 0 || isEnd(state));
  const startedAt = old.startedAt ?? firstStart(entries) ?? (hasBegun ? isoTime(nowMs) : undefined);
  const { scheduledTime } = run.spec;
  const traceID = old.traceID ?? run.metadata.annotations?.[ANNOTATION_TRACE];
  const { generation } = run.metadata;
  const told = outcome ?? { state: hasBegun ? ('running' as const) : ('pending' as const) };
  const progress = progressOf(entries, told.state);
  const next: Status = {
    ...told,
    ...(progress === undefined ? {} : { progress }),
    tasks: [...entries],
    ...(scheduledTime === undefined ? {} : { scheduledTime }),
    ...(old.dependsOn === undefined ? {} : { dependsOn: old.dependsOn }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(outcome === undefined ? {} : { finishedAt: isoTime(nowMs) }),
    ...(traceID === undefined ? {} : { traceID }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  return isSameJson(next, old) ? old : next;
}

function firstStart(entries: readonly StepStatus[]): string | undefined {
  return entries
    .flatMap(({ startedAt, rerunOf }) => (rerunOf === undefined ? (startedAt ?? []) : []))
    .sort()[0];
}
