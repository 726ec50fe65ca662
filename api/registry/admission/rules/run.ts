/**
 * Runs: of something that is there, with parameters that fit it and are complete, and never changed but to be cancelled.
 * A Run of a Job belongs to it: who makes one by hand need not say so.
 */
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import { LABEL_JOB } from '../../../../machinery/labels.ts';
import { apiVersionOf, type DynamicObject, type OwnerReference } from '../../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import { jobs, runs, taskTemplates } from '../../../../schemas/kinds.ts';
import type { Values } from '../../../../schemas/parameters.ts';
import { type FieldProblem, invalid, missing } from '../fielderrors.ts';
import { type Judged, judgeJobValues, judgeTemplateValues } from '../parameters/values.ts';
import { parametersIn } from './job.ts';
import { type Findings, type FindObject, type KindRules, NOTHING_FOUND } from './rules.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields of spec that may be changed, each in its own way. */
const CHANGEABLE: ReadonlySet<string> = new Set(['cancel', 'revision', 'ttlSecondsAfterFinished']);
const AT = 'spec.parameters';

function changeProblems(object: DynamicObject, before: DynamicObject): FieldProblem[] {
  const [spec, old] = [object['spec'], before['spec']];
  if (!isRecord(spec) || !isRecord(old)) return [];
  // Set by its controller: who sends back what they once read, or wrote, does not take it away.
  if (spec['revision'] === undefined && old['revision'] !== undefined) spec['revision'] = old['revision'];
  const problems: FieldProblem[] = [];
  for (const field of new Set([...Object.keys(old), ...Object.keys(spec)])) {
    if (CHANGEABLE.has(field) || isSameJson(spec[field], old[field])) continue;
    problems.push(invalid(`spec.${field}`, spec[field] ?? null, 'field is immutable'));
  }
  if (old['cancel'] === true && spec['cancel'] !== true)
    problems.push(invalid('spec.cancel', spec['cancel'] ?? null, 'a run that was cancelled stays so'));
  if (old['revision'] !== undefined && spec['revision'] !== old['revision'])
    problems.push(invalid('spec.revision', spec['revision'], 'field is immutable once it is set'));
  return problems;
}

/** Each is there, so that no circle can come about: what a Run waits for is older than it. */
function dependencyProblems(
  { metadata: { name: own }, spec }: DynamicObject,
  namespace: string,
  find: FindObject,
): FieldProblem[] {
  const list = readPath(spec, ['dependsOn']);
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown, at): FieldProblem[] => {
    const name = readPath(entry, ['name']);
    const field = `spec.dependsOn[${at}].name`;
    // What is no name is the schema's to refuse.
    if (typeof name !== 'string' || name === '') return [];
    if (name === own) return [invalid(field, name, 'a run cannot wait for itself')];
    const other = find(runs, { namespace, name });
    if (other === undefined) return [missing(field, name)];
    const isGoing = other.metadata.deletionTimestamp !== undefined;
    const hasEnded = readPath(other, ['status', 'finishedAt']) !== undefined;
    return isGoing && !hasEnded ? [invalid(field, name, 'is being deleted')] : [];
  });
}

/** Looks at what is run, fills in what is left to it, and says what does not fit. */
function newFindings(object: DynamicObject, find: FindObject): Findings {
  const { spec } = object;
  if (!isRecord(spec)) return NOTHING_FOUND;
  const { parameters, rerunOf } = spec;
  const { namespace = '' } = object.metadata;
  const rerun = rerunFindings(rerunOf, spec, namespace, find);
  const before = [...rerun.problems, ...dependencyProblems(object, namespace, find)];
  // What is no object is the schema's to refuse.
  const given = isRecord(parameters) ? parameters : {};
  const job = nameIn(spec, 'jobRef');
  const template = nameIn(spec, 'templateRef');
  if ((job === undefined) === (template === undefined)) return { problems: before, warnings: [] };
  const kind = job === undefined ? taskTemplates : jobs;
  const name = job ?? template ?? '';
  const at = job === undefined ? 'spec.templateRef.name' : 'spec.jobRef.name';
  const source = find(kind, { namespace, name });
  if (source === undefined) return { problems: [...before, missing(at, name)], warnings: [] };
  if (source.metadata.deletionTimestamp !== undefined)
    return { problems: [...before, invalid(at, name, 'is being deleted')], warnings: [] };
  const all = { ...rerun.values, ...given };
  const ofNow = job === undefined ? judgedByTemplate(source, all) : judgedByJob(source, all);
  const judged = rerun.values === undefined ? ofNow : judgedAgain(ofNow, all, given, rerun.values);
  if (Object.keys(judged.values).length > 0) spec['parameters'] = { ...judged.values };
  if (rerun.scheduledTime !== undefined) spec['scheduledTime'] ??= rerun.scheduledTime;
  if (job !== undefined) belongTo(object, source);
  return { problems: [...before, ...judged.problems], warnings: judged.warnings };
}

