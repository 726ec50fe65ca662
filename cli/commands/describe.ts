/** `gantry describe`: one object in sections, with its conditions and its events (newest last). */
import { humanDuration } from '../../machinery/duration.ts';
import { isApiError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { events } from '../../schemas/kinds.ts';
import type { Event } from '../../schemas/types.gen.ts';
import type { Io } from '../io.ts';
import { CommandMoment, type MomentFlags } from '../moment.ts';
import { chooseFrom } from '../selection.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';
import { type GetFlags, objectsOf } from './get.ts';
import { type Sections, workloadSections } from './workloadsections.ts';

export type DescribeFlags = Pick<GetFlags, 'allNamespaces' | 'selector' | keyof MomentFlags>;

/** Shown at the top in their own words, or of no use to a person. */
const HIDDEN_METADATA: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'labels',
  'annotations',
  'managedFields',
]);
/** Long, and said again by the fields themselves. */
const HIDDEN_ANNOTATIONS: ReadonlySet<string> = new Set(['kubectl.kubernetes.io/last-applied-configuration']);
const MOST_EVENTS = 500;

/** Rejects with `ApiError` or `CommandError`. */
export async function runDescribe(
  words: readonly string[],
  flags: DescribeFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const blocks: string[] = [];
  const moment = new CommandMoment(flags);
  for (const choice of chooseFrom(await session.kinds(), words)) {
    for (const object of await objectsOf(choice, flags, session, io, moment)) {
      const happened = await eventsOf(object, session, io, moment);
      const sections = await workloadSections(object, session, io, moment);
      blocks.push(describeObject(object, happened, moment.timeMs ?? io.clock.now(), sections));
    }
  }
  if (blocks.length > 0) return io.stdout.write(blocks.join('\n\n'));
  await io.stderr.write(
    `No resources found${flags.allNamespaces === true ? '' : ` in ${session.namespace} namespace`}.\n`,
  );
}

/** Of a moment of which no events are kept, none: their past is shorter than that of what they are about. */
async function eventsOf(
  object: DynamicObject,
  session: Session,
  io: Io,
  moment: CommandMoment,
): Promise<readonly Event[]> {
  const { name, namespace, uid } = object.metadata;
  const terms = [
    `involvedObject.name=${name}`,
    `involvedObject.kind=${object.kind}`,
    ...(uid === undefined ? [] : [`involvedObject.uid=${uid}`]),
  ];
  try {
    const list = await session.client.list(events, {
      fieldSelector: terms.join(','),
      limit: MOST_EVENTS,
      signal: io.signal,
      ...(namespace === undefined ? {} : { namespace }),
      ...moment.options(),
    });
    return list.items;
  } catch (error) {
    // Not everybody who may read an object may read events; the object is still worth showing.
    if (isApiError(error, 'Forbidden', 'NotFound', 'Expired')) return [];
    throw error;
  }
}

function describeObject(
  object: DynamicObject,
  happened: readonly Event[],
  nowMs: number,
  { told, text }: Sections,
): string {
  const { apiVersion, kind, metadata, ...rest } = withoutStatusOf(object, told);
  const { name, namespace, labels = {}, annotations = {} } = metadata;
  const shownAnnotations = Object.entries(annotations).filter(([key]) => !HIDDEN_ANNOTATIONS.has(key));
  const otherMetadata = Object.fromEntries(
    Object.entries(metadata).filter(([key]) => !HIDDEN_METADATA.has(key)),
  );
  const head = formatRows([
    ['Name:', name],
    ...(namespace === undefined ? [] : [['Namespace:', namespace]]),
    ...pairs('Labels:', Object.entries(labels)),
    ...pairs('Annotations:', shownAnnotations),
    ['API Version:', apiVersion],
    ['Kind:', kind],
  ]);
  const sections = Object.entries({ metadata: otherMetadata, ...rest }).map(([field, value]) =>
    section(field, value, '', nowMs),
  );
  return head + sections.join('') + text + eventsText(happened, nowMs);
}

function withoutStatusOf(object: DynamicObject, told: readonly string[]): DynamicObject {
  if (told.length === 0 || !isRecord(object['status'])) return object;
  const status = Object.fromEntries(
    Object.entries(object['status']).filter(([field]) => !told.includes(field)),
  );
  return { ...object, status };
}

