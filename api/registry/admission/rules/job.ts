/**
 * Jobs: steps that are a graph, a schedule that fires, parameters that can be given, and templates that refer to nothing
 * that a step cannot know. What a step gives to a TaskTemplate is judged where the TaskTemplate is there.
 */
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import { graphProblem, type Step, upstreamsOf } from '../../../../schemas/jobgraph.ts';
import { jobs, taskTemplates } from '../../../../schemas/kinds.ts';
import { isOfType, type JobParameter } from '../../../../schemas/parameters.ts';
import { scheduleProblem } from '../../../../schemas/schedule.ts';
import { type Reference, references } from '../../../../schemas/substitution.ts';
import { timeZoneProblem } from '../../../../schemas/timezone.ts';
import { type FieldProblem, invalid } from '../fielderrors.ts';
import { Effort } from '../parameters/effort.ts';
import { judgeTemplateValues, misfitProblems } from '../parameters/values.ts';
import { type Findings, type FindObject, type KindRules, NOTHING_FOUND } from './rules.ts';
import { templateProblems } from './taskspec.ts';
import { envTexts, named, referenceProblems, templateTexts, textsWithin } from './texts.ts';

const TYPES = ['string', 'integer', 'number', 'boolean'] as const;
/** Followed to find a circle. */
const MAX_JOBS = 1_000;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

type Fields = Readonly<Record<string, unknown>>;

function specProblems(object: DynamicObject, before: DynamicObject | undefined): FieldProblem[] {
  const [spec, old] = [object['spec'], before?.['spec']];
  if (!isRecord(spec) || isSameJson(spec, old)) return [];
  const steps = stepsIn(spec);
  const oldSteps = new Map(stepsIn(isRecord(old) ? old : {}).map((step) => [step.name, step]));
  return [
    ...steps.flatMap(({ name, fields, at }) =>
      templateProblems(fields['template'], oldSteps.get(name)?.fields['template'], `${at}.template`),
    ),
    ...graphProblems(steps),
    ...scheduleProblems(spec, old),
    ...parameterProblems(spec),
    ...configProblems(spec),
    ...placeProblems(spec, steps),
  ];
}

interface JobStep extends Step {
  readonly fields: Fields;
  readonly at: string;
}

/** Those that can be read; the others are the schema's to refuse. */
function stepsIn(spec: Fields): readonly JobStep[] {
  const list: readonly unknown[] = Array.isArray(spec['tasks']) ? spec['tasks'] : [];
  return list.flatMap((fields, index) => {
    if (!isRecord(fields) || typeof fields['name'] !== 'string') return [];
    const dependsOn = textList(fields['dependsOn']);
    return [{ name: fields['name'], dependsOn, fields, at: `spec.tasks[${index}]` }];
  });
}

function graphProblems(steps: readonly JobStep[]): FieldProblem[] {
  const problem = graphProblem(steps);
  if (problem === undefined) return [];
  const step = steps[problem.step];
  const field = `${step?.at ?? 'spec.tasks'}.dependsOn[${problem.dependency}]`;
  return [invalid(field, step?.dependsOn?.[problem.dependency], problem.message)];
}

/** A schedule that was there before is not judged anew: what a time zone is may have changed with the server. */
function scheduleProblems(spec: Fields, old: unknown): FieldProblem[] {
  const { schedule, timeZone } = spec;
  if (typeof schedule !== 'string') return [];
  if (schedule === readPath(old, ['schedule']) && timeZone === readPath(old, ['timeZone'])) return [];
  const zone = typeof timeZone === 'string' ? timeZone : undefined;
  const zoneProblem = zone === undefined ? undefined : timeZoneProblem(zone);
  if (zoneProblem !== undefined) return [invalid('spec.timeZone', zone, zoneProblem)];
  const problem = scheduleProblem(schedule, zone);
  return problem === undefined ? [] : [invalid('spec.schedule', schedule, problem)];
}

