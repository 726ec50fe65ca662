/**
 * What writing some objects does to containers: created, changed in place, restarted, moved, removed, in what order, where
 * and why each. Pure: made by the planners that decide it later, from what is so now.
 *
 * It says what happens if everything that is begun works and nobody else changes anything meanwhile.
 */
import { fieldChanges } from '../../../machinery/fieldchanges.ts';
import { LABEL_TASKSET } from '../../../machinery/labels.ts';
import { keyOf, keyString } from '../../../machinery/meta.ts';
import { tasks as taskKind } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { specHash } from '../../task/planning/spechash.ts';
import { affectedBy } from './affected.ts';
import { asStored, ImaginedCluster } from './cluster.ts';
import { contentsOf } from './inputs.ts';
import { forecastJobs } from './jobs.ts';
import { type Act, type Rehearsed, rehearse, UNKNOWN_WORKER } from './rehearsal.ts';
import type { Effect, EffectAction, Forecast, PlanFacts } from './types.ts';

const FIELDS_TOLD = 6;

export function forecast(facts: PlanFacts): Forecast {
  const cluster = new ImaginedCluster(facts);
  const jobs = forecastJobs(facts);
  if (facts.changes.length === 0) return { effects: [], jobs, notes: [] };
  const affected = affectedBy(facts, cluster);
  const rehearsed = rehearse(facts, cluster, affected.tasks, affected.taskSets);
  const teller = new Teller(facts, cluster, rehearsed);
  const effects = [...rehearsed.containers.keys()].flatMap((key) => teller.effectOf(key) ?? []);
  const refreshed = teller.refreshed(affected.contents, new Set(effects.map(({ task }) => task)));
  const all = [...effects, ...refreshed.effects].sort((a, b) => a.step - b.step);
  return {
    effects: all,
    jobs,
    notes: [...facts.unread, ...affected.notes, ...refreshed.notes, ...teller.pulls(), ...rehearsed.notes],
  };
}

class Teller {
  readonly #cluster: ImaginedCluster;
  readonly #rehearsed: Rehearsed;
  readonly #acts: ReadonlyMap<string, readonly Act[]>;
  readonly #stored: ReadonlyMap<string, Task>;
  readonly #changes: ReadonlyMap<string, { readonly before: Task | undefined; readonly after: Task }>;

