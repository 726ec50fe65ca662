/**
 * What holds for Tasks alone and no schema can say: who writes the binding. What holds for templates of Tasks, too, is
 * `taskspec.ts`.
 */
import { isRecord } from '../../../../machinery/json.ts';
import type { DynamicObject, Resource } from '../../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import { tasks, workers } from '../../../../schemas/kinds.ts';
import type { Task, Worker } from '../../../../schemas/types.gen.ts';
import { type FieldProblem, forbidden, invalid } from '../fielderrors.ts';
import type { KindRules } from './rules.ts';
import { taskSpecProblems } from './taskspec.ts';

/** Fields of spec that only `tasks/binding` writes. */
const BINDING_FIELDS = ['workerName', 'bindingEpoch'] as const;
const DEFAULT_GRACE_SECONDS = 30;

export function isTaskKind(kind: Pick<Resource, 'group' | 'plural'>): boolean {
  return kind.group === tasks.group && kind.plural === tasks.plural;
}

/** The object as a Task. Throws when it is none: ask `isTaskKind` first. */
export function asTask(object: DynamicObject): Task {
  if (!isTask(object)) throw new Error(`"${object.metadata.name}" is a ${object.kind}, not a readable Task`);
  return object;
}

export function asWorker(object: DynamicObject | undefined): Worker | undefined {
  return object !== undefined && isWorker(object) ? object : undefined;
}

// What is stored was validated against the schemas that these types are generated from.
function isTask(object: DynamicObject): object is DynamicObject & Task {
  return object.kind === tasks.kind && isRecord(object['spec']);
}

function isWorker(object: DynamicObject): object is DynamicObject & Worker {
  return object.kind === workers.kind;
}

export function asObject(object: Task): DynamicObject {
  return { ...object };
}

/** A new Task is bound to no worker. */
function bindingProblems(task: DynamicObject): FieldProblem[] {
  const spec = isRecord(task['spec']) ? task['spec'] : {};
  return BINDING_FIELDS.filter((field) => spec[field] !== undefined).map((field) =>
    forbidden(`spec.${field}`, 'may be set only through the tasks/binding subresource'),
  );
}

/** Carries the binding over into an update that does not speak of it; an update that contradicts it is a problem. */
function carryBinding(before: DynamicObject, spec: Record<string, unknown>): FieldProblem[] {
  const old = isRecord(before['spec']) ? before['spec'] : {};
  const problems: FieldProblem[] = [];
  for (const field of BINDING_FIELDS) {
    if (spec[field] === undefined) {
      if (old[field] !== undefined) spec[field] = old[field];
    } else if (spec[field] !== old[field]) {
      problems.push(
        invalid(
          `spec.${field}`,
          spec[field],
          'field is immutable; it is written by the tasks/binding subresource',
        ),
      );
    }
  }
  return problems;
}

export const taskRules: KindRules = {
  // Names end up in container and host names.
  nameProblem: dnsLabelProblem,
  onCreate: (object) => [...bindingProblems(object), ...taskSpecProblems(object['spec'], undefined, 'spec')],
  onUpdate(object, before, subresource) {
    if (subresource !== undefined || !isRecord(object['spec'])) return [];
    return [
      ...carryBinding(before, object['spec']),
      ...taskSpecProblems(object['spec'], before['spec'], 'spec'),
    ];
  },
  graceSeconds: (object) => asTask(object).spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
};
