/** Why a Job runs, or does not; why a Run is where it is. Pure. */
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyFacts, WhyNext } from '../../../machinery/why.ts';
import { type Findings, unique, withDeletion } from './findings.ts';
import {
  called,
  conditionOf,
  type Fields,
  numberOf,
  recordOf,
  recordsOf,
  said,
  specOf,
  statusOf,
  textOf,
} from './readings.ts';
import { taskFindings, taskWords } from './task.ts';

const TOLD = 5;

export function jobFindings(job: DynamicObject, facts: WhyFacts): Findings {
  const spec = specOf(job);
  const status = statusOf(job);
  const active = recordsOf(status['active']).length;
  const queued = numberOf(status['queued']) ?? 0;
  const suspended = conditionOf(job, 'Suspended');
  const valid = conditionOf(job, 'Valid');
  const nextAt = textOf(status['nextScheduleTime']);
  const runs = facts.related.flatMap(({ role, object }) =>
    role === 'owned' && object.kind === 'Run' ? [object] : [],
  );
  const isSuspended = suspended?.status === 'True';
  const isInvalid = valid?.status === 'False';
  const lastState = textOf(status['lastRunState']);
  const last =
    lastState === undefined
      ? 'no run of it has ended yet'
      : `its last run ended ${lastState}${at(status['lastRunTime'])}`;
  const how = isInvalid
    ? `it cannot run as it is written: ${valid.message}`
    : isSuspended
      ? `its schedule rests: ${said(suspended.reason, suspended.message)}`
      : active > 0
        ? `${active} of its runs are under way${queued > 0 ? `, ${queued} wait` : ''}`
        : queued > 0
          ? `${queued} of its runs wait to begin`
          : nextAt === undefined
            ? 'it runs only when it is triggered'
            : 'it waits for its schedule';
  const open = runs.filter((run) => !OVER.has(textOf(statusOf(run)['state']) ?? ''));
  return withDeletion(job, {
    state: isInvalid
      ? 'Invalid'
      : isSuspended
        ? 'Suspended'
        : active > 0
          ? 'Active'
          : queued > 0
            ? 'Queued'
            : 'Idle',
    summary: `${how}; ${last}`,
    causes: [...open, ...runs.filter((run) => !open.includes(run))].slice(0, TOLD).map(runWords),
    next: nextAt === undefined ? [] : [{ message: 'the schedule comes round', at: nextAt }],
    needs: unique([
      ...(isInvalid ? [`this put right: ${valid.message}`] : []),
      ...(isSuspended
        ? [
            suspended.reason === 'Suspended' || spec['suspend'] === true
              ? 'spec.suspend false'
              : `what suspends it lifted: ${suspended.message}`,
          ]
        : []),
      ...(queued > 0 ? ['a run under way to end, or a larger spec.maxConcurrentRuns'] : []),
    ]),
    placement: [],
  });
}

const OVER = new Set(['completed', 'failed', 'interrupted', 'cancelled']);

function at(time: unknown): string {
  const text = textOf(time);
  return text === undefined ? '' : ` at ${text}`;
}

function runWords(run: DynamicObject): string {
  const status = statusOf(run);
  const words = said(textOf(status['reason']), textOf(status['message']));
  return `${called(run)} is ${textOf(status['state']) ?? 'pending'}${words === '' ? '' : `: ${words}`}`;
}

export function runFindings(run: DynamicObject, facts: WhyFacts): Findings {
  const status = statusOf(run);
  const state = textOf(status['state']) ?? 'pending';
  const reason = textOf(status['reason']);
  const words = said(reason, textOf(status['message']));
  const steps = recordsOf(status['tasks']);
  const tasks = facts.related.flatMap(({ role, object }) =>
    role === 'owned' && object.kind === 'Task' ? [object] : [],
  );
  const notable = steps.filter(({ state: of }) => of !== 'completed');
  const isOver = OVER.has(state);
  const current = tasks.filter((task) =>
    steps.some((step) => step['taskName'] === task.metadata.name && step['state'] === 'running'),
  );
  return withDeletion(run, {
    state,
    ...(reason === undefined ? {} : { reason }),
    summary: summaryOf(run, state, words),
    causes: [
      ...notable.slice(0, TOLD).map(stepWords),
      ...(isOver ? [] : current.slice(0, TOLD).map(taskWords)),
    ],
    next: isOver ? [] : nextOf(steps, state),
    needs: unique([
      ...needsOf(state, reason, words),
      ...(isOver
        ? []
        : current.slice(0, TOLD).flatMap((task) => {
            const { needs } = taskFindings(task, { ...facts, object: task, related: [] }, []);
            return needs.map((need) => `for ${called(task)}: ${need}`);
          })),
    ]),
    placement: [],
  });
}

function summaryOf(run: DynamicObject, state: string, words: string): string {
  const trigger = textOf(specOf(run)['trigger']);
  const job = textOf(recordOf(specOf(run)['jobRef'])['name']);
  const of = job === undefined ? '' : ` of job ${job}`;
  const from = trigger === undefined ? '' : ` (trigger ${trigger})`;
  return `the run${of}${from} is ${state}${words === '' ? '' : `: ${words}`}`;
}

function stepWords(step: Fields): string {
  const words = said(textOf(step['reason']), textOf(step['message']));
  const tries = numberOf(step['attempts']) ?? 0;
  const code = numberOf(step['exitCode']);
  const tried = tries > 1 ? `, try ${tries}` : '';
  return `step "${String(step['name'])}" is ${String(step['state'])}${tried}${code === undefined ? '' : `, exit code ${code}`}${words === '' ? '' : `: ${words}`}`;
}

function nextOf(steps: readonly Fields[], state: string): readonly WhyNext[] {
  const retries = steps.flatMap((step): WhyNext[] => {
    const retryAt = textOf(step['retryAt']);
    return retryAt === undefined
      ? []
      : [{ message: `step "${String(step['name'])}" is tried again`, at: retryAt }];
  });
  if (retries.length > 0) return retries;
  return [
    { message: state === 'pending' ? 'it begins when its job lets it' : 'the steps that are under way end' },
  ];
}

function needsOf(state: string, reason: string | undefined, words: string): readonly string[] {
  if (state === 'completed') return [];
  switch (reason) {
    case 'Queued':
      return ['a run of the same job to end, or a larger spec.maxConcurrentRuns'];
    case 'MaxConcurrentRunsExceeded':
      return ['another trigger once fewer runs are under way, or concurrencyPolicy Queue'];
    case 'DependencyNotSatisfied':
      return [`what the job depends on satisfied, then another run: ${words}`];
    case 'BackoffLimitExceeded':
    case 'TaskFailed':
      return ['the step that failed put right, then a rerun: its task and its log say how it ended'];
    case 'Interrupted':
    case 'RevisionMissing':
      return ['a rerun: what it did before the interruption is in its steps'];
    case 'Cancelled':
      return ['a rerun: somebody cancelled this one, or a later run took its place'];
    case 'JobNotFound':
      return ['the job it names created, then another run'];
    case undefined:
    default:
      return state === 'failed' || state === 'interrupted' || state === 'cancelled'
        ? [`this put right, then another run: ${words}`]
        : [];
  }
}
