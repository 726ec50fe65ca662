/**
 * What `gantry describe` tells of workloads beside their own fields: the revisions of a TaskSet, the Runs of a Job, the
 * steps of a Run. What may not be read is left out: the object is still worth showing.
 */
import { humanDuration } from '../../machinery/duration.ts';
import { isApiError } from '../../machinery/errors.ts';
import type { DynamicObject, KubeObject, ObjectKey, Resource } from '../../machinery/meta.ts';
import { keyOf } from '../../machinery/meta.ts';
import { jobs, runs, taskSets } from '../../schemas/kinds.ts';
import type { Run } from '../../schemas/types.gen.ts';
import type { Io } from '../io.ts';
import type { CommandMoment } from '../moment.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';
import { revisionsOf } from '../tasksets.ts';
import { REVISION_TITLES, revisionRows } from './rollouthistory.ts';

export interface Sections {
  /** Fields of the status that a section tells better. */
  readonly told: readonly string[];
  readonly text: string;
}

const NONE: Sections = { told: [], text: '' };
/** The newest, as many as a screen holds beside the rest. */
const MOST_RUNS = 10;
const PAGE = 500;

/** Rejects with `ApiError`. */
export async function workloadSections(
  object: DynamicObject,
  session: Session,
  io: Io,
  moment: CommandMoment,
): Promise<Sections> {
  if (!object.apiVersion.startsWith(`${taskSets.group}/`)) return NONE;
  const key = keyOf(object);
  const nowMs = (): number => moment.timeMs ?? io.clock.now();
  try {
    switch (object.kind) {
      case taskSets.kind: {
        const set = await typed(taskSets, key, session, io, moment);
        const rows = revisionRows(set, await revisionsOf(set, session, io, moment), nowMs());
        return { told: [], text: table('Revisions', REVISION_TITLES, rows) };
      }
      case jobs.kind: {
        const found = await runsOf(key, session, io, moment);
        const rows = found.slice(0, MOST_RUNS).map((run) => runRow(run, nowMs()));
        const more = found.length > MOST_RUNS ? `  and ${found.length - MOST_RUNS} older ones\n` : '';
        return { told: [], text: table('Runs', RUN_TITLES, rows) + more };
      }
      case runs.kind: {
        const run = await typed(runs, key, session, io, moment);
        return { told: ['tasks'], text: stepsText(run, nowMs()) };
      }
      default:
        return NONE;
    }
  } catch (error) {
    if (isApiError(error, 'Forbidden', 'NotFound', 'Expired')) return NONE;
    throw error;
  }
}

function typed<T extends KubeObject>(
  resource: Resource<T>,
  key: ObjectKey,
  session: Session,
  io: Io,
  moment: CommandMoment,
): Promise<T> {
  return session.client.get(resource, key, { signal: io.signal, ...moment.options() });
}

/** Newest first. */
async function runsOf(
  job: ObjectKey,
  session: Session,
  io: Io,
  moment: CommandMoment,
): Promise<readonly Run[]> {
  const found: Run[] = [];
  let next: string | undefined;
  do {
    const page = await session.client.list(runs, {
      signal: io.signal,
      ...(job.namespace === undefined ? {} : { namespace: job.namespace }),
      fieldSelector: `spec.jobRef.name=${job.name}`,
      limit: PAGE,
      ...(next === undefined ? moment.options() : { continue: next }),
    });
    found.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
  const created = ({ metadata }: Run): string => metadata.creationTimestamp ?? '';
  return found.sort(
    (a, b) => created(b).localeCompare(created(a)) || b.metadata.name.localeCompare(a.metadata.name),
  );
}

const RUN_TITLES = ['Name', 'State', 'Trigger', 'Age', 'Took', 'Reason'];

function runRow({ metadata, spec, status }: Run, nowMs: number): string[] {
  return [
    metadata.name,
    status?.state ?? 'pending',
    spec.trigger ?? 'Manual',
    since(metadata.creationTimestamp, nowMs),
    took(status?.startedAt, status?.finishedAt, nowMs),
    status?.reason ?? '-',
  ];
}

const STEP_TITLES = ['Name', 'State', 'Attempts', 'Started', 'Took', 'Exit', 'Task', 'Why'];

function stepsText({ status }: Run, nowMs: number): string {
  const steps = status?.tasks ?? [];
  const rows = steps.map((step) => [
    step.name,
    step.state,
    String(step.attempts ?? 0),
    step.startedAt === undefined ? '-' : `${since(step.startedAt, nowMs)} ago`,
    took(step.startedAt, step.finishedAt, nowMs),
    step.exitCode === undefined ? '-' : String(step.exitCode),
    step.rerunOf === undefined ? (step.taskName ?? '-') : `of run ${step.rerunOf}`,
    [step.reason, step.message, step.retryAt === undefined ? undefined : `tried again at ${step.retryAt}`]
      .filter((part) => part !== undefined && part !== '')
      .join(': ')
      .replaceAll(/\s*\n\s*/g, ' ') || '-',
  ]);
  const outputs = steps.flatMap(({ name, outputs: held = {} }) =>
    Object.entries(held).map(([key, value]) => [name, key, JSON.stringify(value)]),
  );
  const outputsText = outputs.length === 0 ? '' : table('Outputs', ['Step', 'Key', 'Value'], outputs);
  return table('Steps', STEP_TITLES, rows) + outputsText;
}

function table(title: string, titles: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return `${title}: <none>\n`;
  return `${title}:\n${formatRows([titles, ...rows]).replace(/^(?=.)/gm, '  ')}`;
}

function since(time: string | undefined, nowMs: number): string {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? '-' : humanDuration(nowMs - at);
}

function took(startedAt: string | undefined, finishedAt: string | undefined, nowMs: number): string {
  if (startedAt === undefined) return '-';
  const end = finishedAt === undefined ? nowMs : Date.parse(finishedAt);
  return humanDuration(end - Date.parse(startedAt));
}
