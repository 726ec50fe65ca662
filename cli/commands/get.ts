/** `gantry get`: objects as the server's tables, or as they are. */

import { type ReadRequest, readRequest } from '../../client/http.ts';
import { resourcePath } from '../../client/paths.ts';
import { sleep } from '../../machinery/clock.ts';
import { isRecord } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import type { ApiKind } from '../discovery.ts';
import { exported } from '../export.ts';
import { CommandError, type Io } from '../io.ts';
import { CommandMoment, type MomentFlags } from '../moment.ts';
import { asList, type OutputForm, objectName, outputForm } from '../printers.ts';
import { type Choice, chooseFrom, keyIn, scopeOf } from '../selection.ts';
import type { Session } from '../session.ts';
import { columnWidths, formatRows } from '../table.ts';

export interface GetFlags extends MomentFlags {
  readonly output?: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly watch?: boolean;
  readonly headers?: boolean;
  readonly showLabels?: boolean;
  /** Without what the server owns, to be applied again. */
  readonly export?: boolean;
}

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const PAGE = 500;
const WATCH_AGAIN_MS = 1000;

interface Column {
  readonly name: string;
  readonly priority: number;
}

interface Row {
  readonly cells: readonly string[];
  readonly object: Record<string, unknown>;
}

interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly resourceVersion: string;
  readonly continue: string;
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runGet(
  words: readonly string[],
  flags: GetFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const form = await outputForm(flags.output);
  const choices = chooseFrom(await session.kinds(), words);
  const isNamed = choices.some(({ names }) => names.length > 0);
  if (isNamed && (flags.selector !== undefined || flags.fieldSelector !== undefined)) {
    throw new CommandError('a name and a selector cannot be given together');
  }
  if (isNamed && flags.allNamespaces === true) {
    throw new CommandError('a resource cannot be retrieved by name across all namespaces');
  }
  const moment = new CommandMoment(flags);
  if (flags.export === true && (form.kind !== 'objects' || flags.watch === true)) {
    throw new CommandError('--export wants -o yaml or -o json, and no --watch');
  }
  if (flags.watch === true) {
    if (moment.isPast) throw new CommandError('the past does not change: --watch cannot follow it');
    const [only] = choices;
    if (choices.length !== 1 || only === undefined || only.names.length > 1) {
      throw new CommandError('--watch follows one kind, or one object of it');
    }
    return watchChoice(only, flags, form, session, io);
  }
  if (form.kind === 'table') return printTables(choices, flags, form.isWide, session, io, moment);
  const objects: { kind: ApiKind; object: DynamicObject }[] = [];
  for (const choice of choices) {
    for (const object of await objectsOf(choice, flags, session, io, moment)) {
      objects.push({ kind: choice.kind, object: flags.export === true ? exported(object) : object });
    }
  }
  if (form.kind === 'name') {
    const lines = objects.map(({ kind, object }) => `${objectName(kind, object.metadata.name)}\n`);
    return io.stdout.write(lines.join(''));
  }
  const [single] = objects;
  const isSingle = objects.length === 1 && isNamed && single !== undefined;
  await io.stdout.write(form.print(isSingle ? single.object : asList(objects.map(({ object }) => object))));
}

/** Every object of a choice, whole, page by page. @param moment absent is the present */
export async function objectsOf(
  choice: Choice,
  flags: Pick<GetFlags, 'allNamespaces' | 'selector' | 'fieldSelector'>,
  session: Session,
  io: Pick<Io, 'signal'>,
  moment = new CommandMoment({}),
): Promise<DynamicObject[]> {
  const { kind, names } = choice;
  const { signal } = io;
  if (names.length > 0) {
    const objects: DynamicObject[] = [];
    for (const name of names) {
      const key = keyIn(kind, session.namespace, name);
      objects.push(await session.client.get(kind, key, { signal, ...moment.options() }));
      moment.check();
    }
    return objects;
  }
  const namespace = scopeOf(kind, session.namespace, flags.allNamespaces === true);
  const objects: DynamicObject[] = [];
  let next: string | undefined;
  do {
    const page = await session.client.list(kind, {
      signal,
      limit: PAGE,
      ...(namespace === undefined ? {} : { namespace }),
      ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }),
      ...(flags.fieldSelector === undefined ? {} : { fieldSelector: flags.fieldSelector }),
      // A list goes on at its own moment.
      ...(next === undefined ? moment.options() : { continue: next }),
    });
    moment.check();
    objects.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
  return objects;
}

