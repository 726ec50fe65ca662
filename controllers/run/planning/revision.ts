/**
 * What is run, kept: the data of a Run's ControllerRevision. Every step with all it takes from its TaskTemplate, so that
 * no later change of a Job or a template reaches a Run that has begun.
 */
import { isRecord } from '../../../machinery/json.ts';
import { graphProblem } from '../../../schemas/jobgraph.ts';
import { templateDefaults } from '../../../schemas/parameters.ts';
import type { Job, TaskTemplate } from '../../../schemas/types.gen.ts';
import type { Pinned, PinnedStep } from '../types.ts';

type JobStep = Job['spec']['tasks'][number];
type Retries = JobStep['retries'];

const DEFAULT_BACKOFF_SECONDS = 10;

/** Names of the TaskTemplates that a Job's steps are made from, each once. */
export function templatesOf(job: Job): readonly string[] {
  const names = job.spec.tasks.flatMap(({ templateRef }) =>
    templateRef === undefined ? [] : [templateRef.name],
  );
  return [...new Set(names)];
}

export type Resolved =
  | { readonly kind: 'pinned'; readonly pinned: Pinned }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string };

/** A Job as it is now, with its templates. @param find a TaskTemplate of the same namespace. */
export function pinJob(job: Job, find: (name: string) => TaskTemplate | undefined): Resolved {
  const { spec, metadata } = job;
  const problem = graphProblem(spec.tasks);
  if (problem !== undefined) {
    const message = `job "${metadata.name}" cannot run: ${problem.message}`;
    return { kind: 'refused', reason: 'InvalidJob', message };
  }
  const tasks: PinnedStep[] = [];
  for (const step of spec.tasks) {
    const template = step.templateRef === undefined ? undefined : find(step.templateRef.name);
    if (step.templateRef !== undefined && template === undefined) {
      const message = `step "${step.name}" of job "${metadata.name}" is made from TaskTemplate "${step.templateRef.name}", which does not exist; create it, then run the job again`;
      return { kind: 'refused', reason: 'TemplateNotFound', message };
    }
    tasks.push(template === undefined ? ownStep(step) : stepOf(step, template));
  }
  return { kind: 'pinned', pinned: { tasks, env: spec.env ?? [], config: spec.config ?? {} } };
}

/** A TaskTemplate as it is now, as one step of its own name that has the Run's parameters. */
export function pinTemplate(template: TaskTemplate): Pinned {
  const step = { name: template.metadata.name };
  const { arguments: _arguments, ...only } = stepOf(step, template);
  return { tasks: [only], env: [], config: {} };
}

/** What a stored revision holds; undefined when that is no such data. */
export function readPinned(data: unknown): Pinned | undefined {
  if (!isRecord(data) || !Array.isArray(data['tasks']) || !data['tasks'].every(isStep)) return undefined;
  const { env, config } = data;
  return {
    tasks: data['tasks'],
    env: Array.isArray(env) ? (env.filter(isRecord) as unknown as Pinned['env']) : [],
    config: isRecord(config) ? (config as Pinned['config']) : {},
  };
}

function isStep(value: unknown): value is PinnedStep {
  if (!isRecord(value) || typeof value['name'] !== 'string') return false;
  const { template, dependsOn, condition, retries } = value;
  return (
    isRecord(template) &&
    isRecord(template['spec']) &&
    typeof template['spec']['image'] === 'string' &&
    Array.isArray(dependsOn) &&
    typeof condition === 'string' &&
    isRecord(retries) &&
    typeof retries['limit'] === 'number' &&
    typeof retries['backoffSeconds'] === 'number'
  );
}

function ownStep(step: JobStep): PinnedStep {
  const { template, timeoutSeconds } = step;
  if (template === undefined) throw new Error(`step "${step.name}" has neither template nor templateRef`);
  return {
    ...commonOf(step, step.retries),
    template,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
}

function stepOf(step: JobStep, { spec }: TaskTemplate): PinnedStep {
  const { template, workerSelector, priority } = spec;
  const timeoutSeconds = step.timeoutSeconds ?? spec.timeoutSeconds;
  return {
    ...commonOf(step, step.retries ?? spec.retries),
    template:
      workerSelector === undefined ? template : { ...template, spec: { ...template.spec, workerSelector } },
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(priority === undefined ? {} : { priority }),
    arguments: { ...templateDefaults(spec.parameters), ...step.arguments },
  };
}

function commonOf(
  { name, dependsOn = [], condition = 'AllSuccess' }: JobStep,
  retries: Retries = {},
): Omit<PinnedStep, 'template'> {
  const { limit = 0, backoffSeconds = DEFAULT_BACKOFF_SECONDS, on = 'Always' } = retries;
  return { name, dependsOn, condition, retries: { limit, backoffSeconds, on } };
}
