/**
 * `…/exec` and `…/attach`: a process in the Task's container, or the container's own first one. GET and POST, under
 * Tasks and under their Pod view, with Kubernetes' parameters, words and exit codes.
 */

import { ApiError } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import type { ProcessOptions } from '../../../machinery/runtime.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { AppContext } from '../context.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { longRunning, type ServerMetrics } from '../middleware/metrics.ts';
import type { Target } from '../objects/objects.ts';
import { flag, type Query } from '../objects/query.ts';
import { type BoundTaskDeps, findBoundTask, requireRunning, sessionVerbs } from './boundtask.ts';
import { readOffer } from './handshake.ts';
import type { SessionLimit } from './limit.ts';
import { exitStatus, internalError, joinProcess, type ProcessJob, success } from './process.ts';
import { openProcessWire } from './processwire.ts';

export interface SessionDeps extends BoundTaskDeps {
  readonly workerLink: WorkerLink;
  readonly metrics: ServerMetrics;
  readonly sessions: SessionLimit;
  readonly log: Log;
}

const MAX_COMMAND_BYTES = 128 * 1024;

export async function execProcess(ctx: AppContext, target: Target, deps: SessionDeps): Promise<void> {
  const command = values(ctx.query, 'command');
  const options = processOptions(ctx.query);
  if (command.length === 0) {
    throw new ApiError('BadRequest', 'you must specify at least one command for the container');
  }
  if (Buffer.byteLength(command.join('')) > MAX_COMMAND_BYTES) {
    throw new ApiError('BadRequest', `the command is longer than ${MAX_COMMAND_BYTES} bytes`);
  }
  const failing = 'error executing command in container';
  await openSession(ctx, target, deps, options, ({ worker, task }) => ({
    failing,
    start: (signal) => deps.workerLink.exec(worker, task, command, options, signal),
    ending: (exitCode) =>
      exitCode === undefined
        ? internalError(`${failing}: the connection ended, and how the command did is not known`)
        : exitStatus(exitCode),
  }));
}

export async function attachProcess(ctx: AppContext, target: Target, deps: SessionDeps): Promise<void> {
  const options = processOptions(ctx.query);
  await openSession(ctx, target, deps, options, ({ worker, task }) => ({
    failing: 'error attaching to container',
    start: (signal) => deps.workerLink.attach(worker, task, options, signal),
    // As on Kubernetes: that the session ended is a success, how the container did stands in its status.
    ending: () => success,
  }));
}

async function openSession(
  ctx: AppContext,
  target: Target,
  deps: SessionDeps,
  options: ProcessOptions,
  jobOf: (running: ReturnType<typeof requireRunning>) => ProcessJob,
): Promise<void> {
  const container = values(ctx.query, 'container').find((name) => name !== '');
  const verbs = sessionVerbs(ctx.method);
  const running = requireRunning(await findBoundTask(ctx, target, deps, { verbs, container }));
  const offer = readOffer(ctx);
  await deps.sessions.run(async () => {
    const wire = await openProcessWire(ctx, offer, options, deps.clock);
    if (wire === undefined) {
      deps.log.info({ path: ctx.path }, 'the client opened no streams');
      return;
    }
    const { stopping } = arrivalOf(ctx.req);
    await longRunning(ctx, deps.metrics, () => joinProcess(wire, jobOf(running), stopping));
  });
}

/** Kubernetes' names and rules (PodExecOptions, PodAttachOptions): a terminal has no separate standard error. */
function processOptions(query: Query): ProcessOptions {
  const tty = flag(query, 'tty');
  const options = {
    stdin: flag(query, 'stdin'),
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr') && !tty,
    tty,
  };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new ApiError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
  }
  return options;
}

function values(query: Query, name: string): readonly string[] {
  return [query[name] ?? []].flat();
}
