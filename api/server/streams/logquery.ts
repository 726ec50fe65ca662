/**
 * Query parameters of `…/log`: Kubernetes' PodLogOptions, its names, rules and words. Those that mean nothing here
 * (`pretty`, `insecureSkipTLSVerifyBackend`) are ignored. `attempt`, `list` and the moments of the past are Gantry's own;
 * and where Kubernetes counts no last lines of one stream, Gantry does.
 * Source: Kubernetes core/v1 PodLogOptions, and `ValidatePodLogOptions`.
 */
import type { MomentOptions } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { TaskLogOptions } from '../../../machinery/workerlink.ts';
import { type FieldProblem, invalidObject } from '../../registry/admission/fielderrors.ts';
import { mayBePast } from '../../registry/moments.ts';
import { flag, getOptions, type Query } from '../objects/query.ts';

export interface LogQuery {
  readonly container: string | undefined;
  readonly options: TaskLogOptions;
  /** What is kept is wanted, and not the log. */
  readonly isList: boolean;
  /** Undefined: the Task of now. */
  readonly moment: MomentOptions | undefined;
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
  const attempt = figure('attempt', 0);
  const stream = streamOf(query, problems);
  const previous = flag(query, 'previous');
  if (attempt !== undefined && previous) {
    const message = 'Forbidden: at most one of `attempt` or `previous` may be specified';
    problems.push({ field: 'attempt', reason: 'FieldValueForbidden', message });
  }
  if (ageSeconds !== undefined && sinceMs !== undefined) {
    const message = 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified';
    problems.push({ field: 'sinceTime', reason: 'FieldValueForbidden', message });
  }
  if (problems.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, name, problems);
  const moment = getOptions(query);
  const sinceSeconds =
    sinceMs !== undefined ? sinceMs / 1000 : ageSeconds !== undefined ? nowMs / 1000 - ageSeconds : undefined;
  return {
    container: text(query, 'container'),
    options: {
      follow: flag(query, 'follow'),
      previous,
      timestamps: flag(query, 'timestamps'),
      ...(attempt === undefined ? {} : { attempt }),
      ...(stream === undefined ? {} : { stream }),
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(limitBytes === undefined ? {} : { limitBytes }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    },
    isList: flag(query, 'list'),
    moment: mayBePast(moment) ? moment : undefined,
  };
}

/** Kubernetes 1.32 has these names; undefined is both. */
const STREAMS: ReadonlyMap<string, TaskLogOptions['stream']> = new Map([
  ['All', undefined],
  ['Stdout', 'stdout'],
  ['Stderr', 'stderr'],
  ['stdout', 'stdout'],
  ['stderr', 'stderr'],
]);

function streamOf(query: Query, problems: FieldProblem[]): TaskLogOptions['stream'] {
  const value = text(query, 'stream');
  if (value === undefined || STREAMS.has(value)) return STREAMS.get(value ?? 'All');
  problems.push({
    field: 'stream',
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: "${value}": supported values: "All", "Stderr", "Stdout"`,
  });
  return undefined;
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
