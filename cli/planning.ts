/** What applying manifests would do, as one document: made by the server's own dry run and the controllers' own planners. */
import { forecast } from '../controllers/explain/plan/forecast.ts';
import type { Effect, EffectAction, Forecast } from '../controllers/explain/plan/types.ts';
import { type FieldChange, fieldChanges } from '../machinery/fieldchanges.ts';
import { isRecord, jsonHash } from '../machinery/json.ts';
import type { DynamicObject } from '../machinery/meta.ts';
import { type Applied, checkTargets, type Target } from './applying.ts';
import { comparable } from './comparable.ts';
import { CommandError, type Io } from './io.ts';
import type { Manifest } from './manifests.ts';
import { readPlanFacts } from './planfacts.ts';
import { objectName } from './printers.ts';
import type { Session } from './session.ts';

export interface PlannedObject {
  /** `task.gantry.dev/hello` */
  readonly object: string;
  readonly namespace?: string;
  readonly operation: 'create' | 'change' | 'none';
  readonly fields: readonly Pick<FieldChange, 'path' | 'operation'>[];
  /** A hash of what it was, without its status; absent: there was none. */
  readonly basis?: string;
}

export interface PlanDocument extends Forecast {
  readonly apiVersion: 'gantry.dev/v1';
  readonly kind: 'ApplyPlan';
  readonly objects: readonly PlannedObject[];
  readonly summary: Readonly<Record<EffectAction, number>>;
  /** In a file only: what is applied, word for word. */
  readonly manifests?: readonly DynamicObject[];
}

export interface Planned {
  readonly document: PlanDocument;
  readonly applied: ReadonlyMap<Target, Applied>;
}

const ACTIONS = ['created', 'changedInPlace', 'restarted', 'moved', 'removed', 'waits'] as const;
const DIFFERENCES_TOLD = 20;

/** Rejects with `CommandError` that has a line for each mistake in the manifests. */
export async function planTargets(targets: readonly Target[], session: Session, io: Io): Promise<Planned> {
  const applied = await checkTargets(targets, 'server', session, io);
  const objects = [...applied].map(([target, one]) => plannedObject(target, one));
  const changes = [...applied.values()].filter(
    ({ after }, at) => objects[at]?.operation !== 'none' && isOfGantry(after),
  );
  const { effects, jobs, notes }: Forecast =
    changes.length === 0
      ? { effects: [], jobs: [], notes: [] }
      : forecast(
          await readPlanFacts(changes, { client: session.client, clock: io.clock, signal: io.signal }),
        );
  const count = (action: EffectAction): number => effects.filter((one) => one.action === action).length;
  const [created, changedInPlace, restarted, moved, removed, waits] = ACTIONS.map(count);
  const summary = {
    created: created ?? 0,
    changedInPlace: changedInPlace ?? 0,
    restarted: restarted ?? 0,
    moved: moved ?? 0,
    removed: removed ?? 0,
    waits: waits ?? 0,
  };
  const document = {
    apiVersion: 'gantry.dev/v1',
    kind: 'ApplyPlan',
    objects,
    effects,
    jobs,
    notes,
    summary,
  } as const;
  return { document, applied };
}

/** A kind of another group may have the name of one that has containers, and has none. */
function isOfGantry({ apiVersion }: DynamicObject): boolean {
  return apiVersion === 'v1' || apiVersion.startsWith('gantry.dev/');
}

function plannedObject({ kind, key }: Target, { before, after, outcome }: Applied): PlannedObject {
  const sides = comparable({ before, after }, false);
  const fields = before === undefined ? [] : fieldChanges(sides.before, sides.after);
  const isChanged = outcome !== 'unchanged' && fields.length > 0;
  return {
    object: objectName(kind, key.name),
    ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
    operation: outcome === 'created' ? 'create' : isChanged ? 'change' : 'none',
    // Without the values: those of Secrets are nobody's business.
    fields: fields.map(({ path, operation }) => ({ path, operation })),
    ...(before === undefined ? {} : { basis: basisOf(before) }),
  };
}

/**
 * Of what is declared: a status that moves makes no plan untrue. A Secret has no status; its values could be tried against
 * a hash of them, so that its version stands for them.
 */
