/**
 * `metadata.managedFields` as owners and back: who a manager is, in which order entries come, how many there may be, and
 * what somebody may send.
 *
 * A manager is its name, what it does (Apply or Update), the subresource it does it through, and for Update the version it
 * speaks. Source: Kubernetes apimachinery `managedfields` (capmanagers, managedfields sort), API reference
 * ManagedFieldsEntry.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { ManagedFieldsEntry } from '../../../machinery/meta.ts';
import { type FieldProblem, invalid, tooLong } from '../admission/fielderrors.ts';
import { isFieldSet, NO_FIELDS, parseSet, sortedSet, unionOf } from './fieldset.ts';
import type { Owners, Ownership } from './ownership.ts';

/** More Update managers than this are merged into one, oldest first. */
const MAX_UPDATE_MANAGERS = 10;
/** More entries than this are never stored: applying managers are not merged. */
const MAX_ENTRIES = 500;
const MERGED_MANAGER = 'ancient-changes';
export const MAX_MANAGER_LENGTH = 128;
const MAX_SUBRESOURCE_LENGTH = 256;

/** Who a manager is, and the time of its last write. */
export type Manager = Omit<ManagedFieldsEntry, 'fieldsV1' | 'fieldsType'>;

export interface Managed {
  readonly owners: Owners;
  readonly managers: ReadonlyMap<string, Manager>;
}

export function managerId({ manager, operation, subresource = '', apiVersion }: Manager): string {
  return operation === 'Apply'
    ? `Apply ${subresource} ${manager}`
    : `Update ${subresource} ${apiVersion} ${manager}`;
}

const decoded = new WeakMap<readonly ManagedFieldsEntry[], Managed>();
const NOBODY: Managed = { owners: new Map(), managers: new Map() };

/** Entries as they are stored. */
export function readEntries(entries: readonly ManagedFieldsEntry[] | undefined): Managed {
  if (entries === undefined || entries.length === 0) return NOBODY;
  let managed = decoded.get(entries);
  if (managed === undefined) {
    const owners = new Map<string, Ownership>();
    const managers = new Map<string, Manager>();
    for (const { fieldsV1, fieldsType: _type, ...manager } of entries) {
      const id = managerId(manager);
      const known = owners.get(id);
      const stored = isFieldSet(fieldsV1) ? fieldsV1 : NO_FIELDS;
      const set = known === undefined ? stored : unionOf(known.set, stored);
      owners.set(id, { set, version: manager.apiVersion, isApplied: manager.operation === 'Apply' });
      managers.set(id, manager);
    }
    managed = { owners, managers };
    decoded.set(entries, managed);
  }
  return managed;
}

/** Entries to store, in Kubernetes' order; undefined when nobody owns anything. `known` sets are not sorted again. */
export function writeEntries({ owners, managers }: Managed, known: Owners): ManagedFieldsEntry[] | undefined {
  const entries: ManagedFieldsEntry[] = [];
  for (const [id, { set, version }] of owners) {
    const manager = managers.get(id);
    if (manager === undefined) throw new Error(`nobody is known as ${id}`);
    const fieldsV1 = known.get(id)?.set === set ? set : sortedSet(set);
    const { manager: name, operation, time, subresource } = manager;
    entries.push({
      manager: name,
      operation,
      apiVersion: version,
      ...(time === undefined ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1,
      ...(subresource === undefined ? {} : { subresource }),
    });
  }
  if (entries.length === 0) return undefined;
  if (entries.length > MAX_ENTRIES) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `the object has ${entries.length} field managers, at most ${MAX_ENTRIES} are stored; reset metadata.managedFields to [{}]`,
    );
  }
  return entries.sort(compareEntries);
}

