/** What a dispatch asks for, read with care: everything that is wrong is told by name, at once. */
import { isRecord, jsonHash } from '../../../machinery/json.ts';
import type { AppContext } from '../../server/context.ts';
import {
  duplicatesIn,
  mediaType,
  parseJson,
  readBody,
  unsupportedMediaType,
} from '../../server/middleware/body.ts';
import { CODES, DispatchError, type ErrorCode } from './errors.ts';

export interface DispatchRequest {
  readonly taskId: string;
  readonly workType: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** 1 to 5; undefined where the client leaves it to the work type. */
  readonly priority: number | undefined;
  /** Undefined where the client gave none. */
  readonly requestId: string | undefined;
  /** Task ids. */
  readonly dependsOn: readonly string[];
}

const FIELDS = ['task_id', 'work_type', 'parameters', 'priority', 'request_id', 'depends_on'];
const MAX_TASK_ID = 253;
/** As long as an idempotency key may be. */
const MAX_REQUEST_ID = 255;
const MAX_WORK_TYPE = 253;
const MAX_DEPENDS_ON = 100;
const IDEMPOTENCY_KEY = 'Idempotency-Key';

/** Throws `DispatchError` that names every field, what was found there and what is wanted. */
export async function readDispatch(ctx: AppContext): Promise<DispatchRequest> {
  const type = mediaType(ctx);
  if (type !== '' && type !== 'application/json') throw unsupportedMediaType(type, ['application/json']);
  return parseDispatch(parseJson(await readBody(ctx.req)), ctx.get(IDEMPOTENCY_KEY));
}

export function parseDispatch(body: unknown, keyHeader: string): DispatchRequest {
  const problems = new Problems();
  if (!isRecord(body)) {
    problems.add('the body', body, 'an object with task_id and work_type', CODES.BODY);
    throw problems.error();
  }
  for (const field of duplicatesIn(body))
    problems.say(`${field}: found it twice, wanted it once`, CODES.BODY);
  for (const field of Object.keys(body).filter((name) => !FIELDS.includes(name))) {
    problems.say(`${field}: no such field, wanted one of ${FIELDS.join(', ')}`, CODES.FIELD);
  }
  const { task_id: taskId, work_type: workType, priority } = body;
  problems.required('task_id', taskId);
  problems.required('work_type', workType);
  if (isGiven(taskId)) problems.unless(taskIdProblem(taskId), 'task_id', taskId, CODES.ID);
  if (isGiven(workType)) problems.unless(textProblem(workType, MAX_WORK_TYPE), 'work_type', workType);
  if (isGiven(priority) && !isPriority(priority)) {
    problems.add('priority', priority, 'a whole number from 1 to 5, 5 the most urgent', CODES.PRIORITY);
  }
  const parameters = body['parameters'] ?? {};
  if (!isRecord(parameters)) problems.add('parameters', parameters, 'an object', CODES.PARAMETERS);
  const dependsOn = dependsOnIn(body['depends_on'] ?? [], taskId, problems);
  const requestId = requestIdIn(body['request_id'], keyHeader, problems);
  if (!problems.isEmpty) throw problems.error();
  return {
    taskId: String(taskId),
    workType: String(workType),
    parameters: isRecord(parameters) ? parameters : {},
    priority: isPriority(priority) ? priority : undefined,
    requestId,
    dependsOn,
  };
}

/** Of the work that is asked for. Who asks anew under another request id asks for the same. */
export function hashOf({ workType, parameters, priority, dependsOn }: DispatchRequest): string {
  return jsonHash({ workType, parameters, priority: priority ?? null, dependsOn });
}

/** What keeps a text from being a task id; undefined: nothing does. */
export function taskIdProblem(value: unknown): string | undefined {
  const problem = textProblem(value, MAX_TASK_ID);
  // As the last part of a path they would mean another one.
  return value === '.' || value === '..' ? 'another text than the dots of a path' : problem;
}

function textProblem(value: unknown, most: number): string | undefined {
  const isFine = typeof value === 'string' && value !== '' && value.length <= most && !/\p{Cc}/u.test(value);
  return isFine ? undefined : `a text of 1 to ${most} characters, none of them a control character`;
}

function dependsOnIn(value: unknown, taskId: unknown, problems: Problems): readonly string[] {
  const wanted = `a list of at most ${MAX_DEPENDS_ON} task ids`;
  if (!Array.isArray(value) || value.length > MAX_DEPENDS_ON) {
    problems.add('depends_on', value, wanted, CODES.DEPENDS_ON);
    return [];
  }
  const ids = new Set<string>();
  value.forEach((item: unknown, index) => {
    const field = `depends_on[${index}]`;
    const problem = taskIdProblem(item);
    if (problem !== undefined) problems.add(field, item, problem, CODES.DEPENDS_ON);
    else if (item === taskId) problems.add(field, item, 'another task than this one', CODES.DEPENDS_ON);
    else if (ids.has(String(item))) problems.add(field, item, 'each task once', CODES.DEPENDS_ON);
    else ids.add(String(item));
  });
  return [...ids];
}

function requestIdIn(value: unknown, header: string, problems: Problems): string | undefined {
  // A structured header field writes a text in quotes.
  const ofHeader = /^"(.*)"$/.exec(header)?.[1] ?? header;
  for (const [field, found] of [
    ['request_id', value],
    [IDEMPOTENCY_KEY, header === '' ? undefined : ofHeader],
  ] as const) {
    if (isGiven(found)) problems.unless(textProblem(found, MAX_REQUEST_ID), field, found, CODES.ID);
  }
  if (!isGiven(value)) return ofHeader === '' ? undefined : ofHeader;
  if (header !== '' && ofHeader !== value) {
    problems.add('request_id', value, `what ${IDEMPOTENCY_KEY} says, ${JSON.stringify(ofHeader)}`, CODES.ID);
  }
  return String(value);
}

function isPriority(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 5;
}

/** Null means absent. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** A message shows no more of what was found. */
const MAX_SHOWN = 200;

class Problems {
  readonly #texts: string[] = [];
  #code: ErrorCode | undefined;

  get isEmpty(): boolean {
    return this.#code === undefined;
  }

  say(text: string, code: ErrorCode): void {
    this.#texts.push(text);
    this.#code ??= code;
  }

  add(field: string, found: unknown, wanted: string, code: ErrorCode): void {
    const text = JSON.stringify(found) ?? 'nothing';
    const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text;
    this.say(`${field}: found ${shown}, wanted ${wanted}`, code);
  }

  required(field: string, found: unknown): void {
    if (!isGiven(found)) this.add(field, found, 'a text: it is required', CODES.FIELD);
  }

  /** @param wanted undefined: nothing is wrong. */
  unless(wanted: string | undefined, field: string, found: unknown, code: ErrorCode = CODES.FIELD): void {
    if (wanted !== undefined) this.add(field, found, wanted, code);
  }

  /** The code is that of the first. */
  error(): DispatchError {
    return new DispatchError('BadRequest', this.#code ?? CODES.FIELD, this.#texts.join('; '));
  }
}
