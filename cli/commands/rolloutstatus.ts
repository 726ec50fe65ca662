/** `gantry rollout status`: tells how a rollout goes, and waits until it is through or has failed. */
import { type SnapshotInput, templateInputs } from '../../controllers/revisions/snapshots.ts';
import { isApiError } from '../../machinery/errors.ts';
import { controllerRevisions } from '../../schemas/kinds.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { isAsKept, stateOfInput } from '../configuration.ts';
import { CommandError, type Io } from '../io.ts';
import { type RolloutState, rolloutState } from '../rolloutstate.ts';
import type { Session } from '../session.ts';
import {
  inputName,
  type Revision,
  revisionFrom,
  revisionOf,
  type SetSubject,
  setName,
  setsNamed,
} from '../tasksets.ts';
import { timeoutMsFrom } from '../timeout.ts';
import { waitUntil } from '../waiting.ts';

export interface RolloutStatusFlags {
  readonly watch?: string | boolean;
  readonly timeout?: string;
  /** Fails when another revision takes its place. */
  readonly revision?: string;
}

/** Rejects with `ApiError`, or with `CommandError` when the rollout failed or the time is up. */
export async function runRolloutStatus(
  words: readonly string[],
  flags: RolloutStatusFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const timeoutMs = timeoutMsFrom(flags.timeout);
  const isWatching = watchFrom(flags.watch, words);
  const pinned = revisionFrom('--revision', flags.revision);
  const deadlineMs = io.clock.monotonicMs() + timeoutMs;
  for (const subject of await setsNamed(isWatching.words, session)) {
    const rollout = new RolloutWatch(subject, pinned, session, io);
    const leftMs = isWatching.isWanted ? Math.max(0, deadlineMs - io.clock.monotonicMs()) : 0;
    const showing = { goal: `the rollout of ${setName(subject.key.name)}`, isTold: true };
    if (await waitUntil(subject, (set) => rollout.see(set), leftMs, session, io, showing)) continue;
    if (io.signal.aborted) throw new CommandError('interrupted');
    if (!isWatching.isWanted) continue;
    throw new CommandError(`timed out after ${timeoutMs / 1000} s: ${rollout.last.replace(/\.{3}$/, '')}`);
  }
}

/** What `--watch` took for its value may be the name: it has one only when written with `=`. */
function watchFrom(
  watch: string | boolean | undefined,
  words: readonly string[],
): { readonly isWanted: boolean; readonly words: readonly string[] } {
  if (watch === undefined || typeof watch === 'boolean') return { isWanted: watch !== false, words };
  if (watch === 'true' || watch === 'false') return { isWanted: watch === 'true', words };
  return { isWanted: true, words: [watch, ...words] };
}

class RolloutWatch {
  readonly #subject: SetSubject;
  readonly #pinned: number | undefined;
  readonly #session: Session;
  readonly #io: Io;
  #uid: string | undefined;
  #pinnedName: string | undefined;
  #revision: Revision | undefined;
  /** What was told last. */
  last = '';

  constructor(subject: SetSubject, pinned: number | undefined, session: Session, io: Io) {
    this.#subject = subject;
    this.#pinned = pinned;
    this.#session = session;
    this.#io = io;
  }

  /** Tells what is new; true once the rollout is through. Rejects with `CommandError` when it never will be. */
  async see(set: TaskSet | undefined): Promise<boolean> {
    const { name } = this.#subject.key;
    if (set === undefined && this.#uid === undefined) {
      // In the server's own words.
      await this.#session.client.get(this.#subject.kind, this.#subject.key, { signal: this.#io.signal });
      return false;
    }
    this.#uid ??= set?.metadata.uid;
    if (set === undefined || set.metadata.deletionTimestamp !== undefined || set.metadata.uid !== this.#uid) {
      throw new CommandError(`taskset "${name}" was deleted: its rollout ends with it`);
    }
    const state = await this.#confirmed(set, rolloutState(set));
    if (state.kind === 'failed') throw new CommandError(state.text);
    if (state.text !== this.last) await this.#io.stdout.write(`${state.text}\n`);
    this.last = state.text;
    return state.kind === 'done';
  }

  async #confirmed(set: TaskSet, state: RolloutState): Promise<RolloutState> {
    const { generation = 0 } = set.metadata;
    const update = set.status?.updateRevision;
    if (update === undefined || (set.status?.observedGeneration ?? 0) < generation) return state;
    if (this.#pinned !== undefined) await this.#checkPin(update, this.#pinned);
    if (state.kind === 'moving' || set.spec.paused === true) return state;
    const changed = await this.#changedInput(set, update);
    if (changed === undefined) return state;
    return {
      kind: 'moving',
      text: `Waiting for taskset "${set.metadata.name}" to observe that ${changed} was changed...`,
    };
  }

  async #checkPin(update: string, wanted: number): Promise<void> {
    if (this.#pinnedName === update) return;
    const number = (await this.#revisionNamed(update))?.number;
    if (this.#pinnedName !== undefined || number !== wanted) {
      throw new CommandError(
        `taskset "${this.#subject.key.name}": desired revision (${wanted}) is different from the running revision (${number ?? update})`,
      );
    }
    this.#pinnedName = update;
  }

  /**
   * A change of a ConfigMap or Secret is a revision too, but changes nothing of the set that would say so: until the
   * controller has seen it, the set still tells of the rollout before. Who may not read them is told what the set says.
   */
  async #changedInput(set: TaskSet, update: string): Promise<string | undefined> {
    try {
      const revision = await this.#revisionNamed(update);
      if (revision?.data === undefined) return undefined;
      const { references } = templateInputs(set.spec.template, [revision.object]);
      const isPinned = (input: SnapshotInput): boolean =>
        references.some(({ pinned }) => pinned?.snapshot === input.snapshot);
      for (const input of revision.data.inputs) {
        if (isPinned(input)) continue;
        const state = await stateOfInput(input, this.#session.namespace, this.#session, this.#io);
        if (state.source !== undefined && state.kept !== undefined && !isAsKept(state))
          return inputName(input);
      }
    } catch (error) {
      if (!isApiError(error, 'Forbidden')) throw error;
    }
    return undefined;
  }

  async #revisionNamed(name: string): Promise<Revision | undefined> {
    if (this.#revision?.name === name) return this.#revision;
    const key = { ...this.#subject.key, name };
    try {
      const object = await this.#session.client.get(controllerRevisions, key, { signal: this.#io.signal });
      this.#revision = revisionOf(object);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      this.#revision = undefined;
    }
    return this.#revision;
  }
}
