/**
 * Writes Events (core v1) about objects, so that every decision can be read later.
 *
 * It promises:
 * - `record` never waits, never throws, never fails a reconcile: what cannot be written is counted and logged;
 * - folding: the same object, type, reason, message and component within ten minutes of the last time is one Event
 *   whose count and lastTimestamp grow, also across a restart; of folded decisions the latest is kept;
 * - bounds: the queue, the memory of what can be folded, and how many new Events an object may cause (a burst, then
 *   one now and then). The number and age of stored Events are bounded by the ttl controller.
 * Model: client-go `tools/record` (correlator, aggregation window and spam filter).
 */

import type { Client } from '../../machinery/client.ts';
import { type Clock, sleep, timestamp } from '../../machinery/clock.ts';
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { jsonHash } from '../../machinery/json.ts';
import {
  ANNOTATION_DECISION,
  ANNOTATION_TASK_ID,
  ANNOTATION_TRACE,
  NAMESPACE_DEFAULT,
} from '../../machinery/labels.ts';
import type { Log } from '../../machinery/log.ts';
import type { ObjectKey } from '../../machinery/meta.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import { currentTrace } from '../../machinery/trace.ts';
import { events } from '../../schemas/kinds.ts';
import type { Event } from '../../schemas/types.gen.ts';
import type { Decision, EventInput, EventSink } from './event.ts';
import { type EngineMetrics, engineMetrics } from './metrics.ts';
import { SpamFilter } from './spamfilter.ts';

export interface RecorderOptions {
  readonly client: Client;
  /** Who reports: `scheduler`, `worker-lifecycle`, `agent`… */
  readonly component: string;
  /** The worker it runs on, for agents. */
  readonly host?: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Events waiting to be written; default 1,000. */
  readonly queueLimit?: number;
}

const FOLD_WINDOW_MS = 10 * 60_000;
const FOLD_MEMORY = 4096;
const MESSAGE_LIMIT = 4000;
const DECISION_LIMIT = 8192;
const ATTEMPTS = 5;

interface Pending {
  readonly foldKey: string;
  readonly input: EventInput;
  readonly firstMs: number;
  lastMs: number;
  occurrences: number;
  decision: Decision | undefined;
  trace: string | undefined;
}

interface Written {
  readonly namespace: string;
  readonly name: string;
  readonly count: number;
  readonly lastMs: number;
}