  constructor(facts: PlanFacts, cluster: ImaginedCluster, rehearsed: Rehearsed) {
    this.#cluster = cluster;
    this.#rehearsed = rehearsed;
    this.#acts = Map.groupBy(rehearsed.acts, ({ task }) => task);
    this.#stored = new Map(facts.tasks.map((task) => [keyString(keyOf(task)), task]));
    this.#changes = new Map(
      facts.changes
        .filter(({ after }) => after.kind === taskKind.kind)
        .map((change) => {
          const { before, after } = change;
          // The server has said that they are Tasks.
          const both = { before: before as Task | undefined, after: after as Task };
          return [keyString(keyOf(asStored(change, facts.nowMs))), both];
        }),
    );
  }

  effectOf(key: string): Effect | undefined {
    const acts = this.#acts.get(key) ?? [];
    const task = this.#cluster.tasks.get(key);
    const began = this.#rehearsed.began.get(key);
    const alive = this.#rehearsed.containers.get(key)?.alive;
    const worker = task?.spec.workerName;
    const [first] = acts;
    if (first === undefined) return this.#waits(key, task, alive);
    const action = actionOf(began, alive, worker);
    if (action === undefined) return undefined;
    const taskSet = this.#setOf(key);
    const placement = this.#rehearsed.placements.get(key);
    const isPlaced = action === 'created' || action === 'moved';
    return {
      step: first.step,
      task: key,
      action,
      ...(alive === undefined || worker === undefined || worker === UNKNOWN_WORKER ? {} : { worker }),
      ...(began?.worker === undefined || action === 'changedInPlace' ? {} : { from: began.worker }),
      ...this.#why(key, action, acts),
      ...(isPlaced && placement !== undefined ? { placement } : {}),
      ...(taskSet === undefined ? {} : { taskSet }),
    };
  }

  /** It is to have a container, and nothing can be done for that now. */
  #waits(key: string, task: Task | undefined, alive: string | undefined): Effect | undefined {
    const isConcerned = this.#changes.has(key) || this.#rehearsed.because.has(key);
    const isBlocked = this.#rehearsed.blocked.has(key);
    if (task === undefined || !isConcerned) return undefined;
    if (!isBlocked && (alive !== undefined || task.spec.desiredState === 'Stopped')) return undefined;
    const { phase, reason = 'Pending', message = 'it has not been looked at yet' } = task.status ?? {};
    if (!isBlocked && (phase === 'Succeeded' || phase === 'Failed')) return undefined;
    const { workerName } = task.spec;
    const taskSet = this.#setOf(key);
    const rest = {
      step: 1,
      task: key,
      action: 'waits',
      ...(taskSet === undefined ? {} : { taskSet }),
    } as const;
    if (workerName === undefined) {
      const why = this.#rehearsed.placements.get(key) ?? message;
      return { ...rest, reason: 'Unschedulable', message: why };
    }
    if (isBlocked) {
      const words = `worker ${workerName} is not Ready: nothing happens there until it is back`;
      return { ...rest, worker: workerName, reason: 'WorkerNotReady', message: words };
    }
    return { ...rest, worker: workerName, reason, message };
  }

  #why(key: string, action: EffectAction, acts: readonly Act[]): Pick<Effect, 'reason' | 'message'> {
    const stop = acts.find((act) => act.kind === 'stop');
    const { reason, message } = stop ?? acts.at(-1) ?? UNTOLD;
    const graceMs = stop?.gracePeriodMs;
    const first = graceMs === undefined ? '' : `; the old one ends first, with ${graceMs / 1000} s of grace`;
    const because = this.#rehearsed.because.get(key);
    if (because !== undefined) {
      const then = action === 'removed' ? this.#thenWaits(key) : first;
      return { reason: because.reason, message: because.message + then };
    }
    const change = this.#changes.get(key);
    if (change?.before === undefined) {
      if (change !== undefined) return { reason: 'New', message: 'the Task is new' };
      // Nobody changed it: what it waited for has come.
      const { reason: held = 'Pending' } = this.#stored.get(key)?.status ?? {};
      return { reason: held, message: `it waited (${held}), and what it waited for is there then` };
    }
    const { before, after } = change;
    if (action === 'changedInPlace') {
      const updates = acts.filter((act) => act.kind === 'update').map((act) => act.message);
      return { reason: 'ResourcesChanged', message: withoutNames(updates).join('; ') };
    }
    if (action === 'removed' && after.spec.desiredState === 'Stopped') {
      return { reason: 'Stopped', message: 'desiredState is Stopped: its container ends and none comes' };
    }
    if (action === 'created' && before.spec.desiredState === 'Stopped') {
      return { reason: 'Started', message: 'desiredState is Running again' };
    }
    const fields = replacingFields(before.spec, after.spec);
    if (fields.length > 0) {
      const plural = fields.length === 1 ? 'changes, which' : 'change, which';
      return { reason: 'SpecChanged', message: `${list(fields)} ${plural} only a new container has${first}` };
    }
    return { reason, message: withoutNames([message]).join('') + first };
  }

  /** It is still to run, and has no place. */
  #thenWaits(key: string): string {
    const task = this.#cluster.tasks.get(key);
    const placement = this.#rehearsed.placements.get(key);
    if (task === undefined || task.metadata.deletionTimestamp !== undefined) return '';
    return placement === undefined ? '' : `; then it waits: ${placement}`;
  }

  #setOf(key: string): string | undefined {
    const { namespace, labels } = (this.#cluster.tasks.get(key) ?? this.#stored.get(key))?.metadata ?? {};
    const name = labels?.[LABEL_TASKSET];
    return name === undefined
      ? undefined
      : keyString({ name, ...(namespace === undefined ? {} : { namespace }) });
  }

  /** Tasks that go on, with files that change under them; variables they have only in their next container. */
  refreshed(
    contents: ReadonlySet<string>,
    told: ReadonlySet<string>,
  ): { readonly effects: readonly Effect[]; readonly notes: readonly string[] } {
    const effects: Effect[] = [];
    const notes: string[] = [];
    for (const [key, task] of this.#cluster.tasks) {
      if (told.has(key) || task.status?.container?.state !== 'running') continue;
      const { env: _env, envFrom: _from, ...files } = task.spec;
      const { volumes: _volumes, ...variables } = task.spec;
      const hasFiles = contentsOf({ ...task, spec: files }).some((content) => contents.has(content));
      const hasVariables = contentsOf({ ...task, spec: variables }).some((content) => contents.has(content));
      if (hasFiles) {
        const message =
          'the files of its volumes are brought up to date; a process that read them reads them again itself';
        const { workerName: worker } = task.spec;
        effects.push({
          step: 1,
          task: key,
          action: 'changedInPlace',
          ...(worker === undefined ? {} : { worker }),
          reason: 'InputsChanged',
          message,
        });
      }
      if (hasVariables) {
        notes.push(`task ${key} has its new variables only with its next container: nothing restarts it`);
      }
    }
    return { effects, notes };
  }

  pulls(): readonly string[] {
    const names = this.#rehearsed.pulls;
    return names.size === 0
      ? []
      : [`imagePullPolicy is Always, so the image is pulled first: ${list([...names])}`];
  }
}

const UNTOLD = { reason: 'Changed', message: 'the Task changes' };

function actionOf(
  began: { readonly id: string; readonly worker: string | undefined } | undefined,
  alive: string | undefined,
  worker: string | undefined,
): EffectAction | undefined {
  if (began === undefined) return alive === undefined ? undefined : 'created';
  if (alive === undefined) return 'removed';
  if (alive === began.id) return 'changedInPlace';
  return worker === began.worker ? 'restarted' : 'moved';
}

/** The fields of a spec that changed and that a container is made from. */
function replacingFields(before: Task['spec'], after: Task['spec']): readonly string[] {
  const hash = specHash(before);
  return fieldChanges(before, after, 'spec')
    .map(({ path }) => ({ path, field: /^spec\.([A-Za-z]+)/.exec(path)?.[1] ?? '' }))
    .filter(({ field }) => {
      const part = Object.entries(after).find(([name]) => name === field);
      const { [field as keyof Task['spec']]: _, ...rest } = before;
      return (
        specHash({ ...(rest as Task['spec']), ...(part === undefined ? {} : { [field]: part[1] }) }) !== hash
      );
    })
    .map(({ path }) => path);
}

/** Sentences of Events name the container; here it is the Task's, whichever it will be. */
function withoutNames(messages: readonly string[]): string[] {
  return messages.map((message) =>
    message.replace(/^Stopping container \S+: /, '').replace(/ on container gantry\.\S+/, ''),
  );
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, FIELDS_TOLD);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
