/**
 * The question "why is it so?", between who collects the facts (the API, as whoever asks) and who puts them together
 * (pure, `controllers/explain/why`). Nothing is in an answer that was not stored: what is not known is told as that.
 */
import type { NamedChange } from './fieldchanges.ts';
import type { ObjectVersion } from './history.ts';
import type { DynamicObject } from './meta.ts';
import type { KeptLog } from './workerlink.ts';

export interface WhySubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** What is kept of one container of a Task on its worker. */
export interface AttemptFacts extends KeptLog {
  /** Of the Task. */
  readonly uid: string;
  readonly worker: string;
  /** The last lines it wrote, oldest first; undefined where they were not read. */
  readonly lastLines?: readonly string[];
}

export interface RelatedObject {
  /** `owner`: owns the object. `owned`: is owned by it. `dependency`: is waited for. `worker`: where it is or may go. `placed`: runs there. */
  readonly role: 'owner' | 'owned' | 'dependency' | 'worker' | 'placed';
  readonly object: DynamicObject;
}

export interface WhyFacts {
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  readonly subject: WhySubject;
  /** As it is now; undefined: there is none of this name. */
  readonly object: DynamicObject | undefined;
  /** Newest first, without repeats; of all objects that had the name. */
  readonly versions: readonly ObjectVersion[];
  /** From this revision on nothing is missing between `versions`, not even changes of status alone. */
  readonly statusFromRevision: number | undefined;
  /** Versions older than the oldest of `versions` may be kept all the same. */
  readonly hasOlderVersions: boolean;
  /** The past is kept from here on; undefined where no history could be read. */
  readonly oldestRevision: number | undefined;
  /** core/v1 Events about the name, in any order. */
  readonly events: readonly DynamicObject[];
  readonly attempts: readonly AttemptFacts[];
  readonly related: readonly RelatedObject[];
  /** Sentences: what could not be read, and why. */
  readonly unknown: readonly string[];
}

/** What one worker was to a Task that looked for a place. */
export interface WorkerVerdict {
  readonly worker: string;
  /** `Fits`, or the word for what spoke against it. */
  readonly verdict: string;
  readonly detail?: string;
}

export interface WhyDecision {
  readonly inputs?: unknown;
  readonly verdict?: unknown;
  readonly action?: string;
}

/** What an entry of the timeline is about. */
export type WhyTopic =
  | 'created'
  | 'spec'
  | 'deleted'
  | 'admission'
  | 'placement'
  | 'dependency'
  | 'image'
  | 'input'
  | 'container'
  | 'ended'
  | 'probe'
  | 'backoff'
  | 'drift'
  | 'status'
  | 'condition'
  | 'rollout'
  | 'run'
  | 'schedule'
  | 'worker'
  | 'removal'
  | 'event';

export interface WhyEntry {
  /** RFC 3339. Of something that was told several times, the last time. */
  readonly at: string;
  /** When it was told first, where that was before `at`. */
  readonly since?: string;
  readonly topic: WhyTopic;
  /** Of several objects of one name one after another: which. */
  readonly uid?: string;
  readonly isWarning: boolean;
  /** The user or the component. */
  readonly by?: string;
  readonly manager?: string;
  readonly reason?: string;
  readonly message: string;
  readonly changedFields?: readonly NamedChange[];
  readonly attempt?: number;
  readonly exitCode?: number;
  readonly signal?: number;
  readonly lastLines?: readonly string[];
  readonly verdicts?: readonly WorkerVerdict[];
  readonly decision?: WhyDecision;
  /** How often it was told; absent: once. */
  readonly count?: number;
  readonly revision?: number;
  /** What it was read from. */
  readonly source: 'history' | 'event' | 'status' | 'log';
}

export interface WhyNext {
  readonly message: string;
  /** RFC 3339; absent: nobody knows when, or it waits for something to happen. */
  readonly at?: string;
}

export interface WhyAnswer {
  readonly apiVersion: 'gantry.dev/v1';
  readonly kind: 'Why';
  readonly subject: WhySubject & { readonly uid?: string };
  /** RFC 3339: when it was asked. */
  readonly at: string;
  readonly isGone: boolean;
  /** The word for where it is: a Task's phase, a Run's state, `Deleted`. */
  readonly state: string;
  readonly reason?: string;
  /** The answer in one sentence. */
  readonly summary: string;
  /** What that comes from, the nearest cause first. */
  readonly causes: readonly string[];
  readonly next: readonly WhyNext[];
  /** What would have to change for it to be as it was asked for; empty where it is. */
  readonly needs: readonly string[];
  /** The last word on each worker, where it is about a place. */
  readonly placement: readonly WorkerVerdict[];
  /** Oldest first. */
  readonly timeline: readonly WhyEntry[];
  /** What is not known, and why. */
  readonly unknown: readonly string[];
}

/** Pure: the same facts give the same answer. */
export type Explain = (facts: WhyFacts) => WhyAnswer;
