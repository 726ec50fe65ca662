/** What the workers of a Task keep of its containers: how each ended, and its last lines where no status has them. */
import { isApiError, messageOf } from '../../../machinery/errors.ts';
import { isRecord, readPath } from '../../../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../../../machinery/meta.ts';
import type { AttemptFacts } from '../../../machinery/why.ts';
import type { KeptLog, TaskRef, WorkerLink } from '../../../machinery/workerlink.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { FactDeps, Reader } from './reader.ts';

/** Places asked: a Task of a name, on a worker; the newest first. */
const PLACES = 3;
/** Containers of one place whose last lines are read. */
const READ_LOGS = 3;
const LINES = 10;
const LOG_BYTES = 8 * 1024;
/** A worker that does not answer keeps the rest of the answer waiting no longer than this. */
const PATIENCE_MS = 5_000;

interface Place {
  readonly worker: string;
  readonly task: TaskRef;
}

/** Needs the permission to get `tasks/log`; without it, that is told as not known. */
export async function readAttempts(
  { context, unknown, signal }: Reader,
  { registry, workerLink, clock }: FactDeps,
  key: ObjectKey,
  seen: readonly (DynamicObject | undefined)[],
): Promise<readonly AttemptFacts[]> {
  const places = placesOf(key, seen);
  if (places.length === 0) return [];
  const { group, plural: resource } = tasks;
  try {
    registry.authorize(context, { verb: 'get', group, resource, subresource: 'log', ...key });
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
    unknown.push(`what its containers wrote: ${error.message}`);
    return [];
  }
  const told = new Set(seen.flatMap((object) => (object === undefined ? [] : toldEnds(object))));
  const found = await Promise.all(
    places.slice(0, PLACES).map(async (place): Promise<readonly AttemptFacts[]> => {
      const patience = new AbortController();
      const timer = clock.after(PATIENCE_MS, () =>
        patience.abort(new Error(`worker "${place.worker}" did not answer within ${PATIENCE_MS / 1000} s`)),
      );
      try {
        return await readPlace(workerLink, place, told, AbortSignal.any([signal, patience.signal]));
      } catch (error) {
        const isOver = patience.signal.aborted || isApiError(error);
        if (signal.aborted || !isOver) throw error;
        const why = patience.signal.aborted ? messageOf(patience.signal.reason) : messageOf(error);
        unknown.push(`what worker ${place.worker} keeps of its containers: ${why}`);
        return [];
      } finally {
        timer.cancel();
      }
    }),
  );
  return found.flat();
}

function placesOf(key: ObjectKey, seen: readonly (DynamicObject | undefined)[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const object of seen) {
    const uid = object?.metadata.uid;
    const worker = readPath(object, ['spec', 'workerName']) ?? readPath(object, ['status', 'workerName']);
    if (uid === undefined || typeof worker !== 'string') continue;
    const known = places.get(`${uid}/${worker}`);
    if (known === undefined) places.set(`${uid}/${worker}`, { worker, task: { ...key, uid } });
  }
  return [...places.values()];
}

/** Ends whose last lines a status has already. */
function toldEnds(object: DynamicObject): readonly string[] {
  const history = readPath(object, ['status', 'history']);
  if (!Array.isArray(history)) return [];
  return history.flatMap((end: unknown) =>
    isRecord(end) && typeof end['output'] === 'string' && end['output'] !== ''
      ? [`${object.metadata.uid ?? ''}/${String(end['attempt'])}`]
      : [],
  );
}

async function readPlace(
  link: WorkerLink,
  { worker, task }: Place,
  told: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly AttemptFacts[]> {
  const kept = await bounded(link.attempts(worker, task, signal), signal);
  let left = READ_LOGS;
  const facts: AttemptFacts[] = [];
  for (const log of kept) {
    const isWanted = log.finishedAt !== undefined && !told.has(`${task.uid}/${log.attempt}`) && left > 0;
    if (isWanted) left--;
    const lastLines = isWanted ? await readLines(link, worker, task, log, signal) : undefined;
    facts.push({ ...log, uid: task.uid, worker, ...(lastLines === undefined ? {} : { lastLines }) });
  }
  return facts;
}

async function readLines(
  link: WorkerLink,
  worker: string,
  task: TaskRef,
  { attempt }: KeptLog,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const options = { follow: false, previous: false, timestamps: false, attempt, tailLines: LINES };
  try {
    const chunks = await bounded(link.logs(worker, task, options, signal), signal);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      parts.push(chunk);
      bytes += chunk.length;
      // Lines may be long: the end of what is too much is what matters.
      while (bytes - (parts[0]?.length ?? 0) >= LOG_BYTES) bytes -= parts.shift()?.length ?? 0;
    }
    const text = Buffer.concat(parts).subarray(-LOG_BYTES).toString('utf8').replace(/\n$/, '');
    return text === '' ? [] : text.split('\n').slice(-LINES);
  } catch (error) {
    // Gone between the list and the reading of it.
    if (isApiError(error, 'BadRequest', 'NotFound')) return undefined;
    throw error;
  }
}

/** Rejects when the signal aborts, whether or not who works looks at it. */
function bounded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
