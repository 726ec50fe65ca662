/** What a worker can do for volumes, where one volume is, and how what went wrong is said. */
import { fileProblem } from '../../machinery/durablefile.ts';
import { RuntimeError } from '../../machinery/errors.ts';

/** What this worker can do for volumes. */
export interface Place {
  /** Files of this machine are the engine's, and there is a directory for them. */
  readonly directory: string | undefined;
  /** Root: mounts, and files of containers can be removed. */
  readonly isRoot: boolean;
  /** Owner of what is made; undefined: whoever makes it. */
  readonly owner: number | undefined;
}

/** Where one volume is. */
export type Source =
  | {
      readonly kind: 'path';
      readonly path: string;
      readonly readOnly: boolean;
      readonly isRecursive?: boolean;
    }
  | { readonly kind: 'volume'; readonly name: string; readonly mountpoint: string };

export function unsupported(place: Place, what: string, why: string): RuntimeError {
  const wanted =
    place.directory === undefined
      ? 'an engine on the same Linux machine as its Gantry'
      : 'a Gantry that runs as root';
  return new RuntimeError('InvalidSpec', `${what} needs ${wanted}: ${why}`);
}

/** One error for whatever went wrong, with what it was about in front. */
export function failure(what: string, error: unknown, signal: AbortSignal): RuntimeError {
  if (error instanceof RuntimeError) {
    const message = error.message.startsWith(what) ? error.message : `${what}: ${error.message}`;
    return new RuntimeError(error.reason, message, { cause: error });
  }
  const reason = signal.aborted ? 'Unavailable' : 'Failed';
  return new RuntimeError(reason, `${what}: ${fileProblem(error)}`, { cause: error });
}
