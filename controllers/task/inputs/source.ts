/**
 * The ConfigMaps and Secrets that the Tasks of this worker use, each watched once, however many use it: from the first
 * Task that asks to the last that is forgotten. Tasks are told when something of theirs has changed.
 *
 * Promises answers from local copies, also while the API is away; a bound on what is watched, which is told to the
 * Tasks beyond it; and that a Task whose objects are all there is never told to wait.
 */
import type { Client } from '../../../machinery/client.ts';
import type { Clock, Timer } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import { NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import type { Log } from '../../../machinery/log.ts';
import { keyOf, keyString } from '../../../machinery/meta.ts';
import type { Random } from '../../../machinery/random.ts';
import { type InputKind, taskReferences } from '../../../schemas/taskreferences.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { EventSink } from '../../engine/event.ts';
import type { InputSource, TaskInputs } from '../services.ts';
import type { Allocatable, InputNote } from './environment.ts';
import type { Found } from './found.ts';
import { ObjectWatch } from './objectwatch.ts';
import { resolveInputs } from './resolve.ts';

export interface ObjectInputsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventSink;
  readonly worker: string;
  readonly publishAddress: string;
  /** Undefined until it is known. */
  readonly allocatable: () => Allocatable | undefined;
  /** Ends all watches. */
  readonly signal: AbortSignal;
  /** Objects watched at most; default 2,000, which leaves room below what a server lets one user watch. */
  readonly maxWatches?: number;
}

const MAX_WATCHES = 2_000;
const READS_AT_ONCE = 16;
/** How soon a Task that waits for the engine's first answer looks again. */
const ASK_AGAIN_MS = 250;

interface Watched {
  readonly watch: ObjectWatch;
  readonly stop: AbortController;
  /** Keys of the Tasks that use it. */
  readonly users: Set<string>;
}

export class ObjectInputs implements InputSource {
  readonly #options: ObjectInputsOptions;
  readonly #reads = new Limiter(READS_AT_ONCE);
  /** By `configmaps/<namespace>/<name>`. */
  readonly #watched = new Map<string, Watched>();
  /** By Task: what it uses. */
  readonly #uses = new Map<string, ReadonlySet<string>>();
  /** Tasks that found no room for a watch. */
  readonly #crowdedOut = new Set<string>();
  /** By Task: what it was told last, so that it is told once. */
  readonly #told = new Map<string, string>();
  #changed = new Set<string>();
  /** Tasks that wait for the engine's first answer, looked at again together. */
  readonly #waiting = new Set<string>();
  #timer: Timer | undefined;
  /** Watches that cannot read for now. */
  readonly #troubled = new Set<string>();
  #tell: (taskKey: string) => void = () => undefined;