export class Recorder implements EventSink {
  readonly #options: RecorderOptions;
  readonly #log: Log;
  readonly #metrics: EngineMetrics;
  readonly #spam: SpamFilter;
  /** By fold key, in order of arrival: what is waiting folds before it is written. */
  readonly #queue = new Map<string, Pending>();
  /** By fold key, least recently used first. */
  readonly #written = new Map<string, Written>();
  readonly #stop = new AbortController();
  #draining: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#log = options.log.child({ recorder: options.component });
    this.#metrics = engineMetrics(options.metrics);
    this.#spam = new SpamFilter(options.clock);
  }

  record(input: EventInput): void {
    const { clock, component, queueLimit = 1000 } = this.#options;
    const { metadata, kind } = input.object;
    const subject = metadata.uid ?? `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
    const foldKey = jsonHash([subject, input.type, input.reason, input.message, component]).slice(0, 16);
    const trace = metadata.annotations?.[ANNOTATION_TRACE] ?? currentTrace()?.traceId;
    const nowMs = clock.now();
    const waiting = this.#queue.get(foldKey);
    if (waiting !== undefined) {
      waiting.lastMs = nowMs;
      waiting.occurrences++;
      waiting.decision = input.decision ?? waiting.decision;
      waiting.trace = trace;
      return;
    }
    if (this.#stop.signal.aborted) return this.#drop(input, 'stopped');
    if (this.#queue.size >= queueLimit) return this.#drop(input, 'queue_full');
    if (!this.#canFold(foldKey, nowMs) && !this.#spam.admits(subject)) return this.#drop(input, 'spam');
    this.#queue.set(foldKey, {
      foldKey,
      input,
      firstMs: nowMs,
      lastMs: nowMs,
      occurrences: 1,
      decision: input.decision,
      trace,
    });
    this.#draining ??= this.#drain();
  }

  /** Resolves when everything recorded so far is written or dropped, or when the signal aborts. */
  async flush(signal: AbortSignal): Promise<void> {
    while (this.#draining !== undefined && !signal.aborted) {
      const aborted = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([this.#draining, aborted]);
    }
  }

  /** Flushes until the signal aborts, then drops what is left and takes nothing more. */
  async stop(signal: AbortSignal): Promise<void> {
    await this.flush(signal);
    this.#stop.abort();
    for (const pending of this.#queue.values()) this.#drop(pending.input, 'stopped');
    this.#queue.clear();
  }

  async #drain(): Promise<void> {
    // The caller of record goes on first: what it records next may fold into this.
    await Promise.resolve();
    for (let next = this.#first(); next !== undefined; next = this.#first()) {
      this.#queue.delete(next.foldKey);
      await this.#write(next);
    }
    this.#draining = undefined;
  }

  #first(): Pending | undefined {
    return this.#queue.values().next().value;
  }

  async #write(pending: Pending): Promise<void> {
    const { clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#writeOnce(pending);
        return;
      } catch (error) {
        const isHopeless = isApiError(error) && error.code < 500 && error.reason !== 'TooManyRequests';
        if (isHopeless || attempt >= ATTEMPTS || this.#stop.signal.aborted) {
          this.#drop(pending.input, 'write_failed', error);
          return;
        }
        await sleep(clock, 100 * 4 ** (attempt - 1), this.#stop.signal);
      }
    }
  }

  async #writeOnce(pending: Pending): Promise<void> {
    if (this.#canFold(pending.foldKey, pending.lastMs)) {
      const written = this.#written.get(pending.foldKey);
      if (written !== undefined && (await this.#fold(pending, written))) return;
    }
    await this.#create(pending);
  }

  /** False when the Event is gone in the meantime. */
  async #fold(pending: Pending, written: Written): Promise<boolean> {
    const count = written.count + pending.occurrences;
    const annotations = annotationsOf(pending);
    try {
      await this.#options.client.patch(
        events,
        { namespace: written.namespace, name: written.name },
        {
          type: 'merge',
          body: {
            count,
            lastTimestamp: timestamp(pending.lastMs),
            ...(annotations === undefined ? {} : { metadata: { annotations } }),
          },
        },
      );
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      this.#written.delete(pending.foldKey);
      return false;
    }
    this.#remember(pending.foldKey, { ...written, count, lastMs: pending.lastMs });
    this.#metrics.eventsWritten.inc({ component: this.#options.component, act: 'folded' });
    return true;
  }

  async #create(pending: Pending): Promise<void> {
    const event = this.#eventOf(pending, pending.foldKey);
    try {
      await this.#options.client.create(events, event);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      await this.#createBeside(pending, event);
      return;
    }
    this.#created(pending, event);
  }

  /** The name is taken by the same happening from before a restart or from more than ten minutes ago. */
  async #createBeside(pending: Pending, event: Event): Promise<void> {
    const { name, namespace = NAMESPACE_DEFAULT } = event.metadata;
    const existing = await this.#read({ namespace, name });
    const lastMs = Date.parse(existing?.lastTimestamp ?? '');
    if (existing !== undefined && pending.lastMs - lastMs <= FOLD_WINDOW_MS) {
      const written = { namespace, name, count: existing.count ?? 1, lastMs };
      if (await this.#fold(pending, written)) return;
    }
    const another = this.#eventOf(pending, jsonHash([pending.foldKey, pending.firstMs]).slice(0, 16));
    await this.#options.client.create(events, another);
    this.#created(pending, another);
  }

  /** Undefined also for those who may write Events and not read them, as workers do. */
  async #read(key: ObjectKey): Promise<Event | undefined> {
    try {
      return await this.#options.client.get(events, key);
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Forbidden')) return undefined;
      throw error;
    }
  }

  #created(pending: Pending, event: Event): void {
    this.#remember(pending.foldKey, {
      namespace: event.metadata.namespace ?? NAMESPACE_DEFAULT,
      name: event.metadata.name,
      count: pending.occurrences,
      lastMs: pending.lastMs,
    });
    this.#metrics.eventsWritten.inc({ component: this.#options.component, act: 'created' });
  }

  #eventOf(pending: Pending, hash: string): Event {
    const { component, host } = this.#options;
    const { object, type, reason, message } = pending.input;
    const { metadata } = object;
    const annotations = annotationsOf(pending);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        // 253 is the longest name; the hash keeps apart what the cut makes equal.
        name: `${metadata.name.slice(0, 236)}.${hash}`,
        namespace: metadata.namespace ?? NAMESPACE_DEFAULT,
        ...(annotations === undefined ? {} : { annotations }),
      },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name: metadata.name,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
        ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
      },
      type,
      reason: reason.slice(0, 128),
      message: message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT)}…` : message,
      count: pending.occurrences,
      firstTimestamp: timestamp(pending.firstMs),
      lastTimestamp: timestamp(pending.lastMs),
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      ...(host === undefined ? {} : { reportingInstance: host }),
    };
  }

  #canFold(foldKey: string, nowMs: number): boolean {
    const written = this.#written.get(foldKey);
    return written !== undefined && nowMs - written.lastMs <= FOLD_WINDOW_MS;
  }

  #remember(foldKey: string, written: Written): void {
    this.#written.delete(foldKey);
    this.#written.set(foldKey, written);
    if (this.#written.size <= FOLD_MEMORY) return;
    const oldest = this.#written.keys().next().value;
    if (oldest !== undefined) this.#written.delete(oldest);
  }

  #drop(input: EventInput, cause: string, error?: unknown): void {
    this.#metrics.eventsDropped.inc({ component: this.#options.component, cause });
    const { kind, metadata } = input.object;
    const subject = `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
    this.#log.warn(
      { object: subject, reason: input.reason, cause, ...(error === undefined ? {} : { err: error }) },
      `event dropped (${cause}${error === undefined ? '' : `: ${messageOf(error)}`}): ${input.message}`,
    );
  }
}

function annotationsOf(pending: Pending): Record<string, string> | undefined {
  const annotations: Record<string, string> = {};
  if (pending.decision !== undefined) annotations[ANNOTATION_DECISION] = decisionText(pending.decision);
  if (pending.trace !== undefined) annotations[ANNOTATION_TRACE] = pending.trace;
  const taskId = pending.input.object.metadata.annotations?.[ANNOTATION_TASK_ID];
  if (taskId !== undefined) annotations[ANNOTATION_TASK_ID] = taskId;
  return Object.keys(annotations).length === 0 ? undefined : annotations;
}

/** Never more than the limit; what is cut is the inputs, because the verdict says why. */
function decisionText(decision: Decision): string {
  const whole = JSON.stringify(decision);
  if (whole.length <= DECISION_LIMIT) return whole;
  const verdict = JSON.stringify(decision.verdict).slice(0, DECISION_LIMIT / 2);
  return JSON.stringify({ inputs: { truncatedFrom: whole.length }, verdict, action: decision.action });
}