export function basisOf(object: DynamicObject): string {
  const { status: _, metadata, ...rest } = object;
  if (object.apiVersion === 'v1' && object.kind === 'Secret') {
    return jsonHash([metadata.uid ?? '', metadata.resourceVersion ?? '']).slice(0, 16);
  }
  const { uid, labels, annotations, finalizers, ownerReferences, deletionTimestamp } = metadata;
  const told = { uid, labels, annotations, finalizers, ownerReferences, deletionTimestamp };
  return jsonHash([rest, JSON.parse(JSON.stringify(told))]).slice(0, 16);
}

/** In which sentences the two differ; empty: what was said then is still true. */
export function planDifferences(then: PlanDocument, now: PlanDocument): readonly string[] {
  const differences = [...objectDifferences(then, now), ...effectDifferences(then, now)];
  const more = differences.length - DIFFERENCES_TOLD;
  return more > 0 ? [...differences.slice(0, DIFFERENCES_TOLD), `and ${more} more`] : differences;
}

function objectDifferences(then: PlanDocument, now: PlanDocument): string[] {
  return now.objects.flatMap((after) => {
    const isSame = (one: PlannedObject): boolean =>
      one.object === after.object && one.namespace === after.namespace;
    const before = then.objects.find(isSame);
    if (before === undefined) return [`${after.object} is not in the plan`];
    const { object } = after;
    if (before.basis !== after.basis) {
      if (before.basis === undefined) return [`${object} was to be created, and is there already`];
      return [
        after.basis === undefined
          ? `${object} was to be changed, and is gone`
          : `${object} was changed since the plan was made`,
      ];
    }
    const changes = fieldChanges(before.fields, after.fields, 'fields');
    return changes.length === 0 ? [] : [`${object}: the fields that change are others: ${worded(changes)}`];
  });
}

function effectDifferences(then: PlanDocument, now: PlanDocument): string[] {
  const left = new Map(then.effects.map((effect) => [effect.task, effect]));
  const right = new Map(now.effects.map((effect) => [effect.task, effect]));
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((task) => {
    const [before, after] = [left.get(task), right.get(task)];
    if (before === undefined) return [`task ${task}: nothing was to happen, now it is ${after?.action}`];
    if (after === undefined) return [`task ${task}: it was to be ${before.action}, now nothing happens`];
    const changes = fieldChanges(happening(before), happening(after));
    return changes.length === 0 ? [] : [`task ${task}: ${worded(changes)}`];
  });
}

/** What happens, and not in which words it is told: figures in sentences move with what others do. */
function happening({ message: _message, placement: _placement, ...rest }: Effect): Partial<Effect> {
  return rest;
}

function worded(changes: readonly FieldChange[]): string {
  const word = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
  return changes
    .map(({ path, before, after }) => `${path} was ${word(before)}, is ${word(after)}`)
    .join('; ');
}

/** What a file says. Throws `CommandError` that names what is wrong with it. */
export function parsePlan(text: string, file: string): { document: PlanDocument; manifests: Manifest[] } {
  const wrong = (found: string): CommandError =>
    new CommandError(`${file} is no plan: ${found}; make one with gantry plan -f … --out ${file}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  if (!isPlan(parsed))
    throw wrong('wanted apiVersion gantry.dev/v1, kind ApplyPlan, with objects, effects and manifests');
  const manifests = parsed.manifests.map((object) => ({
    object,
    file,
    locate: (path: string) => `${file}: ${object.kind}/${object.metadata.name}: ${path}`,
  }));
  return { document: parsed, manifests };
}

function isPlan(value: unknown): value is PlanDocument & { readonly manifests: readonly DynamicObject[] } {
  if (!isRecord(value) || value['kind'] !== 'ApplyPlan' || value['apiVersion'] !== 'gantry.dev/v1')
    return false;
  const { objects, effects, manifests } = value;
  return (
    [objects, effects, manifests].every((list) => Array.isArray(list) && list.every(isRecord)) &&
    Array.isArray(manifests) &&
    manifests.every((one: unknown) => isRecord(one) && isRecord(one['metadata']))
  );
}
