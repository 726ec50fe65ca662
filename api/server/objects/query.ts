/**
 * Query parameters, read into the registry's options. A parameter that is there but makes no sense is refused, in
 * Kubernetes' words; an unknown one is ignored, as Kubernetes does.
 */
import type { DeleteOptions, MomentOptions, WriteOptions } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import {
  type FieldProblem,
  forbidden,
  invalid,
  invalidObject,
  required,
  unsupported,
} from '../../registry/admission/fielderrors.ts';
import { managerProblems } from '../../registry/fields/entries.ts';
import type { RegistryListOptions, RegistryWatchOptions } from '../../registry/types.ts';
import { objectBody } from '../middleware/body.ts';

export type Query = Readonly<Record<string, string | string[] | undefined>>;

type WithUndefined<T> = { [K in keyof T]: T[K] | undefined };

/** The same object without the keys that hold undefined. */
function present<T extends object>(value: WithUndefined<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

function text(query: Query, name: string): string | undefined {
  const value = query[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === '' ? undefined : first;
}

/** Everything but `false` and `0` is true, also `True` and an empty value: clients disagree on the spelling. */
export function flag(query: Query, name: string): boolean {
  const value = query[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first !== undefined && first !== '0' && first.toLowerCase() !== 'false';
}

function integer(query: Query, name: string, least: number): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const figure = Number(value);
  if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(figure)) {
    throw new ApiError('BadRequest', `query parameter ${name}: found "${value}", wanted an integer`);
  }
  if (figure < least) throw invalidOption(name, value, `must be greater than or equal to ${least}`);
  return figure;
}

/** Undefined where it is not given. Throws `BadRequest` for anything but digits. */
export function wholeNumber(query: Query, name: string): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw new ApiError('BadRequest', `query parameter ${name}: found "${value}", wanted a whole number`);
}

function invalidOption(name: string, found: string, problem: string): ApiError {
  const message = `Invalid value: "${found}": ${problem}`;
  return new ApiError('Invalid', `options.meta.k8s.io "" is invalid: ${name}: ${message}`, {
    group: 'meta.k8s.io',
    kind: 'Options',
    causes: [{ reason: 'FieldValueInvalid', message, field: name }],
  });
}

function oneOf<T extends string>(query: Query, name: string, allowed: readonly T[]): T | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw invalidOption(name, value, `supported values: ${allowed.map((item) => `"${item}"`).join(', ')}`);
  }
  return found;
}

export function isWatch(query: Query): boolean {
  return flag(query, 'watch');
}

/**
 * What a get may be asked for. `resourceVersionMatch=Exact` and `at` are Gantry's own; for the rest Kubernetes' get
 * knows no parameters, and ignores them.
 */
export function getOptions(query: Query): MomentOptions {
  return present<MomentOptions>({
    resourceVersion: text(query, 'resourceVersion'),
    resourceVersionMatch: text(query, 'resourceVersionMatch'),
    at: atOf(query),
  });
}

/** The time that a read is asked to be of. An empty one is not left out: who sent it does not want the present. */
export function atOf({ at }: Query): string | undefined {
  if (!Array.isArray(at)) return at;
  throw new ApiError('BadRequest', `query parameter at: found it ${at.length} times, wanted it once`);
}

export function listOptions(query: Query): RegistryListOptions {
  const match = oneOf(query, 'resourceVersionMatch', ['Exact', 'NotOlderThan']);
  const resourceVersion = text(query, 'resourceVersion');
  if (match !== undefined && resourceVersion === undefined) {
    throw invalidOption('resourceVersionMatch', match, 'is forbidden unless resourceVersion is provided');
  }
  if (match === 'Exact' && resourceVersion === '0') {
    throw invalidOption('resourceVersionMatch', match, 'is forbidden for resourceVersion "0"');
  }
  if (match !== undefined && text(query, 'continue') !== undefined) {
    throw invalidOption('resourceVersionMatch', match, 'is forbidden when continue is provided');
  }
  if (flag(query, 'sendInitialEvents')) {
    throw invalidOption('sendInitialEvents', 'true', 'is forbidden for list');
  }
  const limit = integer(query, 'limit', 0);
  return present<RegistryListOptions>({
    labelSelector: text(query, 'labelSelector'),
    fieldSelector: text(query, 'fieldSelector'),
    limit: limit === 0 ? undefined : limit,
    continue: text(query, 'continue'),
    resourceVersion,
    resourceVersionMatch: match,
    at: atOf(query),
  });
}