async function printTables(
  choices: readonly Choice[],
  flags: GetFlags,
  isWide: boolean,
  session: Session,
  io: Io,
  moment: CommandMoment,
): Promise<void> {
  const blocks: string[] = [];
  for (const choice of choices) {
    const table = await tableOf(choice, flags, session, io, moment);
    if (table.rows.length === 0) continue;
    const layout = layoutOf(table.columns, flags, isWide, choice.kind, choices.length > 1);
    const rows = table.rows.map((row) => layout.cells(row));
    blocks.push(formatRows(flags.headers === false ? rows : [layout.header, ...rows]));
  }
  if (blocks.length > 0) return io.stdout.write(blocks.join('\n'));
  const isNamespaced = choices.some(({ kind }) => kind.namespaced);
  const place = isNamespaced && flags.allNamespaces !== true ? ` in ${session.namespace} namespace` : '';
  await io.stderr.write(`No resources found${place}.\n`);
}

async function tableOf(
  choice: Choice,
  flags: GetFlags,
  session: Session,
  io: Io,
  moment = new CommandMoment({}),
): Promise<Table> {
  const { kind, names } = choice;
  const ask = async (path: string, asked: ReadRequest): Promise<unknown> => {
    const answer = await session.client.json('GET', path, {
      ...readRequest({ ...asked, signal: io.signal }),
      accept: TABLE,
    });
    moment.check();
    return answer;
  };
  const tables: Table[] = [];
  if (names.length > 0) {
    for (const name of names) {
      tables.push(
        asTable(await ask(resourcePath(kind, keyIn(kind, session.namespace, name)), moment.options())),
      );
    }
  } else {
    const namespace = scopeOf(kind, session.namespace, flags.allNamespaces === true);
    const path = resourcePath(kind, namespace === undefined ? {} : { namespace });
    let next = '';
    do {
      const page = asTable(
        await ask(path, {
          limit: PAGE,
          ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }),
          ...(flags.fieldSelector === undefined ? {} : { fieldSelector: flags.fieldSelector }),
          ...(next === '' ? moment.options() : { continue: next }),
        }),
      );
      tables.push(page);
      next = page.continue;
    } while (next !== '');
  }
  const first = tables[0];
  return {
    columns: first?.columns ?? [],
    rows: tables.flatMap(({ rows }) => rows),
    resourceVersion: first?.resourceVersion ?? '',
    continue: '',
  };
}

interface Layout {
  readonly header: readonly string[];
  readonly cells: (row: Row) => readonly string[];
}

function layoutOf(
  columns: readonly Column[],
  flags: GetFlags,
  isWide: boolean,
  kind: ApiKind,
  isPrefixed: boolean,
): Layout {
  const shown = columns
    .map((column, at) => ({ column, at }))
    .filter(({ column }) => isWide || column.priority === 0);
  const isWithNamespace = flags.allNamespaces === true && kind.namespaced;
  return {
    header: [
      ...(isWithNamespace ? ['NAMESPACE'] : []),
      ...shown.map(({ column }) => column.name.toUpperCase()),
      ...(flags.showLabels === true ? ['LABELS'] : []),
    ],
    cells: (row) => [
      ...(isWithNamespace ? [metadataText(row.object, 'namespace')] : []),
      ...shown.map(({ at }) =>
        isPrefixed && at === 0 ? objectName(kind, row.cells[at] ?? '') : (row.cells[at] ?? ''),
      ),
      ...(flags.showLabels === true ? [labelsText(row.object)] : []),
    ],
  };
}

