/** The Task of one try of a step: its template with what its references stand for, and what a Run decides itself. */
import {
  ANNOTATION_REQUEST_ID,
  ANNOTATION_TASK_ID,
  LABEL_JOB,
  LABEL_RUN,
  LABEL_STEP,
} from '../../../machinery/labels.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import { upstreamsOf } from '../../../schemas/jobgraph.ts';
import { runs, tasks } from '../../../schemas/kinds.ts';
import {
  type Lookup,
  type Reference,
  Room,
  substitute,
  substituteValue,
} from '../../../schemas/substitution.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { controllerReference } from '../../revisions/revision.ts';
import type { Pinned, PinnedStep, Variable } from '../types.ts';
import { environmentOf, type StepWords, withoutNul } from './environment.ts';

/** How much of standard output is kept for the steps that come after. */
const STDOUT_BYTES = 65_536;
/** Of all that references put into one Task: no object holds as much. */
const MAX_PUT_IN = 1024 * 1024;

export interface StepTaskInput {
  readonly run: Run;
  readonly pinned: Pinned;
  readonly step: PinnedStep;
  readonly attempt: number;
  readonly name: string;
  /** Of every step that it comes after and that had a Task, in the order of the job. */
  readonly before: readonly StepWords[];
}

/** Steps that this one comes after, directly or not, in the order of the job. */
export function stepsBefore({ tasks: steps }: Pinned, name: string): readonly string[] {
  const upstream = upstreamsOf(steps).get(name);
  return steps.flatMap((step) => (upstream?.has(step.name) === true ? [step.name] : []));
}

/** Throws `RequestEntityTooLarge` where its references stand for more than any object can hold. */
export function newStepTask({ run, pinned, step, attempt, name, before }: StepTaskInput): Task {
  const { namespace } = run.metadata;
  const { template, timeoutSeconds } = step;
  const room = new Room(MAX_PUT_IN);
  const job = run.spec.jobRef?.name;
  const ofRun = lookupOf(run, pinned, before, run.spec.parameters ?? {});
  const parameters =
    step.arguments === undefined ? (run.spec.parameters ?? {}) : asParameters(step.arguments, ofRun, room);
  const lookup = step.arguments === undefined ? ofRun : lookupOf(run, pinned, before, parameters);
  const read = (text: string): string => withoutNul(substitute(text, lookup, { escape: true, room }));
  const { image, command, args, env = [], ...spec } = template.spec;
  const own = new Set(env.map((variable) => variable.name));
  const common = pinned.env.filter((variable) => !own.has(variable.name));
  const taken = new Set([...own, ...common.map((variable) => variable.name)]);
  const surroundings = environmentOf(
    {
      run: run.metadata.name,
      ...(job === undefined ? {} : { job }),
      step: step.name,
      attempt,
      parameters,
      config: pinned.config,
      before,
    },
    taken,
  );
  const hasFollowers = pinned.tasks.some(({ dependsOn }) => dependsOn.includes(step.name));
  const priority = run.spec.priority ?? step.priority;
  return {
    apiVersion: apiVersionOf(tasks),
    kind: tasks.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...template.metadata?.labels,
        [LABEL_RUN]: run.metadata.name,
        [LABEL_STEP]: step.name,
        ...(job === undefined ? {} : { [LABEL_JOB]: job }),
      },
      ...annotationsFor(run, template.metadata?.annotations),
      ownerReferences: [controllerReference(runs, run)],
    },
    spec: {
      ...spec,
      image: substitute(image, lookup, { escape: false, room }),
      ...(command === undefined ? {} : { command: command.map(read) }),
      ...(args === undefined ? {} : { args: args.map(read) }),
      env: [
        ...surroundings,
        ...common.map((variable) =>
          withValue(variable, (text) => withoutNul(substitute(text, ofRun, { escape: true, room }))),
        ),
        ...env.map((variable) => withValue(variable, read)),
      ],
      restartPolicy: 'Never',
      ...(priority === undefined ? {} : { priority }),
      ...(timeoutSeconds === undefined ? {} : { activeDeadlineSeconds: timeoutSeconds }),
      outputs: hasFollowers ? { stdoutBytes: STDOUT_BYTES } : {},
    },
  };
}

/** Those of the template, and what the work is known by: log lines and watchers of a Task name it. */
function annotationsFor(
  { metadata }: Run,
  given: Readonly<Record<string, string>> | undefined,
): { annotations?: Record<string, string> } {
  const annotations = { ...given };
  for (const name of [ANNOTATION_TASK_ID, ANNOTATION_REQUEST_ID]) {
    const id = metadata.annotations?.[name];
    if (id !== undefined) annotations[name] = id;
  }
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

function withValue(variable: Variable, read: (text: string) => string): Variable {
  return variable.value === undefined ? { ...variable } : { ...variable, value: read(variable.value) };
}

function asParameters(
  given: Readonly<Record<string, unknown>>,
  lookup: Lookup,
  room: Room,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, substituteValue(value, lookup, room)]),
  );
}

function lookupOf(
  run: Run,
  { config }: Pinned,
  before: readonly StepWords[],
  parameters: Readonly<Record<string, unknown>>,
): Lookup {
  const own = <T>(map: Readonly<Record<string, T>>, key: string): T | undefined =>
    Object.hasOwn(map, key) ? map[key] : undefined;
  return (reference: Reference): unknown => {
    switch (reference.kind) {
      case 'parameter':
        return own(parameters, reference.name);
      case 'config':
        return own(config, reference.key);
      case 'run':
        return reference.field === 'name' ? run.metadata.name : run.spec.scheduledTime;
      case 'task': {
        const words = before.find(({ step }) => step === reference.step);
        return reference.field === 'outputs'
          ? own(words?.outputs ?? {}, reference.key)
          : words?.[reference.field];
      }
    }
  };
}