export interface WatchQuery {
  readonly options: RegistryWatchOptions;
  /** How long the client wants the watch to last; undefined is until somebody ends it. */
  readonly timeoutMs: number | undefined;
}

export function watchOptions(query: Query): WatchQuery {
  const hasInitial = query.sendInitialEvents !== undefined;
  const match = oneOf(query, 'resourceVersionMatch', ['Exact', 'NotOlderThan']);
  if (match !== undefined && !hasInitial) {
    throw invalidOption(
      'resourceVersionMatch',
      match,
      'is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  if (hasInitial && match !== 'NotOlderThan') {
    throw invalidOption('resourceVersionMatch', match ?? '', 'must be "NotOlderThan" with sendInitialEvents');
  }
  const timeoutSeconds = integer(query, 'timeoutSeconds', 0);
  return {
    options: present<RegistryWatchOptions>({
      labelSelector: text(query, 'labelSelector'),
      fieldSelector: text(query, 'fieldSelector'),
      resourceVersion: text(query, 'resourceVersion'),
      allowWatchBookmarks: flag(query, 'allowWatchBookmarks') ? true : undefined,
      sendInitialEvents: hasInitial ? flag(query, 'sendInitialEvents') : undefined,
    }),
    timeoutMs: timeoutSeconds === undefined || timeoutSeconds === 0 ? undefined : timeoutSeconds * 1000,
  };
}

const VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'] as const;

/**
 * Options of a create, an update, or an act on an object.
 * Source of rules and wording: apimachinery `ValidateCreateOptions`, `ValidateUpdateOptions`.
 */
export function writeOptions(query: Query, kind: 'CreateOptions' | 'UpdateOptions'): WriteOptions {
  const { options, problems } = readWriteOptions(query);
  if (problems.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind }, '', problems);
  return options;
}

/** Options of a patch. Source of rules and wording: apimachinery `ValidatePatchOptions`. */
export function patchOptions(query: Query, isApply: boolean): { options: WriteOptions; isForced: boolean } {
  const { options, problems } = readWriteOptions(query);
  if (isApply && options.fieldManager === undefined) {
    problems.push(required('fieldManager', 'is required for apply patch'));
  }
  if (!isApply && query.force !== undefined) {
    problems.push(forbidden('force', 'may not be specified for non-apply patch'));
  }
  if (problems.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', problems);
  return { options, isForced: flag(query, 'force') };
}

function readWriteOptions(query: Query): { options: WriteOptions; problems: FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const dryRun = [query.dryRun ?? []].flat().filter((item) => item !== '');
  const oddRuns = dryRun.filter((item) => item !== 'All');
  if (oddRuns.length > 0) problems.push(unsupported('dryRun', oddRuns.join(', '), ['All']));
  const fieldManager = text(query, 'fieldManager');
  if (fieldManager !== undefined) problems.push(...managerProblems(fieldManager, 'fieldManager'));
  const validation = text(query, 'fieldValidation') ?? '';
  const fieldValidation = VALIDATIONS.find((candidate) => candidate === validation);
  if (fieldValidation === undefined) problems.push(unsupported('fieldValidation', validation, VALIDATIONS));
  const options = present<WriteOptions>({
    dryRun: dryRun.length === 0 ? undefined : true,
    fieldManager,
    fieldValidation: fieldValidation === '' ? undefined : fieldValidation,
  });
  return { options, problems };
}

const PROPAGATION = ['Foreground', 'Background', 'Orphan'] as const;

/**
 * DeleteOptions from the body, where there is one, else from the query; `dryRun` from either.
 * Source of rules and wording: apimachinery `ValidateDeleteOptions`.
 */
export function deleteOptions(query: Query, body: unknown): DeleteOptions {
  const sent = body === undefined ? optionsInQuery(query) : optionsInBody(query, body);
  const { propagationPolicy, orphanDependents, dryRun, ...rest } = sent;
  const problems: FieldProblem[] = [];
  const policy = PROPAGATION.find((candidate) => candidate === propagationPolicy);
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    problems.push(invalid('propagationPolicy', propagationPolicy, why));
  }
  if (propagationPolicy !== undefined && policy === undefined)
    problems.push(unsupported('propagationPolicy', propagationPolicy, [...PROPAGATION, 'nil']));
  const oddRuns = dryRun.filter((item) => item !== 'All');
  if (oddRuns.length > 0) problems.push(unsupported('dryRun', oddRuns.join(', '), ['All']));
  if (problems.length > 0) {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', problems);
  }
  return present<DeleteOptions>({
    ...rest,
    // What orphanDependents was before there were policies: true is Orphan, false says "do not".
    propagationPolicy: orphanDependents === undefined ? policy : orphanDependents ? 'Orphan' : 'Background',
    dryRun: dryRun.length === 0 ? undefined : true,
  });
}

