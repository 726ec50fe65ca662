/**
 * Whether what a Task depends on is so: its condition DependenciesMet. Pure.
 *
 * The condition is kept up to date until the first container of the Task's binding was started, and then left alone:
 * what a dependency does later is no reason to stop anything. A Task that was started once and is placed anew does not
 * wait for what has Completed or was Started then and is gone since: it may have removed itself.
 */
import { type ConditionInput, findCondition, setCondition } from '../../machinery/conditions.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { hasEnded } from '../scheduler/demand.ts';

export const DEPENDENCIES_MET = 'DependenciesMet';
/** Of the condition, and of the status that a worker makes of it. */
const NOT_READY = 'DependencyNotReady';

type Dependency = NonNullable<Task['spec']['dependsOn']>[number];
type Status = NonNullable<Task['status']>;

export interface DependencyWorld {
  readonly task: Task;
  /** A Task of the same namespace. */
  readonly find: (name: string) => Task | undefined;
  readonly nowMs: number;
}

export type DependencyPlan =
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'write';
      readonly status: Status;
      /** Undefined: it depends on nothing any more, and the condition goes. */
      readonly condition: ConditionInput | undefined;
      /** Whether this is news to tell, or only other words. */
      readonly isNews: boolean;
    };

/** What a dependency waits for is told in full; a Task that waits for many is told of in this many words. */
const MAX_MESSAGE = 1_024;
const MAX_REASON = 160;
/** A circle through more Tasks than this is not looked for. */
const MAX_VISITED = 1_000;

export function planDependencies({ task, find, nowMs }: DependencyWorld): DependencyPlan {
  const { metadata, status = {} } = task;
  const old = findCondition(status.conditions, DEPENDENCIES_MET);
  if (metadata.deletionTimestamp !== undefined || hasBegun(task)) return { kind: 'keep' };
  const dependencies = task.spec.dependsOn ?? [];
  if (dependencies.length === 0) {
    if (old === undefined) return { kind: 'keep' };
    const conditions = (status.conditions ?? []).filter(({ type }) => type !== DEPENDENCIES_MET);
    return { kind: 'write', status: { ...status, conditions }, condition: undefined, isNews: false };
  }
  const condition = conditionOf(task, dependencies, find);
  const conditions = setCondition(status.conditions, condition, nowMs);
  if (conditions === status.conditions) return { kind: 'keep' };
  const isNews = old?.status !== condition.status;
  return { kind: 'write', status: { ...status, conditions: [...conditions] }, condition, isNews };
}

/** A container of the present binding has been started: told by the worker, alive or in the history. */
function hasBegun({ spec, status = {} }: Task): boolean {
  if (spec.workerName === undefined || status.workerName !== spec.workerName) return false;
  const { container, history = [] } = status;
  if (history.some(({ epoch, startedAt }) => epoch === spec.bindingEpoch && startedAt !== undefined))
    return true;
  // One that the history knows, of another binding, says nothing of this one.
  return container?.startedAt !== undefined && !history.some(({ id }) => id === container.id);
}

function conditionOf(
  task: Task,
  dependencies: readonly Dependency[],
  find: DependencyWorld['find'],
): ConditionInput {
  const generation = task.metadata.generation;
  const about = {
    type: DEPENDENCIES_MET,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const unmet = dependencies.flatMap((dependency) => {
    const found = find(dependency.name);
    if (found === undefined && hasPassed(task, dependency)) return [];
    const why = whyNot(dependency, found);
    return why === undefined ? [] : [why];
  });
  if (unmet.length === 0) {
    const all = dependencies.map(wanted).join(', ');
    return { ...about, status: 'True', reason: DEPENDENCIES_MET, message: cut(all, MAX_MESSAGE) };
  }
  const circle = circleOf(task, find);
  const told = circle === undefined ? unmet : [`they wait for each other: ${circle.join(' -> ')}`, ...unmet];
  return {
    ...about,
    status: 'False',
    reason: NOT_READY,
    message: cut(told.join('; '), MAX_MESSAGE),
  };
}

/** What happened once and cannot be undone: it was so before the Task was started for the first time. */
function hasPassed({ status = {} }: Task, { condition }: Dependency): boolean {
  return status.startedAt !== undefined && isEventual(condition);
}

function isEventual(condition: Dependency['condition']): boolean {
  return condition === 'Completed' || condition === 'Started';
}

/** Names of the Tasks that have to be there until this one was started for the first time. */
export function awaitedBy(task: Task): readonly string[] {
  const { metadata, status = {}, spec } = task;
  if (metadata.deletionTimestamp !== undefined || status.startedAt !== undefined || hasEnded(task)) return [];
  return (spec.dependsOn ?? []).filter(({ condition }) => isEventual(condition)).map(({ name }) => name);
}

/** `task "db" is Ready`. */
function wanted({ name, condition = 'Ready' }: Dependency): string {
  return `task "${name}" ${PAST[condition]}`;
}

const PAST = { Started: 'was started', Ready: 'is Ready', Completed: 'has Completed' } as const;

/** Undefined: it is so. */
function whyNot({ name, condition = 'Ready' }: Dependency, found: Task | undefined): string | undefined {
  if (found === undefined) return `task "${name}" is missing: create it, or take it out of dependsOn`;
  if (isMet(condition, found)) return undefined;
  return `task "${name}" ${NOT_YET[condition]}: ${cut(stateOf(found, condition), MAX_REASON)}`;
}

const NOT_YET = {
  Started: 'was not started',
  Ready: 'is not Ready',
  Completed: 'has not Completed',
} as const;

function isMet(condition: NonNullable<Dependency['condition']>, { metadata, status = {} }: Task): boolean {
  switch (condition) {
    case 'Started':
      return status.startedAt !== undefined;
    case 'Ready':
      return findCondition(status.conditions, 'Ready')?.status === 'True';
    case 'Completed':
      // Of the wish as it is now: one that is to run anew has not.
      return status.phase === 'Succeeded' && status.observedGeneration === metadata.generation;
  }
}

function stateOf({ spec, status = {} }: Task, condition: Dependency['condition']): string {
  const { phase = 'Pending' } = status;
  if (spec.desiredState === 'Stopped') return 'its desiredState is Stopped';
  if (phase === 'Failed' || (phase === 'Succeeded' && condition !== 'Completed')) {
    return `it is ${phase}, and is not started again by itself`;
  }
  // Its own words would be about what it depends on, in a circle about us, and grow with each turn.
  if (status.reason === NOT_READY) return 'it waits for what it depends on itself';
  const words = [status.reason, status.message]
    .filter((word) => word !== undefined && word !== '')
    .join(', ');
  return `it is ${phase}${words === '' ? '' : ` (${words})`}`;
}

/** From the Task back to itself along what is not met, the shortest way; undefined when no way leads back. */
function circleOf(task: Task, find: DependencyWorld['find']): readonly string[] | undefined {
  const start = task.metadata.name;
  const cameFrom = new Map<string, string>();
  const queue = [task];
  for (let current = queue.shift(); current !== undefined; current = queue.shift()) {
    const from = current.metadata.name;
    for (const dependency of current.spec.dependsOn ?? []) {
      const next = find(dependency.name);
      if (next === undefined || isMet(dependency.condition ?? 'Ready', next)) continue;
      if (dependency.name === start) return [...wayTo(from, start, cameFrom), start];
      // Whoever has begun waits for nobody.
      if (cameFrom.has(dependency.name) || hasBegun(next) || cameFrom.size >= MAX_VISITED) continue;
      cameFrom.set(dependency.name, from);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [end];
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    way.unshift(at);
  }
  return way;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
