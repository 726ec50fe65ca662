/**
 * `gantry trace ID`: everything that one request led to, in order of time. The id is the one that answers, log lines and
 * frames carry (`trace_id`); a task_id or the name of a Run, a Job or a Task is as good where it is known.
 */
import { sleep } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { ANNOTATION_JOB_ID, ANNOTATION_TASK_ID } from '../../machinery/labels.ts';
import type { KubeObject, Resource } from '../../machinery/meta.ts';
import { parseTraceId } from '../../machinery/trace.ts';
import { events, jobs, runs, tasks } from '../../schemas/kinds.ts';
import type { Event, Job, Run, Task } from '../../schemas/types.gen.ts';
import { CommandError, type Io } from '../io.ts';
import type { Session } from '../session.ts';
import { columnWidths, formatRows } from '../table.ts';
import { printLogs } from '../tasklogs.ts';
import { type Entry, ofTrace, planEntries, rowOf, type Traced, traceOf } from '../traceentries.ts';

export interface TraceFlags {
  readonly output?: string;
  readonly logs?: boolean;
  readonly follow?: boolean;
}

/** How much of each Task's log. */
const LOG_LINES = 10;
const PAGE = 500;
const LOOK_AGAIN_MS = 1_000;
const HEAD = ['TIME', 'OBJECT', 'WHAT', 'DETAILS'];
const OVER = new Set(['completed', 'failed', 'interrupted', 'cancelled']);
const TASK_OVER = new Set(['Succeeded', 'Failed', 'Stopped']);

/** Rejects with `ApiError` or `CommandError`. */
export async function runTrace(word: string, flags: TraceFlags, session: Session, io: Io): Promise<void> {
  if (flags.output !== undefined && flags.output !== 'json') {
    throw new CommandError(`--output: found "${flags.output}", wanted json`);
  }
  if (flags.output === 'json' && (flags.follow === true || flags.logs === true)) {
    throw new CommandError('-o json is of what there is now: wanted it without --follow and --logs');
  }
  const view = new View(session, io);
  await view.read();
  const id = resolve(word, view.all);
  if (id === undefined) throw nothing(word, view);
  const found = ofTrace(view.all, id);
  const entries = planEntries(found);
  if (flags.output === 'json') {
    await io.stdout.write(`${JSON.stringify({ trace_id: id, entries }, null, 2)}\n`);
    return;
  }
  await io.stdout.write(`Trace ${id}\n\n${formatRows([HEAD, ...entries.map(rowOf)])}`);
  if (flags.follow === true) await follow(id, view, entries, io);
  if (flags.logs === true) await showLogs(ofTrace(view.all, id).tasks, session, io);
}

/** Everything that may be read of four kinds, kept up with on request. */
class View {
  readonly #session: Session;
  readonly #io: Io;
  readonly #objects = new Map<string, KubeObject>();
  readonly #versions = new Map<string, string>();
  /** Where it looked; undefined is everywhere. */
  namespace: string | undefined;

  constructor(session: Session, io: Io) {
    this.#session = session;
    this.#io = io;
    this.namespace = session.isNamespaceGiven ? session.namespace : undefined;
  }

  get all(): Traced {
    const of = <T extends KubeObject>({ kind }: Resource<T>): T[] =>
      [...this.#objects.values()].filter((object): object is T => object.kind === kind);
    return { jobs: of<Job>(jobs), runs: of<Run>(runs), tasks: of<Task>(tasks), events: of<Event>(events) };
  }

  /** In all namespaces; in the session's, where one may not read all. */
  async read(): Promise<void> {
    try {
      await this.#readAll();
    } catch (error) {
      if (!isApiError(error, 'Forbidden') || this.namespace !== undefined) throw error;
      this.namespace = this.#session.namespace;
      await this.#readAll();
    }
  }

  async #readAll(): Promise<void> {
    await this.#readKind(runs);
    await this.#readKind(tasks);
    await this.#readKind(jobs);
    await this.#readKind(events);
  }

