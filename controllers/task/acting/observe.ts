/**
 * What is on the engine: a copy of this worker's containers that is inspected where something may have changed.
 *
 * The copy is kept true by a periodic list, which is the truth; the engine's events only say where to look sooner. One
 * running container a second is inspected in turn, because a list does not show resource settings. Nothing without the
 * labels of this cluster and this worker is ever seen here, so nothing of the kind can be touched.
 */
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import { isSameJson } from '../../../machinery/json.ts';
import { LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../../../machinery/labels.ts';
import type { Log } from '../../../machinery/log.ts';
import type { ContainerDetail, ContainerSummary, Runtime, RuntimeEvent } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';

export interface EngineViewOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly clusterId: string;
  readonly worker: string;
  /** Time between two full lists, milliseconds. */
  readonly relistMs: number;
  /** Time between two inspections of the rotation, milliseconds. */
  readonly rotationMs: number;
  /** Something about the containers of this Task (`namespace/name`) changed or may have. */
  readonly onChange: (taskKey: string) => void;
  /** After every full list. `isRecovered`: the first one, or the first after the engine did not answer. */
  readonly onListed: (isRecovered: boolean, signal: AbortSignal) => Promise<void>;
}

/** What is known of a container without asking again. */
export interface KnownContainer {
  readonly id: string;
  readonly uid: string;
  readonly taskKey: string;
}

interface Entry extends KnownContainer {
  detail: ContainerDetail | undefined;
  /** What the last list said of it. */
  listed: Pick<ContainerSummary, 'state' | 'name'> | undefined;
  isStale: boolean;
  /** An inspection under way: until it is over, nothing is known. */
  looking: Promise<void> | undefined;
  /** Its end as the engine's event told it, until an inspection does. */
  ended: ContainerDetail | undefined;
  /** When it was last heard of, in list numbers: an answer to an older list says nothing about it. */
  heardIn: number;
}

const LIST_LIMIT_MS = 30_000;
const INSPECT_LIMIT_MS = 10_000;
const RECONNECT_BASE_MS = 100;
const RECONNECT_MAX_MS = 1_000;
/** Events of a running container that change nothing about it. */
const UNINTERESTING = /^(?:exec_|top$|resize$|attach$|copy$|archive-path$|extract-to-dir$|export$|commit$)/;

export class EngineView {
  readonly #options: EngineViewOptions;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #entries = new Map<string, Entry>();
  readonly #byTask = new Map<string, Set<string>>();
  /** Tasks whose containers must be listed before they are believed: an act on them had no certain end. */
  readonly #doubtful = new Set<string>();
  #lists = 0;
  #isListed = false;
  #isBroken = false;
  #rotationAt = 0;
  #poke: () => void = () => {};

  constructor(options: EngineViewOptions) {
    this.#options = options;
    this.#labels = { [LABEL_CLUSTER]: options.clusterId, [LABEL_WORKER]: options.worker };
  }

  /** True once there was a full list: before it, nothing seen means nothing. */
  get isListed(): boolean {
    return this.#isListed;
  }

