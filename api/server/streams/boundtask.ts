/**
 * The Task that a stream is about, under whichever name it was asked for: its own, or its Pod's. The words of the
 * refusals are Kubernetes', because people and tools look for them.
 */
import type { MomentOptions, ReadMoment } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { TaskRef } from '../../../machinery/workerlink.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { Registry } from '../../registry/types.ts';
import { asTask } from '../../views/pod.ts';
import { type AppContext, requestContext } from '../context.ts';
import { keyOfTarget, type ObjectDeps, type Target } from '../objects/objects.ts';

export interface BoundTaskDeps extends ObjectDeps {
  readonly registry: Pick<Registry, 'authorize'>;
}

export interface BoundTask {
  readonly task: TaskRef;
  /** Undefined while no worker was chosen. */
  readonly worker: string | undefined;
  readonly status: NonNullable<Task['status']>;
  /** `pod "hello"` or `task "hello"`. */
  readonly called: string;
}

/**
 * Needs every one of `verbs` on the subresource, under the name it is asked for or that of the stored kind: for
 * `pods/exec` either `pods/exec` or `tasks/exec` will do. Throws `Forbidden`, `NotFound`, and `BadRequest` for a container it does not have.
 */
export async function findBoundTask(
  ctx: AppContext,
  target: Target,
  deps: BoundTaskDeps,
  asked: {
    readonly verbs: readonly string[];
    readonly container: string | undefined;
    /** Absent: as it is now. */
    readonly moment?: MomentOptions | undefined;
  },
): Promise<BoundTask> {
  const { kind, subresource = '' } = target;
  const key = keyOfTarget(target);
  const context = requestContext(ctx);
  const source = deps.catalog.sourceOf(kind);
  const { group, plural: resource } = source;
  const face = { group: kind.group, resource: kind.plural };
  for (const verb of asked.verbs) {
    deps.registry.authorize(context, { verb, group, resource, subresource, ...key, face });
  }
  // What is looked up on the way is no request of the client's own: the audit tells of the session, not of these.
  const { origin: _origin, ...reader } = context;
  // Reading the face first gives a missing object the name the client knows it by.
  let read: ReadMoment | undefined;
  const past =
    asked.moment === undefined
      ? {}
      : {
          ...asked.moment,
          onMoment: (moment: ReadMoment): void => {
            read = moment;
            asked.moment?.onMoment?.(moment);
          },
        };
  await deps.catalog.get(reader, kind, key, past);
  const same = read === undefined ? {} : exactly(read);
  const { object } = await deps.catalog.get({ ...reader, face }, source, key, same);
  const { metadata, spec, status = {} } = asTask(object);
  const { container } = asked;
  if (container !== undefined && container !== metadata.name) {
    throw new ApiError(
      'BadRequest',
      `container ${container} is not valid for ${kind.singular} ${metadata.name}`,
    );
  }
  return {
    task: { ...key, uid: metadata.uid ?? '' },
    worker: spec.workerName ?? status.workerName,
    status,
    called: `${kind.singular} "${metadata.name}"`,
  };
}

function exactly({ revision }: ReadMoment): MomentOptions {
  return { resourceVersion: String(revision), resourceVersionMatch: 'Exact' };
}

export interface RunningTask extends BoundTask {
  readonly worker: string;
}

/** Phases in which there is surely no process; about all others the worker knows better than what was last written. */
const NOT_RUNNING: ReadonlySet<string | undefined> = new Set([
  undefined,
  'Pending',
  'Succeeded',
  'Failed',
  'Stopped',
]);

/** Throws `BadRequest` for a Task that has no worker or does not run. */
export function requireRunning(found: BoundTask): RunningTask {
  const { task, worker, status, called } = found;
  if (worker === undefined) {
    throw new ApiError('BadRequest', `${called.replaceAll('"', '')} does not have a host assigned`);
  }
  if (NOT_RUNNING.has(status.phase)) {
    const why = status.reason === undefined ? '' : ` (${status.reason})`;
    throw new ApiError(
      'BadRequest',
      `unable to upgrade connection: container not found ("${task.name}"): ${called} is ${status.phase ?? 'Pending'}${why}`,
    );
  }
  return { ...found, worker };
}

/**
 * What opening a session needs: always the permission to create it, also where the client opens it with GET, as
 * WebSocket clients do; and for those also to get it. The last one is what the audit tells. Source: Kubernetes 1.35,
 * enhancement 4006 ("get" alone must not give a shell).
 */
export function sessionVerbs(method: string): readonly string[] {
  return method === 'POST' ? ['create'] : ['get', 'create'];
}
