/** What a forecast is made from, and what it says. Everything is a value: the same facts give the same forecast. */
import type { KubeObject } from '../../../machinery/meta.ts';
import type {
  ConfigMap,
  ControllerRevision,
  Job,
  SchedulerSettings,
  Secret,
  Task,
  TaskSet,
  Worker,
} from '../../../schemas/types.gen.ts';

/** One object as it is, and as the server says that it would be. */
export interface PlannedChange {
  /** Undefined: it is made. */
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
}

/** As they are now: what whoever asks may read. */
export interface PlanFacts {
  /** Of every object that would be written, in this order. */
  readonly changes: readonly PlannedChange[];
  readonly tasks: readonly Task[];
  readonly taskSets: readonly TaskSet[];
  readonly revisions: readonly ControllerRevision[];
  readonly jobs: readonly Job[];
  /** Undefined: they may not be read, so nobody can say what goes where. */
  readonly workers: readonly Worker[] | undefined;
  readonly settings: SchedulerSettings | undefined;
  /** `configmaps:namespace/name` or `secrets:…` -> what is in it; undefined: there is none. */
  readonly contents: ReadonlyMap<string, ConfigMap | Secret | undefined>;
  /** What could not be read, in sentences: told with the forecast. */
  readonly unread: readonly string[];
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * - `created`: nothing of the Task ran, and a container will.
 * - `changedInPlace`: its container goes on, with other settings or files.
 * - `restarted`: another container on the same worker takes its place.
 * - `moved`: another container on another worker does.
 * - `removed`: its container goes, and none comes.
 * - `waits`: a container is wanted, and none can be made yet.
 */
export type EffectAction = 'created' | 'changedInPlace' | 'restarted' | 'moved' | 'removed' | 'waits';

/** What becomes of the container of one Task. */
export interface Effect {
  /** From 1; effects of one step do not wait for each other. */
  readonly step: number;
  /** `namespace/name` */
  readonly task: string;
  readonly action: EffectAction;
  /** Where its container is then. Absent where none is, or nobody can say. */
  readonly worker?: string;
  /** Where it was before. */
  readonly from?: string;
  /** One word. */
  readonly reason: string;
  /** A sentence. */
  readonly message: string;
  /** What the scheduler says of the place. */
  readonly placement?: string;
  /** The TaskSet it belongs to, `namespace/name`. */
  readonly taskSet?: string;
}

/** What becomes of a Job: of runs that do not exist yet there are no containers to tell of. */
export interface JobForecast {
  /** `namespace/name` */
  readonly job: string;
  readonly message: string;
  /** Names of runs that are under way, and go on as they began. */
  readonly active: readonly string[];
  /** RFC 3339; absent: it does not run by itself. Moves with the time of day, so that nothing is compared with it. */
  readonly nextFire?: string;
}

export interface Forecast {
  readonly effects: readonly Effect[];
  readonly jobs: readonly JobForecast[];
  /** What else there is to know: what is not known, what waits for somebody, what comes only with the next container. */
  readonly notes: readonly string[];
}
