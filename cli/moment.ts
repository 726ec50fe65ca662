/**
 * `--at` and `--at-revision` (`--revision`): which moment a command reads. However many reads a command makes, they are of one moment: the
 * first answer says which, and the others ask for just that.
 */
import type { MomentOptions, ReadMoment } from '../machinery/client.ts';
import { parseDurationMs } from '../machinery/duration.ts';
import { CommandError } from './io.ts';

export interface MomentFlags {
  /** RFC 3339, or a duration back from now such as `10m` or `-10m`. */
  readonly at?: string;
  readonly atRevision?: string;
  /** The same as `atRevision`. */
  readonly revision?: string;
}

export class CommandMoment {
  readonly isPast: boolean;
  #asked: MomentOptions;
  #told: ReadMoment | undefined;

  /** Throws `CommandError`. */
  constructor(flags: MomentFlags) {
    const given = [
      ['--at', flags.at],
      ['--at-revision', flags.atRevision],
      ['--revision', flags.revision],
    ] as const;
    const [first, second] = given.filter(([, value]) => value !== undefined);
    if (first !== undefined && second !== undefined) {
      throw new CommandError(`${first[0]} and ${second[0]} cannot be given together: each names the moment`);
    }
    const [flag, value] = first ?? [];
    if (flag !== undefined && flag !== '--at' && (value === undefined || !/^[1-9]\d{0,15}$/.test(value))) {
      throw new CommandError(`${flag}: found "${value}", wanted a number, such as a resourceVersion`);
    }
    this.isPast = value !== undefined;
    if (value === undefined) this.#asked = {};
    else this.#asked = flag === '--at' ? { at: timeBack(value) } : exactly(value);
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

/** So long ago is how people say it; the API's own word for it has a minus. */
function timeBack(text: string): string {
  return parseDurationMs(text) === undefined ? text : `-${text}`;
}

function exactly(resourceVersion: string): MomentOptions {
  return { resourceVersion, resourceVersionMatch: 'Exact' };
}