  constructor(options: ObjectInputsOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stopAll(), { once: true });
  }

  /** Objects that are watched now. */
  get size(): number {
    return this.#watched.size;
  }

  onChange(listener: (taskKey: string) => void): void {
    this.#tell = listener;
  }

  inputsOf(task: Task): TaskInputs {
    const { worker, publishAddress } = this.#options;
    const taskKey = keyString(keyOf(task));
    const { namespace = NAMESPACE_DEFAULT } = task.metadata;
    this.#use(taskKey, namespace, task);
    const allocatable = this.#options.allocatable();
    const context = { worker, publishAddress, allocatable };
    const { inputs, notes } = resolveInputs(task, context, (kind, name) =>
      this.#found(keyFor(kind, namespace, name)),
    );
    if (inputs.kind === 'loading') {
      if (allocatable === undefined) this.#askAgain(taskKey);
    } else {
      this.#report(taskKey, task, notes);
    }
    return inputs;
  }

  forget(taskKey: string): void {
    const keys = this.#uses.get(taskKey);
    this.#uses.delete(taskKey);
    this.#crowdedOut.delete(taskKey);
    this.#waiting.delete(taskKey);
    this.#told.delete(taskKey);
    for (const key of keys ?? []) this.#release(key, taskKey);
  }

  #use(taskKey: string, namespace: string, task: Task): void {
    const wanted = new Set<string>();
    let isCrowdedOut = false;
    for (const { kind, name } of taskReferences(task.spec)) {
      const key = keyFor(kind, namespace, name);
      const watched = this.#watched.get(key) ?? this.#open(key, kind, namespace, name);
      if (watched === undefined) {
        isCrowdedOut = true;
        continue;
      }
      watched.users.add(taskKey);
      wanted.add(key);
    }
    const before = this.#uses.get(taskKey);
    if (wanted.size === 0) this.#uses.delete(taskKey);
    else this.#uses.set(taskKey, wanted);
    if (isCrowdedOut) this.#crowdedOut.add(taskKey);
    else this.#crowdedOut.delete(taskKey);
    for (const key of before ?? []) if (!wanted.has(key)) this.#release(key, taskKey);
  }

  /** Undefined: there is no room, or everything is stopping. */
  #open(key: string, kind: InputKind, namespace: string, name: string): Watched | undefined {
    const { client, clock, random, log, signal, maxWatches = MAX_WATCHES } = this.#options;
    if (signal.aborted) return undefined;
    if (this.#watched.size >= maxWatches) {
      if (this.#crowdedOut.size === 0) {
        log.warn(
          { maxWatches, key },
          `${maxWatches} ConfigMaps and Secrets are watched, as many as a worker may: Tasks that need others wait until some are no longer used; spread the Tasks over more workers`,
        );
      }
      return undefined;
    }
    const watch = new ObjectWatch({
      client,
      clock,
      random,
      reads: this.#reads,
      kind,
      namespace,
      name,
      onChange: () => this.#note(this.#watched.get(key)?.users ?? []),
      onTrouble: (error) => this.#trouble(key, error),
    });
    const watched = { watch, stop: new AbortController(), users: new Set<string>() };
    this.#watched.set(key, watched);
    void watch.run(watched.stop.signal);
    return watched;
  }

  #release(key: string, taskKey: string): void {
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    watched.users.delete(taskKey);
    if (watched.users.size > 0) return;
    this.#watched.delete(key);
    watched.stop.abort();
    this.#troubled.delete(key);
    this.#note(this.#crowdedOut);
  }

  #found(key: string): Found {
    const watched = this.#watched.get(key);
    if (watched !== undefined) return watched.watch.found;
    const { maxWatches = MAX_WATCHES } = this.#options;
    const reason = `this worker watches ${maxWatches} ConfigMaps and Secrets already, as many as it may`;
    return this.#options.signal.aborted ? { kind: 'unread' } : { kind: 'refused', reason };
  }

  #askAgain(taskKey: string): void {
    this.#waiting.add(taskKey);
    this.#timer ??= this.#options.clock.after(ASK_AGAIN_MS, () => {
      this.#timer = undefined;
      this.#note(this.#waiting);
      this.#waiting.clear();
    });
  }

  /** Several changes at once are told once. */
  #note(taskKeys: Iterable<string>): void {
    const isFirst = this.#changed.size === 0;
    for (const key of taskKeys) this.#changed.add(key);
    if (!isFirst || this.#changed.size === 0) return;
    queueMicrotask(() => {
      const changed = this.#changed;
      this.#changed = new Set();
      for (const key of changed) this.#tell(key);
    });
  }

  /** What a user should know: an Event, once. */
  #report(taskKey: string, task: Task, notes: readonly InputNote[]): void {
    const text = notes.map(({ message }) => message).join('\n');
    if (text === (this.#told.get(taskKey) ?? '')) return;
    if (text === '') this.#told.delete(taskKey);
    else this.#told.set(taskKey, text);
    for (const { reason, message } of notes) {
      const inputs = { env: task.spec.env?.length ?? 0, imagePullSecrets: task.spec.imagePullSecrets ?? [] };
      const decision = { inputs, verdict: reason, action: 'the container is made without it' };
      this.#options.events.record({ object: task, type: 'Warning', reason, message, decision });
    }
  }

  /** An API that is away is told once, not by each watch. */
  #trouble(key: string, error: unknown): void {
    const { log } = this.#options;
    if (error === undefined) {
      this.#troubled.delete(key);
      if (this.#troubled.size === 0) log.info('ConfigMaps and Secrets can be read again');
      return;
    }
    this.#troubled.add(key);
    const level = this.#troubled.size === 1 ? 'warn' : 'debug';
    log[level](
      { key, err: error },
      `cannot read ${key}: ${messageOf(error)}; what was read last holds meanwhile`,
    );
  }

  #stopAll(): void {
    this.#timer?.cancel();
    for (const { stop } of this.#watched.values()) stop.abort();
  }
}

function keyFor(kind: InputKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