/** As sent: types are right, values may not be. */
interface SentDeleteOptions extends Pick<DeleteOptions, 'gracePeriodSeconds' | 'preconditions'> {
  readonly propagationPolicy: string | undefined;
  readonly orphanDependents: boolean | undefined;
  readonly dryRun: readonly string[];
}

function optionsInQuery(query: Query): SentDeleteOptions {
  const orphan = text(query, 'orphanDependents');
  return {
    ...present<Pick<DeleteOptions, 'gracePeriodSeconds'>>({
      gracePeriodSeconds: integer(query, 'gracePeriodSeconds', Number.MIN_SAFE_INTEGER),
    }),
    propagationPolicy: text(query, 'propagationPolicy'),
    orphanDependents: orphan === undefined ? undefined : flag(query, 'orphanDependents'),
    dryRun: [query.dryRun ?? []].flat().filter((item) => item !== ''),
  };
}

function optionsInBody(query: Query, body: unknown): SentDeleteOptions {
  const options = objectBody(body, 'DeleteOptions');
  if (options.kind !== undefined && options.kind !== 'DeleteOptions') {
    throw new ApiError(
      'BadRequest',
      `the body of a delete must be DeleteOptions, found kind ${JSON.stringify(options.kind)}`,
    );
  }
  // The body's fields have the same names and rules as the query's: read them the same way.
  const fields = optionsInQuery(
    present<Record<string, string | string[] | undefined>>({
      gracePeriodSeconds: scalar(options, 'gracePeriodSeconds', 'number'),
      propagationPolicy: scalar(options, 'propagationPolicy', 'string'),
      orphanDependents: scalar(options, 'orphanDependents', 'boolean'),
      dryRun: listOf(options, 'dryRun') ?? query.dryRun,
    }),
  );
  const { preconditions } = options;
  if (preconditions === undefined || preconditions === null) return fields;
  if (!isRecord(preconditions)) {
    throw new ApiError('BadRequest', 'DeleteOptions.preconditions must be an object');
  }
  return {
    ...fields,
    preconditions: present<NonNullable<DeleteOptions['preconditions']>>({
      uid: scalar(preconditions, 'uid', 'string'),
      resourceVersion: scalar(preconditions, 'resourceVersion', 'string'),
    }),
  };
}

function scalar(
  from: Record<string, unknown>,
  name: string,
  type: 'string' | 'number' | 'boolean',
): string | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (
    typeof value === type &&
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
  ) {
    return String(value);
  }
  throw new ApiError('BadRequest', `DeleteOptions.${name}: found ${typeof value}, wanted a ${type}`);
}

function listOf(from: Record<string, unknown>, name: string): string[] | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new ApiError('BadRequest', `DeleteOptions.${name} must be a list of strings`);
}