function pairs(title: string, entries: readonly (readonly [string, string])[]): string[][] {
  if (entries.length === 0) return [[title, '<none>']];
  return entries.map(([key, value], at) => [at === 0 ? title : '', `${key}=${value}`]);
}

/** A field and all below it, indented; lists of flat objects that are alike become tables. */
function section(field: string, value: unknown, indent: string, nowMs: number): string {
  const title = `${indent}${titleOf(field)}:`;
  const inner = `${indent}  `;
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    if (items.length === 0) return `${title} <none>\n`;
    if (items.every((item) => !isRecord(item) && !Array.isArray(item)))
      return `${title} ${items.map(scalar).join(', ')}\n`;
    if (items.every(isFlat)) return `${title}\n${objectTable(items, inner, nowMs)}`;
    const parts = items.map((item) =>
      isRecord(item) ? fields(item, inner, nowMs) : `${inner}${scalar(item)}\n`,
    );
    return `${title}\n${parts.join(`${inner}---\n`)}`;
  }
  if (isRecord(value)) {
    const text = fields(value, inner, nowMs);
    return text === '' ? `${title} <none>\n` : `${title}\n${text}`;
  }
  return `${title} ${scalar(value)}${ageOf(value, nowMs)}\n`;
}

function fields(value: Record<string, unknown>, indent: string, nowMs: number): string {
  return Object.entries(value)
    .map(([field, inner]) => section(field, inner, indent, nowMs))
    .join('');
}

function isFlat(value: unknown): value is Record<string, unknown> {
  return (
    isRecord(value) && Object.values(value).every((inner) => typeof inner !== 'object' || inner === null)
  );
}

/** Times in tables are ages: what a person wants to know of a condition or an ended container. */
function objectTable(items: readonly Record<string, unknown>[], indent: string, nowMs: number): string {
  const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
  // Sentences go last, where they may be long.
  columns.sort((a, b) => Number(a === 'message') - Number(b === 'message'));
  const rows = items.map((item) =>
    columns.map((column) => {
      const value = item[column];
      const age = timeOf(value);
      return age === undefined ? scalar(value) : `${humanDuration(nowMs - age)} ago`;
    }),
  );
  const header = columns.map((column) => titleOf(column.replace(/^lastTransitionTime$/, 'since')));
  return formatRows([header, ...rows])
    .replace(/^/gm, indent)
    .replace(/ +$/, '');
}

function eventsText(happened: readonly Event[], nowMs: number): string {
  if (happened.length === 0) return 'Events: <none>\n';
  const seen = happened
    .map((event) => ({ event, atMs: lastSeenMs(event) }))
    .sort((a, b) => a.atMs - b.atMs || versionOf(a.event) - versionOf(b.event));
  const rows = seen.map(({ event, atMs }) => [
    event.type ?? 'Normal',
    event.reason ?? '',
    ageText(event, atMs, nowMs),
    event.source?.component ?? event.reportingComponent ?? '',
    (event.message ?? '').trim().replaceAll(/\s*\n\s*/g, ' '),
  ]);
  const table = formatRows([['Type', 'Reason', 'Age', 'From', 'Message'], ...rows]);
  return `Events:\n${table.replace(/^/gm, '  ').replace(/ +$/, '')}`;
}

/** Times are whole seconds; within one, what was written later happened later. */
function versionOf(event: Event): number {
  return Number(event.metadata.resourceVersion ?? 0);
}

function ageText(event: Event, atMs: number, nowMs: number): string {
  const age = humanDuration(nowMs - atMs);
  const first = timeOf(event.firstTimestamp);
  if ((event.count ?? 1) <= 1 || first === undefined) return age;
  return `${age} (x${event.count} over ${humanDuration(nowMs - first)})`;
}

function lastSeenMs(event: Event): number {
  return (
    timeOf(event.lastTimestamp) ?? timeOf(event.eventTime) ?? timeOf(event.metadata.creationTimestamp) ?? 0
  );
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

function ageOf(value: unknown, nowMs: number): string {
  const at = timeOf(value);
  if (at === undefined) return '';
  return at <= nowMs ? ` (${humanDuration(nowMs - at)} ago)` : ` (in ${humanDuration(at - nowMs)})`;
}

function scalar(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `restartCount` -> `Restart Count`, `containerID` -> `Container ID`; keys that are no field names stay. */
function titleOf(field: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(field)) return field;
  const words = field.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