function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compare(a.operation, b.operation) ||
    compare(a.time ?? '', b.time ?? '') ||
    compare(a.manager, b.manager) ||
    compare(a.apiVersion, b.apiVersion) ||
    compare(a.subresource ?? '', b.subresource ?? '')
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** At most ten Update managers: the oldest of each version become one. */
export function capped(managed: Managed): Managed {
  const updaters = [...managed.owners].filter(([, { isApplied }]) => !isApplied);
  let count = updaters.length;
  if (count <= MAX_UPDATE_MANAGERS) return managed;
  const owners = new Map(managed.owners);
  const managers = new Map(managed.managers);
  const timeOf = (id: string): string => managers.get(id)?.time ?? '';
  updaters.sort(([a], [b]) => compare(timeOf(a), timeOf(b)) || compare(a, b));
  const firsts = new Map<string, string>();
  for (const [id, { set, version }] of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) break;
    const first = firsts.get(version);
    if (first === undefined) {
      firsts.set(version, id);
      continue;
    }
    const time = managers.get(id)?.time;
    const merged: Manager = {
      manager: MERGED_MANAGER,
      operation: 'Update',
      apiVersion: version,
      ...(time === undefined ? {} : { time }),
    };
    const bucket = managerId(merged);
    const known = owners.get(bucket) ?? owners.get(first);
    owners.delete(first);
    owners.delete(id);
    owners.set(bucket, {
      set: known === undefined ? set : unionOf(known.set, set),
      version,
      isApplied: false,
    });
    managers.set(bucket, merged);
    firsts.set(version, bucket);
    count -= 1;
  }
  return { owners, managers };
}

/** Entries that somebody sent, each of the right type and in the form they are stored in. Throws `BadRequest`. */
export function parseEntries(value: unknown, path: string): SentEntry[] | 'reset' {
  if (!Array.isArray(value)) {
    throw new ApiError('BadRequest', `${path} must be a list, found ${JSON.stringify(value)}`);
  }
  const list: readonly unknown[] = value;
  const [first] = list;
  if (list.length === 1 && isRecord(first) && Object.keys(first).length === 0) return 'reset';
  return list.map((item, index) => parseEntry(item, `${path}[${index}]`));
}

/** An entry as sent: of the right types, its words not yet judged. */
export type SentEntry = Omit<ManagedFieldsEntry, 'operation' | 'fieldsType'> & {
  readonly operation: string;
  readonly fieldsType: string;
};

function parseEntry(value: unknown, path: string): SentEntry {
  if (!isRecord(value))
    throw new ApiError('BadRequest', `${path} must be an object, found ${JSON.stringify(value)}`);
  const text = (field: string): string => {
    const found = value[field] ?? '';
    if (typeof found === 'string') return found;
    throw new ApiError('BadRequest', `${path}.${field} must be a string, found ${JSON.stringify(found)}`);
  };
  const [time, subresource] = [text('time'), text('subresource')];
  return {
    manager: text('manager'),
    operation: text('operation'),
    apiVersion: text('apiVersion'),
    ...(time === '' ? {} : { time }),
    fieldsType: text('fieldsType'),
    fieldsV1: parseSet(value['fieldsV1'] ?? {}, `${path}.fieldsV1`),
    ...(subresource === '' ? {} : { subresource }),
  };
}

/** Nothing speaks against them. */
export function areEntries(entries: readonly SentEntry[]): entries is readonly ManagedFieldsEntry[] {
  return entryProblems(entries, '').length === 0;
}

/** What speaks against entries that somebody sent. Source: apimachinery `ValidateManagedFields`. */
export function entryProblems(entries: readonly SentEntry[], path: string): FieldProblem[] {
  return entries.flatMap((entry, index) => {
    const at = `${path}[${index}]`;
    const problems: FieldProblem[] = [];
    const { operation, fieldsType, manager, subresource = '', time } = entry;
    if (operation !== 'Apply' && operation !== 'Update') {
      problems.push(invalid(`${at}.operation`, operation, 'must be `Apply` or `Update`'));
    }
    if (fieldsType !== 'FieldsV1') {
      problems.push(invalid(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`'));
    }
    problems.push(...managerProblems(manager, `${at}.manager`));
    if (subresource.length > MAX_SUBRESOURCE_LENGTH)
      problems.push(tooLong(`${at}.subresource`, MAX_SUBRESOURCE_LENGTH));
    if (time !== undefined && Number.isNaN(Date.parse(time)))
      problems.push(invalid(`${at}.time`, time, 'must be an RFC 3339 time'));
    return problems;
  });
}

/** What is wrong with a manager's name; Kubernetes' wording. */
export function managerProblems(manager: string, path: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (manager.length > MAX_MANAGER_LENGTH) problems.push(tooLong(path, MAX_MANAGER_LENGTH));
  const odd = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(manager);
  if (odd !== null) {
    const point = (odd[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    problems.push(invalid(path, manager, `invalid character U+${point} (at position ${odd.index})`));
  }
  return problems;
}
