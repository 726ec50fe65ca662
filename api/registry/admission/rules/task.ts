/**
 * What holds for Tasks alone and no schema can say: who writes the binding, and that no two volumes are mounted at one
 * path, however it is written, for which a CEL rule would have to compare more than rules may cost.
 */
import { posix } from 'node:path';
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import type { DynamicObject, Resource } from '../../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import { tasks, workers } from '../../../../schemas/kinds.ts';
import type { Task, Worker } from '../../../../schemas/types.gen.ts';
import { duplicate, type FieldProblem, forbidden, invalid } from '../fielderrors.ts';
import type { KindRules } from './rules.ts';

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

/** Mounts that were there before need not be put right by who changes something else. */
function mountProblems(task: DynamicObject, before: DynamicObject | undefined): FieldProblem[] {
  const mounts = readPath(task, ['spec', 'volumeMounts']);
  if (!Array.isArray(mounts) || isSameJson(mounts, readPath(before, ['spec', 'volumeMounts']))) return [];
  const seen = new Set<string>();
  return mounts.flatMap((mount: unknown, index) => {
    const path = isRecord(mount) ? mount['mountPath'] : undefined;
    // What is no path at all, or the very same text again, is the schema's to say.
    if (typeof path !== 'string' || !path.startsWith('/')) return [];
    const field = `spec.volumeMounts[${index}].mountPath`;
    if (path.split('/').includes('..')) return [invalid(field, path, "must not contain '..'")];
    const plain = posix.normalize(`${path}/`);
    if (plain === '/') return [invalid(field, path, 'must be a path below /')];
    const isRepeated = seen.has(plain) && !mounts.some((other, at) => at < index && isAt(other, path));
    seen.add(plain);
    return isRepeated ? [duplicate(field, path)] : [];
  });
}

function isAt(mount: unknown, path: string): boolean {
  return isRecord(mount) && mount['mountPath'] === path;
}

export const taskRules: KindRules = {
  // Names end up in container and host names.
  nameProblem: dnsLabelProblem,
  onCreate: (object) => [...bindingProblems(object), ...mountProblems(object, undefined)],
  onUpdate(object, before, subresource) {
    if (subresource !== undefined || !isRecord(object['spec'])) return [];
    return [...carryBinding(before, object['spec']), ...mountProblems(object, before)];
  },
  graceSeconds: (object) => asTask(object).spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
};
