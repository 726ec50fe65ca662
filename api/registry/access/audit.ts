/**
 * The audit trail: one structured log line for each write and each refusal, with who, what, which and how it ended.
 * Never bodies: they hold secrets. The request and trace ids come from the current trace.
 */
import type { ApiError } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import { keyString, qualifiedName } from '../../../machinery/meta.ts';
import type { AccessRequest, RequestContext } from '../types.ts';

/** Signs of life and reports: their successful writes are told at level debug, or they would be all one reads. */
const CHATTY: ReadonlySet<string> = new Set(['leases.coordination.k8s.io', 'events']);
const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

export class Audit {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A write that went through. `version` is what it made, absent for a dry run. */
  done(context: RequestContext, request: AccessRequest, code: number, version: number | undefined): void {
    const level = CHATTY.has(qualifiedName({ group: request.group, plural: request.resource }))
      ? 'debug'
      : 'info';
    this.#log[level]({ audit: { ...line(context, request), outcome: 'done', code, version } }, 'audit');
  }

  /** A write that failed, or anything that was refused. Failed reads that nobody refused are not audited. */
  failed(context: RequestContext, request: AccessRequest, error: ApiError): void {
    const isRefused = error.reason === 'Forbidden' || error.reason === 'Unauthorized';
    if (!isRefused && READS.has(request.verb)) return;
    const outcome = isRefused ? 'refused' : 'failed';
    this.#log[isRefused ? 'warn' : 'info'](
      // The message of a write that failed names the values it found: the reason must do.
      {
        audit: {
          ...line(context, request),
          outcome,
          code: error.code,
          why: isRefused ? error.message : error.reason,
        },
      },
      'audit',
    );
  }

  refusedPath(context: RequestContext, verb: string, path: string, error: ApiError): void {
    const { identity, userAgent } = context;
    this.#log.warn(
      { audit: { user: identity.name, userAgent, verb, path, outcome: 'refused', code: error.code } },
      'audit',
    );
  }
}

function line({ identity, userAgent }: RequestContext, request: AccessRequest): Record<string, unknown> {
  const { verb, group, resource, subresource, namespace, name } = request;
  return {
    user: identity.name,
    userAgent,
    verb,
    resource: qualifiedName({ group, plural: resource }),
    subresource,
    key:
      name === undefined ? namespace : keyString({ ...(namespace === undefined ? {} : { namespace }), name }),
  };
}