function judgedByJob(job: DynamicObject, values: Values): Judged {
  return judgeJobValues(parametersIn(job['spec']), values, `job "${job.metadata.name}"`, AT);
}

function judgedByTemplate(template: DynamicObject, values: Values): Judged {
  const schema = readPath(template, ['spec', 'parameters']);
  return judgeTemplateValues(schema, values, `task template "${template.metadata.name}"`, AT);
}

/**
 * A rerun runs what was run before, with what that was given: only what it gives otherwise is judged by what there is now,
 * and nothing is added.
 */
function judgedAgain({ problems }: Judged, all: Values, given: Values, repeated: Values): Judged {
  const isOwn = ({ field, reason }: FieldProblem): boolean => {
    if (field === AT) return true;
    const name = field.slice(AT.length + 1);
    const isRepeated = Object.hasOwn(repeated, name) && isSameJson(given[name], repeated[name]);
    return (
      Object.hasOwn(given, name) &&
      !isRepeated &&
      !(reason === 'FieldValueForbidden' && Object.hasOwn(repeated, name))
    );
  };
  return { values: all, problems: problems.filter(isOwn), warnings: [] };
}

interface Rerun {
  readonly problems: readonly FieldProblem[];
  /** The parameters of the run that is repeated; undefined where none is. */
  readonly values: Values | undefined;
  /** What it was for, and is for again. */
  readonly scheduledTime?: string;
}

function rerunFindings(rerunOf: unknown, spec: Fields, namespace: string, find: FindObject): Rerun {
  const name = readPath(rerunOf, ['name']);
  if (typeof name !== 'string' || name === '') return { problems: [], values: undefined };
  const first = find(runs, { namespace, name });
  if (first === undefined) return { problems: [missing('spec.rerunOf.name', name)], values: undefined };
  const old = isRecord(first['spec']) ? first['spec'] : {};
  for (const field of ['jobRef', 'templateRef']) {
    if (nameIn(old, field) === nameIn(spec, field)) continue;
    const of =
      nameIn(old, 'jobRef') === undefined
        ? `task template "${String(nameIn(old, 'templateRef'))}"`
        : `job "${String(nameIn(old, 'jobRef'))}"`;
    return { problems: [invalid('spec.rerunOf.name', name, `it is a run of ${of}`)], values: undefined };
  }
  const values = isRecord(old['parameters']) ? old['parameters'] : {};
  const { scheduledTime } = old;
  return {
    problems: stepProblems(readPath(rerunOf, ['fromTask']), first),
    values,
    ...(typeof scheduledTime === 'string' ? { scheduledTime } : {}),
  };
}

/** A run that has begun says what its steps are; of one that has not, nothing can be taken over anyway. */
function stepProblems(fromTask: unknown, first: DynamicObject): FieldProblem[] {
  const list = readPath(first, ['status', 'tasks']);
  if (typeof fromTask !== 'string' || !Array.isArray(list)) return [];
  const names = list
    .map((step: unknown) => readPath(step, ['name']))
    .filter((name) => typeof name === 'string');
  if (names.includes(fromTask)) return [];
  const message = `run "${first.metadata.name}" has no such step; it has ${names.join(', ') || 'none'}`;
  return [invalid('spec.rerunOf.fromTask', fromTask, message)];
}

/** It goes with its Job, and is found by its name. */
function belongTo(run: DynamicObject, job: DynamicObject): void {
  const { uid = '', name } = job.metadata;
  const { ownerReferences = [], labels } = run.metadata;
  const isOwned = ownerReferences.some((owner) => owner.uid === uid);
  // One owner controls: where another does already, this one only owns.
  const isControlled = ownerReferences.some((owner) => owner.controller === true);
  const owner: OwnerReference = {
    apiVersion: apiVersionOf(jobs),
    kind: jobs.kind,
    name,
    uid,
    ...(isControlled ? {} : { controller: true }),
    blockOwnerDeletion: true,
  };
  run.metadata = {
    ...run.metadata,
    labels: { ...labels, [LABEL_JOB]: name },
    ownerReferences: isOwned ? ownerReferences : [...ownerReferences, owner],
  };
}

function nameIn(spec: Fields, field: string): string | undefined {
  const name = readPath(spec[field], ['name']);
  return typeof name === 'string' && name !== '' ? name : undefined;
}

export const runRules: KindRules = {
  // The names of its Tasks begin with it, and Tasks' names are labels.
  nameProblem: dnsLabelProblem,
  onUpdate: (object, before, subresource) =>
    subresource === undefined ? changeProblems(object, before) : [],
  amongOthers: (object, before, find) => (before === undefined ? newFindings(object, find) : NOTHING_FOUND),
};