async function watchChoice(
  choice: Choice,
  flags: GetFlags,
  form: OutputForm,
  session: Session,
  io: Io,
): Promise<void> {
  const { kind, names } = choice;
  const [name] = names;
  const namespace = scopeOf(kind, session.namespace, flags.allNamespaces === true);
  const path = resourcePath(kind, namespace === undefined ? {} : { namespace });
  const fieldSelector = name === undefined ? flags.fieldSelector : `metadata.name=${name}`;
  const table = await tableOf(choice, flags, session, io);
  let layout = layoutOf(table.columns, flags, form.kind === 'table' && form.isWide, kind, false);
  let widths: readonly number[] = [];
  const show = async (rows: readonly Row[], isFirst: boolean): Promise<void> => {
    const cells = rows.map((row) => layout.cells(row));
    const lines = isFirst && flags.headers !== false ? [layout.header, ...cells] : cells;
    widths = columnWidths(lines, widths);
    await io.stdout.write(formatRows(lines, widths));
  };
  const showObject = async (object: Record<string, unknown>): Promise<void> => {
    if (form.kind === 'objects') await io.stdout.write(form.print(object));
    else await io.stdout.write(`${objectName(kind, metadataText(object, 'name'))}\n`);
  };
  if (form.kind === 'table') {
    if (table.rows.length > 0) await show(table.rows, true);
  } else {
    for (const object of await objectsOf(choice, flags, session, io)) await showObject(object);
  }
  let isHeaderDue = table.rows.length === 0;
  // One object answers with its own version; a list with that of the whole collection.
  let resourceVersion = table.resourceVersion || metadataText(table.rows[0]?.object ?? {}, 'resourceVersion');
  while (!io.signal.aborted) {
    const query = {
      resourceVersion,
      labelSelector: flags.selector,
      fieldSelector,
      allowWatchBookmarks: true,
    };
    const accept = form.kind === 'table' ? TABLE : 'application/json';
    for await (const frame of session.client.frames(path, { accept, query, signal: io.signal })) {
      if (form.kind !== 'table' || frame.object.kind !== 'Table') {
        resourceVersion = metadataText(frame.object, 'resourceVersion') || resourceVersion;
        if (frame.type !== 'BOOKMARK') await showObject(frame.object);
        continue;
      }
      const part = asTable(frame.object);
      if (part.columns.length > 0) layout = layoutOf(part.columns, flags, form.isWide, kind, false);
      const [last] = part.rows.slice(-1);
      resourceVersion =
        metadataText(last?.object ?? {}, 'resourceVersion') || part.resourceVersion || resourceVersion;
      if (frame.type === 'BOOKMARK' || part.rows.length === 0) continue;
      await show(part.rows, isHeaderDue);
      isHeaderDue = false;
    }
    // A server that ends a watch in good order means: come back with the last version.
    await sleep(io.clock, WATCH_AGAIN_MS, io.signal);
  }
}

function asTable(value: unknown): Table {
  if (!isRecord(value) || value.kind !== 'Table') {
    throw new CommandError('the server does not answer with tables: use -o json, -o yaml or -o name');
  }
  const definitions = Array.isArray(value.columnDefinitions) ? value.columnDefinitions.filter(isRecord) : [];
  const rows = Array.isArray(value.rows) ? value.rows.filter(isRecord) : [];
  return {
    columns: definitions.map(({ name, priority }) => ({
      name: typeof name === 'string' ? name : '',
      priority: typeof priority === 'number' ? priority : 0,
    })),
    rows: rows.map((row) => ({
      cells: Array.isArray(row.cells) ? row.cells.map(cellText) : [],
      object: isRecord(row.object) ? row.object : {},
    })),
    resourceVersion: metadataText(value, 'resourceVersion'),
    continue: metadataText(value, 'continue'),
  };
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined || cell === '') return '<none>';
  // A cell is one line of a table, whatever a status message holds.
  return (typeof cell === 'string' ? cell : JSON.stringify(cell)).replaceAll(/\s*\n\s*/g, ' ');
}

function metadataText(object: Record<string, unknown>, field: string): string {
  const value = isRecord(object.metadata) ? object.metadata[field] : undefined;
  return typeof value === 'string' ? value : '';
}

function labelsText(object: Record<string, unknown>): string {
  const labels = isRecord(object.metadata) && isRecord(object.metadata.labels) ? object.metadata.labels : {};
  return (
    Object.entries(labels)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(',') || '<none>'
  );
}
