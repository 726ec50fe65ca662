/**
 * Watch: one JSON frame a line, `{"type","object"}`, from the moment the registry knows that the start is possible.
 * A past that is gone is told as Kubernetes does: status 200 and an ERROR frame with Status 410 `Expired`.
 * Source: Kubernetes documentation, "Efficient detection of changes"; enhancement 3157 (initial events).
 */
import type { Clock } from '../../../machinery/clock.ts';
import { type ApiError, isApiError } from '../../../machinery/errors.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import type { ServedKind, StoredObject, StoredWatchEvent } from '../../registry/types.ts';
import { type AppContext, requestContext } from '../context.ts';
import { toApiError } from '../errors.ts';
import { longRunning, type ServerMetrics, type WatchEnd } from '../middleware/metrics.ts';
import { type ObjectForm, objectForm } from '../objects/negotiation.ts';
import { type ObjectDeps, printerOf, type Target } from '../objects/objects.ts';
import { watchOptions } from '../objects/query.ts';
import { type IncludeObject, includeObject, partialOf, tableOf } from '../objects/table.ts';
import { ResponseStream } from './stream.ts';

export interface WatchDeps extends ObjectDeps {
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export async function watchObjects(ctx: AppContext, target: Target, deps: WatchDeps): Promise<void> {
  const { options, timeoutMs } = watchOptions(ctx.query);
  const encode = newEncoder(ctx, objectForm(ctx.get('Accept')), target.kind, deps);
  const fieldSelector = [
    options.fieldSelector,
    target.name === undefined ? undefined : `metadata.name=${target.name}`,
  ]
    .filter((term) => term !== undefined)
    .join(',');
  const stream = new ResponseStream(ctx, { clock: deps.clock, timeoutMs });
  const { kind } = target;
  const counter = deps.metrics.watchEvents.labels({
    group: kind.group,
    version: kind.version,
    kind: kind.kind,
  });
  try {
    const events = await deps.catalog
      .watch(requestContext(ctx), kind, {
        ...options,
        ...(fieldSelector === '' ? {} : { fieldSelector }),
        ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
        signal: stream.signal,
      })
      .catch((error: unknown) => expiredOrThrow(error));
    stream.begin('application/json');
    stream.keepAlive();
    await longRunning(ctx, deps.metrics, async () => {
      const reason = await sendEvents(stream, events, encode, () => counter.inc());
      deps.metrics.watchesEnded.inc({ reason });
    });
    stream.end();
  } finally {
    stream.release();
  }
}

/** Resolves with why it is over. */
async function sendEvents(
  stream: ResponseStream,
  events: AsyncIterable<StoredWatchEvent> | ApiError,
  encode: (event: StoredWatchEvent) => Uint8Array | string,
  count: () => void,
): Promise<WatchEnd> {
  try {
    if (!(Symbol.asyncIterator in events)) throw events;
    for await (const event of events) {
      count();
      if (!(await stream.write(encode(event)))) break;
    }
  } catch (error) {
    const told = toApiError(error);
    await stream.write(`${JSON.stringify({ type: 'ERROR', object: told.toStatus() })}\n`);
    return isApiError(told, 'Expired', 'Gone') ? 'expired' : 'failed';
  }
  // Nothing ended the stream: the registry has no more to tell, because it closes.
  return stream.endedBy ?? 'stopping';
}

/** A version that is gone is an answer within the watch; any other refusal is the request's own. */
function expiredOrThrow(error: unknown): ApiError {
  if (isApiError(error, 'Expired', 'Gone')) return error;
  throw error;
}

function newEncoder(
  ctx: AppContext,
  form: ObjectForm,
  kind: ServedKind,
  deps: WatchDeps,
): (event: StoredWatchEvent) => Uint8Array | string {
  const write = formWriter(form, kind, includeObject([ctx.query.includeObject].flat()[0]), deps);
  return (event) => {
    if (event.type !== 'BOOKMARK') {
      if (form.kind === 'object') return event.frame();
      return `${JSON.stringify({ type: event.type, object: write(event.stored) })}\n`;
    }
    const resourceVersion = String(event.resourceVersion);
    const annotations = event.isInitialEnd === true ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
    const metadata = { resourceVersion, creationTimestamp: null, ...annotations };
    const object =
      form.kind === 'object'
        ? { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata }
        : form.kind === 'partial'
          ? { kind: 'PartialObjectMetadata', apiVersion: form.apiVersion, metadata }
          : {
              kind: 'Table',
              apiVersion: form.apiVersion,
              metadata: { resourceVersion },
              columnDefinitions: null,
              rows: [],
            };
    return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
  };
}

function formWriter(
  form: ObjectForm,
  kind: ServedKind,
  include: IncludeObject,
  deps: WatchDeps,
): (stored: StoredObject) => unknown {
  if (form.kind === 'object') return (stored) => stored.object;
  const { apiVersion } = form;
  if (form.kind === 'partial') return (stored) => partialOf(stored.object, apiVersion);
  const printer = printerOf(kind, deps);
  let withColumns = true;
  return (stored) => {
    const metadata = { resourceVersion: String(stored.resourceVersion) };
    const options = { printer, include, apiVersion, nowMs: deps.clock.now(), withColumns };
    withColumns = false;
    return tableOf([stored.object], metadata, options);
  };
}
