/**
 * What the /tasks API sends and takes, read from bytes with care: an unknown field or a wrong type is told by name.
 * Keys are spelled as in the documents this API comes from.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import { duplicatesIn } from '../../server/middleware/body.ts';

/** Task states, in the order they are numbered on the wire. */
export const STATE = { Pending: 0, Scheduled: 1, Running: 2, Completed: 3, Failed: 4 } as const;
export type TaskState = (typeof STATE)[keyof typeof STATE];

/** `80/tcp` to nothing: Docker's PortSet. */
export type PortSet = Readonly<Record<string, Readonly<Record<string, never>>>>;
/** `80/tcp` to `8080` or `127.0.0.1:8080`. */
export type PortBindings = Readonly<Record<string, string>>;

/** One task as it is listed, with exactly these keys; times are RFC 3339. */
export interface TaskItem {
  readonly ID: string;
  readonly ContainerID: string;
  readonly Name: string;
  readonly State: TaskState;
  readonly Image: string;
  /** Bytes; 0 is no limit. */
  readonly Memory: number;
  readonly Disk: number;
  readonly ExposedPorts: PortSet | null;
  readonly PortBindings: PortBindings | null;
  readonly RestartPolicy: string;
  readonly StartsAt: string;
  readonly FinishedAt: string;
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
}

/** `?fields=all`. */
export interface FullTaskItem extends TaskItem {
  /** Cores; 0 is no limit. */
  readonly CPU: number;
  readonly HealthCheck: string;
  readonly RestartCount: number;
  readonly HostPorts: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
  > | null;
}

/** What a POST asks for, checked. */
export interface TaskEvent {
  readonly state: TaskState;
  /** Lower case. */
  readonly id: string | undefined;
  readonly name: string;
  readonly image: string;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly cpu: number;
  /** The path that is asked; empty: none is. */
  readonly healthCheck: string;
  readonly exposedPorts: readonly string[];
  readonly portBindings: Readonly<Record<string, readonly string[]>>;
  readonly restartPolicy: string;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id in lower case. Throws `BadRequest`. */
export function parseId(text: string, field: string): string {
  const id = text.toLowerCase();
  if (UUID.test(id)) return id;
  throw wrong(field, text, 'a UUID');
}

export function isId(text: string): boolean {
  return UUID.test(text);
}

/** Throws `BadRequest` naming the field, what was found and what was wanted. */
export function parseTaskEvent(body: unknown): TaskEvent {
  const event = fieldsOf(body, 'TaskEvent', ['ID', 'State', 'Timestamp', 'Task']);
  const [twice] = duplicatesIn(event);
  if (twice !== undefined) {
    const field = twice.startsWith('Task.') ? twice : `TaskEvent.${twice}`;
    throw new ApiError('BadRequest', `${field}: found it twice, wanted it once`);
  }
  optional(event, 'TaskEvent.ID', (value) => parseId(text(value, 'TaskEvent.ID'), 'TaskEvent.ID'));
  optional(event, 'TaskEvent.Timestamp', (value) => time(value, 'TaskEvent.Timestamp'));
  const state = optional(event, 'TaskEvent.State', (value) => parseState(value, 'TaskEvent.State'));
  const task = fieldsOf(event.Task, 'Task', TASK_FIELDS);
  const at = <T>(name: string, read: (value: unknown, field: string) => T): T | undefined =>
    optional(task, `Task.${name}`, read);

  at('State', parseState);
  at('ContainerID', text);
  at('RestartCount', count);
  at('HostPorts', record);
  for (const name of ['StartsAt', 'FinishedAt', 'CreatedAt', 'UpdatedAt']) at(name, time);
  const id = at('ID', text);
  return {
    state: state ?? STATE.Pending,
    id: id === undefined ? undefined : parseId(id, 'Task.ID'),
    name: at('Name', text) ?? '',
    image: at('Image', text) ?? '',
    memoryBytes: at('Memory', count) ?? 0,
    diskBytes: at('Disk', count) ?? 0,
    cpu: at('CPU', figure) ?? 0,
    healthCheck: at('HealthCheck', path) ?? '',
    exposedPorts: Object.keys(at('ExposedPorts', record) ?? {}),
    portBindings: at('PortBindings', bindings) ?? {},
    restartPolicy: at('RestartPolicy', text) ?? '',
  };
}

/** Everything a list shows may be posted back; what only a worker can know is read and left alone. */
const TASK_FIELDS = [
  'ID',
  'ContainerID',
  'Name',
  'State',
  'Image',
  'CPU',
  'Memory',
  'Disk',
  'ExposedPorts',
  'PortBindings',
  'HostPorts',
  'RestartPolicy',
  'RestartCount',
  'HealthCheck',
  'StartsAt',
  'FinishedAt',
  'CreatedAt',
  'UpdatedAt',
];

function fieldsOf(value: unknown, what: string, known: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) throw wrong(what, value, 'an object');
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ApiError('BadRequest', `${what}.${unknown}: no such field, wanted one of ${known.join(', ')}`);
  return value;
}

/** Null means absent, as in the JSON of Go. */
function optional<T>(
  from: Record<string, unknown>,
  field: string,
  read: (value: unknown, field: string) => T,
): T | undefined {
  const value = from[field.slice(field.lastIndexOf('.') + 1)];
  return value === undefined || value === null ? undefined : read(value, field);
}

function parseState(value: unknown, field: string): TaskState {
  const state = Object.values(STATE).find((known) => known === value);
  if (state === undefined) throw wrong(field, value, 'an integer from 0 to 4');
  return state;
}

function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw wrong(field, value, 'a string');
}

function path(value: unknown, field: string): string {
  const found = text(value, field);
  if (found === '' || /^\/[\x21-\x7e]*$/.test(found)) return found;
  throw wrong(field, value, '"" or a path such as "/health"');
}

/** Source: RFC 3339, section 5.6, with up to nine decimals. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function time(value: unknown, field: string): string {
  if (typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))) return value;
  throw wrong(field, value, 'an RFC 3339 time');
}

function figure(value: unknown, field: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw wrong(field, value, 'a number that is not negative');
}

function count(value: unknown, field: string): number {
  if (Number.isSafeInteger(value) && typeof value === 'number' && value >= 0) return value;
  throw wrong(field, value, 'an integer that is not negative');
}

function record(value: unknown, field: string): Record<string, unknown> {
  if (isRecord(value)) return value;
  throw wrong(field, value, 'an object');
}

/** `"8080"`, `"127.0.0.1:8080"`, or Docker's list of `{HostIp, HostPort}`. */
function bindings(value: unknown, field: string): Record<string, readonly string[]> {
  const entries = Object.entries(record(value, field)).map(([port, bound]): [string, readonly string[]] => {
    const at = `${field}["${port}"]`;
    if (typeof bound === 'string') return [port, [bound]];
    if (!Array.isArray(bound)) throw wrong(at, bound, 'a string or a list of {HostIp, HostPort}');
    return [port, bound.map((item: unknown) => dockerBinding(item, at))];
  });
  return Object.fromEntries(entries);
}

function dockerBinding(item: unknown, at: string): string {
  const fields = fieldsOf(item, at, ['HostIp', 'HostPort']);
  const ip = optional(fields, `${at}.HostIp`, text) ?? '';
  const port = optional(fields, `${at}.HostPort`, text) ?? '';
  return ip === '' ? port : `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

export function wrong(field: string, found: unknown, wanted: string): ApiError {
  return new ApiError(
    'BadRequest',
    `${field}: found ${JSON.stringify(found) ?? 'nothing'}, wanted ${wanted}`,
  );
}