  async #readKind<T extends KubeObject>(resource: Resource<T>): Promise<void> {
    let more: string | undefined;
    do {
      const list = await this.#session.client.list(resource, {
        ...this.#where(),
        limit: PAGE,
        ...(more === undefined ? {} : { continue: more }),
        signal: this.#io.signal,
      });
      for (const object of list.items) {
        // Items of a list need not say what they are.
        const { apiVersion = list.apiVersion, kind = resource.kind } = object as Partial<KubeObject>;
        this.#take({ ...object, apiVersion, kind });
      }
      this.#versions.set(resource.plural, list.metadata.resourceVersion ?? '');
      more = list.metadata.continue === '' ? undefined : list.metadata.continue;
    } while (more !== undefined);
  }

  /**
   * Calls `changed` after each change of what one follows, until the signal aborts. A server that ends a watch, as one that
   * stops does, or has forgotten what was before, is read again: what lasts, the read says.
   */
  async watch(changed: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#watchOnce(changed, signal);
      } catch (error) {
        if (!isApiError(error, 'Expired', 'Gone', 'ServiceUnavailable')) throw error;
      }
      await sleep(this.#io.clock, LOOK_AGAIN_MS, signal);
      if (signal.aborted) return;
      await this.#readAll();
      await changed();
    }
  }

  /** Until one of its watches ends: without it, the others say too little. */
  async #watchOnce(changed: () => Promise<void>, until: AbortSignal): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([until, over.signal]);
    const watch = async <T extends KubeObject>(resource: Resource<T>): Promise<void> => {
      const resourceVersion = this.#versions.get(resource.plural) ?? '';
      const options = { ...this.#where(), resourceVersion, signal };
      for await (const event of this.#session.client.watch(resource, options)) {
        if (event.type === 'BOOKMARK') continue;
        // What is gone stays told.
        this.#take(event.object);
        await changed();
      }
    };
    const watches = [watch(runs), watch(tasks), watch(events)];
    await Promise.all(watches.map((one) => one.finally(() => over.abort())));
  }

  #take(object: KubeObject): void {
    const { kind, metadata } = object;
    this.#objects.set(`${kind}/${metadata.namespace ?? ''}/${metadata.name}`, object);
  }

  #where(): { readonly namespace?: string } {
    return this.namespace === undefined ? {} : { namespace: this.namespace };
  }
}

/** The trace that somebody means: an id that something carries, else the trace of what is called so. */
function resolve(word: string, all: Traced): string | undefined {
  const id = parseTraceId(word);
  const objects = [...all.runs, ...all.tasks, ...all.jobs, ...all.events];
  if (id !== undefined && objects.some((object) => traceOf(object) === id)) return id;
  const name = word.slice(word.indexOf('/') + 1);
  const named = [...all.runs, ...all.jobs, ...all.tasks].find(({ metadata }) =>
    [
      metadata.name,
      metadata.annotations?.[ANNOTATION_TASK_ID],
      metadata.annotations?.[ANNOTATION_JOB_ID],
    ].includes(name),
  );
  return named === undefined ? undefined : traceOf(named);
}

function nothing(word: string, { namespace }: View): CommandError {
  const where = namespace === undefined ? 'any namespace' : `namespace "${namespace}"`;
  return new CommandError(
    `no trace "${word}" in ${where}: found no Job, Run, Task or Event of it, and none that is called so. Events are kept for a day, Runs of a template for an hour after their end unless they say otherwise (dispatched ones for a day), Runs of a Job as long as its history limits say, and Tasks as long as their Run; what was before is in the log, under the same trace_id`,
  );
}

/** Prints what comes, until every Run and Task of the trace has ended. */
async function follow(id: string, view: View, shown: readonly Entry[], io: Io): Promise<void> {
  const known = new Set(shown.map(keyOfEntry));
  const widths = columnWidths([HEAD, ...shown.map(rowOf)]);
  const over = new AbortController();
  const signal = AbortSignal.any([io.signal, over.signal]);
  const show = async (): Promise<void> => {
    const found = ofTrace(view.all, id);
    const news = planEntries(found).filter((entry) => !known.has(keyOfEntry(entry)));
    for (const entry of news) known.add(keyOfEntry(entry));
    if (news.length > 0) await io.stdout.write(formatRows(news.map(rowOf), widths));
    if (isOver(found)) over.abort();
  };
  await show();
  if (!over.signal.aborted) await view.watch(show, signal);
}

function keyOfEntry({ at, kind, namespace, name, what, reason, message }: Entry): string {
  return JSON.stringify([at, kind, namespace, name, what, reason, message]);
}

function isOver({ runs: all, tasks: those }: Traced): boolean {
  return (
    all.every(({ status }) => OVER.has(status?.state ?? '')) &&
    those.every(({ status }) => TASK_OVER.has(status?.phase ?? ''))
  );
}

async function showLogs(those: readonly Task[], session: Session, io: Io): Promise<void> {
  for (const { metadata } of those) {
    const namespace = metadata.namespace ?? session.namespace;
    await io.stdout.write(`\nLast ${LOG_LINES} lines of task/${metadata.name}\n`);
    const source = { task: metadata.name, prefix: '' };
    await printLogs([source], { tailLines: LOG_LINES }, { ...session, namespace }, io);
  }
}