function parameterProblems(spec: Fields): FieldProblem[] {
  const list: readonly unknown[] = Array.isArray(spec['parameters']) ? spec['parameters'] : [];
  const variables = new Map<string, string>();
  return list.flatMap((parameter, index) => {
    if (!isParameter(parameter)) return [];
    const at = `spec.parameters[${index}]`;
    const { name, type = 'string', enum: values, default: value } = parameter;
    const variable = name.toUpperCase().replaceAll('-', '_');
    const other = variables.get(variable);
    variables.set(variable, name);
    return [
      ...(other === undefined || other === name
        ? []
        : [
            invalid(
              `${at}.name`,
              name,
              `is the same as "${other}" in the environment of steps (GANTRY_PARAMETER_${variable}); rename one of them`,
            ),
          ]),
      ...(values ?? []).flatMap((item, place) =>
        isOfType(type, item) ? [] : [invalid(`${at}.enum[${place}]`, item, `must be of type ${type}`)],
      ),
      ...(value === undefined ? [] : misfitProblems(parameter, value, `${at}.default`)),
    ];
  });
}

function isParameter(value: unknown): value is JobParameter {
  if (!isRecord(value)) return false;
  const { name, type, enum: values } = value;
  return (
    typeof name === 'string' &&
    (type === undefined || TYPES.some((known) => known === type)) &&
    (values === undefined || Array.isArray(values))
  );
}

export function parametersIn(spec: unknown): readonly JobParameter[] {
  const list = readPath(spec, ['parameters']);
  return Array.isArray(list) ? list.filter(isParameter) : [];
}

function configProblems({ config }: Fields): FieldProblem[] {
  return Object.keys(isRecord(config) ? config : {})
    .filter((key) => !CONFIG_KEY.test(key))
    .map((key) =>
      invalid('spec.config', key, "a key must consist of alphanumeric characters, '-', '_' or '.'"),
    );
}

/** References to parameters and config that the job does not have, and to steps that are not upstream. */
function placeProblems(spec: Fields, steps: readonly JobStep[]): FieldProblem[] {
  const parameters = new Set(parametersIn(spec).map(({ name }) => name));
  const config = new Set(Object.keys(isRecord(spec['config']) ? spec['config'] : {}));
  const upstreams = upstreamsOf(steps);
  const known = new Set(steps.map(({ name }) => name));
  const judge =
    (upstream: ReadonlySet<string>, whose: string) =>
    (reference: Reference): string | undefined => {
      switch (reference.kind) {
        case 'run':
          return undefined;
        case 'parameter':
          if (parameters.has(reference.name)) return undefined;
          return `there is no parameter "${reference.name}" in spec.parameters; ${named(parameters, 'there are none')}`;
        case 'config':
          if (config.has(reference.key)) return undefined;
          return `there is no key "${reference.key}" in spec.config; ${named(config, 'there are none')}`;
        case 'task':
          if (upstream.has(reference.step)) return undefined;
          return known.has(reference.step)
            ? `step "${reference.step}" need not have ended before ${whose}; add it to dependsOn`
            : `there is no step "${reference.step}"; ${named(upstream, `${whose} depends on none`)}`;
      }
    };
  return [
    ...referenceProblems(envTexts(spec['env'], 'spec.env'), judge(new Set(), 'the first step')),
    ...steps.flatMap(({ name, fields, at }) =>
      referenceProblems(
        [
          ...templateTexts(readPath(fields, ['template', 'spec']), `${at}.template.spec`),
          ...textsWithin(fields['arguments'], `${at}.arguments`),
        ],
        judge(upstreams.get(name) ?? new Set(), `step "${name}"`),
      ),
    ),
  ];
}

function amongOthers(object: DynamicObject, before: DynamicObject | undefined, find: FindObject): Findings {
  const { spec, metadata } = object;
  if (!isRecord(spec) || isSameJson(spec, before?.['spec'])) return NOTHING_FOUND;
  const { namespace = '' } = metadata;
  const effort = new Effort();
  const found = stepsIn(spec).map((step) => argumentFindings(step, namespace, find, effort));
  return {
    problems: [...circleProblems(object, find), ...found.flatMap(({ problems }) => problems)],
    warnings: [...found.flatMap(({ warnings }) => warnings), ...unmetBySchedule(spec)],
  };
}