  known(): readonly KnownContainer[] {
    return [...this.#entries.values()];
  }

  knownOf(taskKey: string): readonly KnownContainer[] {
    return this.#entriesOf(taskKey);
  }

  /** Everything on the engine that is labelled with this Task, of whatever uid. Throws `RuntimeError`. */
  async containersOf(taskKey: string, signal: AbortSignal): Promise<readonly ContainerDetail[]> {
    if (this.#doubtful.has(taskKey)) await this.#list({ [LABEL_TASK]: taskKey }, signal);
    // One that somebody else began counts too: its answer may be the first that is known of the container.
    const looks = this.#entriesOf(taskKey)
      .map((entry) => (entry.isStale ? this.#inspect(entry, signal) : entry.looking))
      .filter((looking) => looking !== undefined);
    await Promise.all(looks);
    return this.#entriesOf(taskKey)
      .map(({ detail }) => detail)
      .filter((detail) => detail !== undefined);
  }

  /**
   * The Task's containers with an end that only an event told so far; undefined where there is none, or where anything
   * else about them is not known. Good for making the next attempt at once, and for nothing else.
   */
  endedOf(taskKey: string): readonly ContainerDetail[] | undefined {
    if (this.#doubtful.has(taskKey)) return undefined;
    const entries = this.#entriesOf(taskKey);
    if (!entries.some(({ ended }) => ended !== undefined)) return undefined;
    const details = entries.map(
      ({ ended, isStale, looking, detail }) =>
        ended ?? (isStale || looking !== undefined ? undefined : detail),
    );
    return details.every((detail) => detail !== undefined) ? details : undefined;
  }

  /** A container that was just made: seen before any list or event says so. */
  add(id: string, labels: Readonly<Record<string, string>>): void {
    this.#hear(id, labels);
  }

  /** Looks at the container itself before it is believed again. */
  touch(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.isStale = true;
    entry.heardIn = this.#lists;
  }

  /** Lists the Task's containers before they are believed again. */
  doubt(taskKey: string): void {
    this.#doubtful.add(taskKey);
    for (const id of this.#byTask.get(taskKey) ?? []) this.touch(id);
  }

  /** Lists everything now rather than at the next turn. */
  relistSoon(): void {
    this.#poke();
  }

  /** Keeps the copy true until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#relist(signal), this.#rotate(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { runtime, clock, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const events = runtime.events(this.#labels, signal);
        this.relistSoon();
        for await (const event of events) {
          failures = 0;
          this.#take(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        const level = failures === 0 ? 'warn' : 'debug';
        log[level](
          { err: error },
          `the engine's event stream broke, changes are seen by listing: ${messageOf(error)}`,
        );
      }
      await sleep(clock, Math.min(RECONNECT_MAX_MS, RECONNECT_BASE_MS * 2 ** Math.min(failures, 10)), signal);
      failures++;
    }
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { log, relistMs, onListed } = this.#options;
    while (!signal.aborted) {
      const poked = this.#nextTurn(relistMs, signal);
      try {
        await this.#list({}, signal);
        const isRecovered = !this.#isListed || this.#isBroken;
        this.#isListed = true;
        this.#isBroken = false;
        await onListed(isRecovered, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#isBroken) log.warn({ err: error }, `cannot list containers: ${messageOf(error)}`);
        this.#isBroken = true;
      }
      await poked;
    }
  }

  /** Resolves after the time, when somebody asks for a list, or when the signal aborts. */
  #nextTurn(delayMs: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#poke = () => early.abort();
    return sleep(this.#options.clock, delayMs, AbortSignal.any([signal, early.signal]));
  }

  async #rotate(signal: AbortSignal): Promise<void> {
    const { clock, log, rotationMs } = this.#options;
    while (!signal.aborted) {
      await sleep(clock, rotationMs, signal);
      const running = [...this.#entries.values()].filter((entry) => entry.detail?.state === 'running');
      const entry = running[this.#rotationAt++ % Math.max(1, running.length)];
      if (entry === undefined || signal.aborted) continue;
      const before = entry.detail;
      try {
        await this.#inspect(entry, signal);
      } catch (error) {
        log.debug({ err: error, container: entry.id }, `cannot inspect: ${messageOf(error)}`);
        if (!signal.aborted) this.#options.onChange(entry.taskKey);
        continue;
      }
      if (!isSameJson(before, entry.detail)) this.#options.onChange(entry.taskKey);
    }
  }

  #take(event: RuntimeEvent): void {
    if (UNINTERESTING.test(event.action)) return;
    const taskKey = event.labels[LABEL_TASK];
    if (taskKey === undefined) return;
    if (event.action === 'destroy') this.#drop(event.containerId);
    else this.#hear(event.containerId, event.labels);
    this.#takeEnd(event);
    this.#options.onChange(taskKey);
  }

  /** Only the end of the run that was seen: an event may be older than what is believed. */
  #takeEnd({ containerId, ended }: RuntimeEvent): void {
    const entry = this.#entries.get(containerId);
    if (entry?.detail === undefined || ended === undefined) return;
    const { detail } = entry;
    if (detail.state !== 'running' || Date.parse(ended.finishedAt) < Date.parse(detail.startedAt ?? ''))
      return;
    const { ip: _ip, ...kept } = detail;
    entry.ended = { ...kept, ports: [], state: 'exited', ...ended };
  }

  #hear(id: string, labels: Readonly<Record<string, string>>): void {
    const known = this.#entries.get(id);
    if (known !== undefined) return this.touch(id);
    const { [LABEL_TASK]: taskKey, [LABEL_UID]: uid = '' } = labels;
    if (taskKey === undefined) return;
    this.#entries.set(id, {
      id,
      uid,
      taskKey,
      detail: undefined,
      listed: undefined,
      isStale: true,
      looking: undefined,
      ended: undefined,
      heardIn: this.#lists,
    });
    const ids = this.#byTask.get(taskKey);
    if (ids === undefined) this.#byTask.set(taskKey, new Set([id]));
    else ids.add(id);
  }

  #entriesOf(taskKey: string): Entry[] {
    return [...(this.#byTask.get(taskKey) ?? [])]
      .map((id) => this.#entries.get(id))
      .filter((entry) => entry !== undefined);
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const ids = this.#byTask.get(entry.taskKey);
    ids?.delete(id);
    if (ids?.size === 0) this.#byTask.delete(entry.taskKey);
  }

  /** Lists by our labels and the given ones, and brings the copy in line; tells of every Task that differs. */
  async #list(narrower: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const { runtime, clock, onChange } = this.#options;
    const number = ++this.#lists;
    const bounds = { what: 'list of containers', signal, limitMs: LIST_LIMIT_MS };
    const found = await withinBounds(clock, bounds, (inner) =>
      runtime.list({ ...this.#labels, ...narrower }, inner),
    );
    const scope = narrower[LABEL_TASK];
    const changed = new Set<string>();
    const present = new Set<string>();
    for (const summary of found) {
      present.add(summary.id);
      if (this.#isNews(summary)) {
        this.#hear(summary.id, summary.labels);
        changed.add(summary.labels[LABEL_TASK] ?? '');
      }
      const entry = this.#entries.get(summary.id);
      if (entry !== undefined) entry.listed = { state: summary.state, name: summary.name };
    }
    for (const entry of this.#entries.values()) {
      const isInScope = scope === undefined || entry.taskKey === scope;
      // What was heard of after the list was asked for may be missing from its answer.
      if (!isInScope || present.has(entry.id) || entry.heardIn >= number) continue;
      this.#drop(entry.id);
      changed.add(entry.taskKey);
    }
    if (scope !== undefined) this.#doubtful.delete(scope);
    for (const taskKey of changed) if (taskKey !== '' && taskKey !== scope) onChange(taskKey);
  }

  /** Differs from the list before, or from what is believed. What is already marked for a look is told of once. */
  #isNews({ id, state, name }: ContainerSummary): boolean {
    const entry = this.#entries.get(id);
    if (entry?.listed === undefined) return true;
    const believed = entry.isStale ? undefined : entry.detail;
    return [entry.listed, believed].some(
      (known) => known !== undefined && (known.state !== state || known.name !== name),
    );
  }

  #inspect(entry: Entry, signal: AbortSignal): Promise<void> {
    const looking = this.#look(entry, signal).finally(() => {
      if (entry.looking === looking) entry.looking = undefined;
    });
    entry.looking = looking;
    return looking;
  }

  async #look(entry: Entry, signal: AbortSignal): Promise<void> {
    const { runtime, clock } = this.#options;
    entry.isStale = false;
    try {
      const bounds = { what: `inspection of container ${entry.id}`, signal, limitMs: INSPECT_LIMIT_MS };
      const detail = await withinBounds(clock, bounds, (inner) => runtime.inspect(entry.id, inner));
      entry.detail = detail;
      if (detail === undefined) this.#drop(entry.id);
    } catch (error) {
      // An event that came meanwhile has marked it too; either way it is not to be believed.
      entry.isStale = true;
      throw error;
    } finally {
      entry.ended = undefined;
    }
  }
}
