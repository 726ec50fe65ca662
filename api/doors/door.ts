/**
 * `Door`: a way in beside the Kubernetes paths. A door is thin: it translates requests into objects through the one
 * registry and keeps no state. It owns some paths and has its own form of error there.
 */
import type { ApiError } from '../../machinery/errors.ts';
import type { AppMiddleware } from '../server/context.ts';

export interface Door {
  readonly name: string;
  /** Whether the path is this door's; errors on it, even those raised before the door was reached, take its form. */
  owns(path: string): boolean;
  /** How the door tells an error. */
  describeError(error: ApiError): { readonly code: number; readonly body: unknown };
  readonly middleware: AppMiddleware;
}