/** What the TaskTemplate of a step says of the step's arguments, as it is now. */
function argumentFindings(
  { fields, at }: JobStep,
  namespace: string,
  find: FindObject,
  effort: Effort,
): Findings {
  const name = readPath(fields, ['templateRef', 'name']);
  if (typeof name !== 'string') return NOTHING_FOUND;
  const template = find(taskTemplates, { namespace, name });
  if (template === undefined) {
    const warning = `${at}.templateRef.name: there is no task template "${name}" in namespace "${namespace}" yet; runs fail until there is`;
    return { problems: [], warnings: [warning] };
  }
  const given = isRecord(fields['arguments']) ? fields['arguments'] : {};
  const place = `${at}.arguments`;
  const schema = readPath(template, ['spec', 'parameters']);
  const { problems, warnings } = judgeTemplateValues(schema, given, `task template "${name}"`, place, effort);
  // What a reference stands for is known when the step begins.
  const open = new Set(
    Object.keys(given)
      .filter((key) => textsWithin(given[key], '').some(({ text }) => references(text).length > 0))
      .map((key) => `${place}.${key}`),
  );
  return {
    problems: problems.filter(({ field, reason }) => !open.has(field) || reason === 'FieldValueForbidden'),
    warnings,
  };
}

/** Jobs that depend on each other would run for ever, or never. One that is not there yet may come. */
function circleProblems(job: DynamicObject, find: FindObject): FieldProblem[] {
  const { name: own, namespace = '' } = job.metadata;
  const graph = new Map<string, readonly string[]>();
  const waiting = [own];
  for (let name = waiting.pop(); name !== undefined && graph.size < MAX_JOBS; name = waiting.pop()) {
    if (graph.has(name)) continue;
    const other = name === own ? job : find(jobs, { namespace, name });
    const list = readPath(other, ['spec', 'dependsOn']);
    const upstream = textList((Array.isArray(list) ? list : []).map((item) => readPath(item, ['job'])));
    graph.set(name, upstream);
    waiting.push(...upstream);
  }
  const upstreams = graph.get(own) ?? [];
  if (upstreams.includes(own)) {
    return [invalid(`spec.dependsOn[${upstreams.indexOf(own)}].job`, own, 'a job cannot depend on itself')];
  }
  const way = wayTo(graph, upstreams, own);
  if (way === undefined) return [];
  const message = `jobs depend on each other in a circle: ${[own, ...way].join(' -> ')}; take one of these dependencies away`;
  return [invalid(`spec.dependsOn[${upstreams.indexOf(way[0] ?? '')}].job`, way[0], message)];
}

/** The shortest way from one of `starts` to `end`, both included. */
function wayTo(
  graph: ReadonlyMap<string, readonly string[]>,
  starts: readonly string[],
  end: string,
): readonly string[] | undefined {
  const seen = new Set(starts);
  const ways: (readonly string[])[] = starts.map((start) => [start]);
  for (const way of ways) {
    for (const next of graph.get(way.at(-1) ?? '') ?? []) {
      if (next === end) return [...way, end];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

function unmetBySchedule(spec: Fields): readonly string[] {
  if (spec['schedule'] === undefined) return [];
  return parametersIn(spec)
    .filter(({ required, default: value }) => required === true && value === undefined)
    .map(
      ({ name }) =>
        `spec.parameters: "${name}" is required and has no default, so every run that the schedule makes is refused`,
    );
}

function textList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

export const jobRules: KindRules = {
  // The names of its Runs begin with it, and so do those of their Tasks, which are labels.
  nameProblem: dnsLabelProblem,
  onCreate: (object) => specProblems(object, undefined),
  onUpdate: (object, before, subresource) => (subresource === undefined ? specProblems(object, before) : []),
  amongOthers,
};
