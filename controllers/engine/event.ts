/** What a controller says about an object: the reason, and for decisions what they were made from. */
import type { KubeObject } from '../../machinery/meta.ts';

/** Kept as the `gantry.dev/decision` annotation; `why` is built from these. Small: a few hundred bytes. */
export interface Decision {
  /** What the decision was made from. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What was found: one word or sentence, or one per candidate. */
  readonly verdict: unknown;
  /** What is done about it. */
  readonly action: string;
}

export interface EventInput {
  /** The object it happened to: kind, apiVersion and metadata are read. */
  readonly object: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** One CamelCase word. */
  readonly reason: string;
  /** A sentence for people; equal messages fold into one Event, so keep figures that always differ out of it. */
  readonly message: string;
  /** Required: nothing happens to an object without a reason that can be read later. */
  readonly decision: Decision;
}

/** Takes Events without ever blocking or failing the caller. */
export interface EventSink {
  record(event: EventInput): void;
}
