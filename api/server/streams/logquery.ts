/**
 * Query parameters of `…/log`: Kubernetes' PodLogOptions, its names, rules and words. Those that mean nothing here
 * (`pretty`, `insecureSkipTLSVerifyBackend`) are ignored.
 * Source: Kubernetes core/v1 PodLogOptions, and `ValidatePodLogOptions`.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { TaskLogOptions } from '../../../machinery/workerlink.ts';
import { type FieldProblem, invalidObject } from '../../registry/admission/fielderrors.ts';
import { flag, type Query } from '../objects/query.ts';

export interface LogQuery {
  readonly container: string | undefined;
  readonly options: TaskLogOptions;
}

/**
 * @param name of the object that was asked for, as messages call it.
 * Throws `BadRequest` for what is no number or time, `Invalid` for what makes no sense.
 */
export function readLogQuery(query: Query, name: string, nowMs: number): LogQuery {
  const problems: FieldProblem[] = [];
  const figure = (field: string, least: 0 | 1): number | undefined => {
    const value = integer(query, field);
    if (value !== undefined && value < least) {
      const rule = least === 0 ? 'greater than or equal to 0' : 'greater than 0';
      const message = `Invalid value: ${value}: must be ${rule}`;
      problems.push({ field, reason: 'FieldValueInvalid', message });
    }
    return value;
  };
  const tailLines = figure('tailLines', 0);
  const limitBytes = figure('limitBytes', 1);
  const ageSeconds = figure('sinceSeconds', 1);
  const sinceMs = time(query, 'sinceTime');
  if (ageSeconds !== undefined && sinceMs !== undefined) {
    const message = 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified';
    problems.push({ field: 'sinceTime', reason: 'FieldValueForbidden', message });
  }
  if (problems.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, name, problems);
  const sinceSeconds =
    sinceMs !== undefined ? sinceMs / 1000 : ageSeconds !== undefined ? nowMs / 1000 - ageSeconds : undefined;
  return {
    container: text(query, 'container'),
    options: {
      follow: flag(query, 'follow'),
      previous: flag(query, 'previous'),
      timestamps: flag(query, 'timestamps'),
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(limitBytes === undefined ? {} : { limitBytes }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    },
  };
}

/** An empty parameter is none: that is how clients send what they do not know. */
function text(query: Query, name: string): string | undefined {
  const [first] = [query[name] ?? []].flat();
  return first === '' ? undefined : first;
}

function integer(query: Query, name: string): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const figure = Number(value);
  if (/^[-+]?\d+$/.test(value) && Number.isSafeInteger(figure)) return figure;
  throw new ApiError('BadRequest', `query parameter ${name}: found "${value}", wanted an integer`);
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[-+]\d\d:\d\d)$/;

/** Milliseconds since the epoch. */
function time(query: Query, name: string): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const epochMs = RFC3339.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(epochMs)) return epochMs;
  throw new ApiError('BadRequest', `query parameter ${name}: found "${value}", wanted an RFC 3339 time`);
}
