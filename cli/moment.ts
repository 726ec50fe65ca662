/**
 * `--at` and `--revision`: which moment a command reads. However many reads a command makes, they are of one moment: the
 * first answer says which, and the others ask for just that.
 */
import type { MomentOptions, ReadMoment } from '../machinery/client.ts';
import { CommandError } from './io.ts';

export interface MomentFlags {
  /** RFC 3339, or a duration back from now such as `-10m`. */
  readonly at?: string;
  readonly revision?: string;
}

export class CommandMoment {
  readonly isPast: boolean;
  #asked: MomentOptions;
  #told: ReadMoment | undefined;

  /** Throws `CommandError`. */
  constructor({ at, revision }: MomentFlags) {
    if (at !== undefined && revision !== undefined) {
      throw new CommandError('--at and --revision cannot be given together: each names the moment');
    }
    if (revision !== undefined && !/^[1-9]\d{0,15}$/.test(revision)) {
      throw new CommandError(`--revision: found "${revision}", wanted a number, such as a resourceVersion`);
    }
    this.isPast = at !== undefined || revision !== undefined;
    this.#asked = revision === undefined ? (at === undefined ? {} : { at }) : exactly(revision);
  }

  /** What the next read asks for. */
  options(): MomentOptions {
    return this.isPast ? { ...this.#asked, onMoment: (moment) => this.#learn(moment) } : {};
  }

  /** The wall time that is read, where that is known. */
  get timeMs(): number | undefined {
    return this.#told?.timeMs;
  }

  /** After an answer. Throws `CommandError` when it was of the present although the past was wanted. */
  check(): void {
    if (!this.isPast || this.#told !== undefined) return;
    throw new CommandError('this server did not say which moment it read: it seems to know only the present');
  }

  #learn(moment: ReadMoment): void {
    this.#told ??= moment;
    // The server's own time, so that ages in tables are those of then.
    if (moment.timeMs !== undefined) this.#asked = { at: new Date(moment.timeMs).toISOString() };
  }
}

function exactly(resourceVersion: string): MomentOptions {
  return { resourceVersion, resourceVersionMatch: 'Exact' };
}
