/** Following one object until something is true of it: what `wait`, `delete --wait` and `rollout status` stand on. */
import { sleep } from '../machinery/clock.ts';
import { humanDuration } from '../machinery/duration.ts';
import { isApiError } from '../machinery/errors.ts';
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import type { ApiKind } from './discovery.ts';
import type { Io } from './io.ts';
import { withProgress } from './progress.ts';
import type { Session } from './session.ts';
import { standingOf } from './standing.ts';

export interface Subject {
  readonly kind: ApiKind;
  readonly key: ObjectKey;
}

/** What is shown of it while it takes its time. */
export interface Showing {
  /** What is waited for: `condition Ready=True on task/hello`. */
  readonly goal: string;
  /** `isMet` tells it in its own words, line by line. */
  readonly isTold?: boolean;
}

const LOOK_AGAIN_MS = 500;

/**
 * True once `isMet` holds for the object as it is (undefined: there is none); false when the time is up first. Reads,
 * then watches from there, and begins again whenever the watch ends. `isMet` is never asked twice at once. Rejects with
 * `ApiError`, and with what `isMet` does.
 * @param showing absent: nothing is shown
 */
export async function waitUntil<T extends KubeObject>(
  subject: { readonly kind: Resource<T>; readonly key: ObjectKey },
  isMet: (object: T | undefined) => boolean | Promise<boolean>,
  timeoutMs: number,
  session: Session,
  io: Io,
  showing?: Showing,
): Promise<boolean> {
  if (showing === undefined) return follow(subject, isMet, timeoutMs, session, io);
  const startMs = io.clock.monotonicMs();
  let standing = '';
  const render = (): string => {
    // A plain line that tells only of time would come again and again.
    const passed = humanDuration(io.clock.monotonicMs() - startMs);
    const time = io.stderr.columns?.() === undefined ? '' : ` (${passed})`;
    return `waiting for ${showing.goal}: ${standing}${time}`;
  };
  return withProgress(
    io,
    render,
    (progress) =>
      follow(
        subject,
        (object) => {
          standing = standingOf(object);
          return progress.apart(() => isMet(object));
        },
        timeoutMs,
        session,
        io,
      ),
    { isTerminalOnly: showing.isTold === true },
  );
}

async function follow<T extends KubeObject>(
  subject: { readonly kind: Resource<T>; readonly key: ObjectKey },
  isMet: (object: T | undefined) => boolean | Promise<boolean>,
  timeoutMs: number,
  session: Session,
  io: Io,
): Promise<boolean> {
  const { kind, key } = subject;
  const expired = new AbortController();
  const timer = io.clock.after(timeoutMs, () => expired.abort());
  const signal = AbortSignal.any([io.signal, expired.signal]);
  // Looked at least once, also with no time at all.
  let isFirst = true;
  let isJudged = false;
  /** What it throws is the answer, even where the time is up by then. */
  const look = async (object: T | undefined): Promise<boolean> => {
    isJudged = true;
    const found = await isMet(object);
    isJudged = false;
    return found;
  };
  try {
    while (isFirst || !signal.aborted) {
      const object = await session.client
        .get(kind, key, { signal: isFirst ? io.signal : signal })
        .catch((error: unknown) => {
          if (isApiError(error, 'NotFound')) return undefined;
          throw error;
        });
      isFirst = false;
      if (await look(object)) return true;
      if (timeoutMs <= 0) return false;
      const resourceVersion = object?.metadata.resourceVersion;
      const changes = session.client.watch(kind, {
        signal,
        fieldSelector: `metadata.name=${key.name}`,
        ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      });
      try {
        for await (const change of changes) {
          if (change.type === 'BOOKMARK') continue;
          if (await look(change.type === 'DELETED' ? undefined : change.object)) return true;
        }
      } catch (error) {
        // Too old a version, or a server that restarts: read again. What lasts, the read says.
        if (!isApiError(error, 'Expired', 'Gone', 'ServiceUnavailable')) throw error;
      }
      await sleep(io.clock, LOOK_AGAIN_MS, signal);
    }
    return false;
  } catch (error) {
    const isCutOff = !isFirst && !isJudged && expired.signal.aborted && !io.signal.aborted;
    if (isCutOff) return false;
    throw error;
  } finally {
    timer.cancel();
  }
}
