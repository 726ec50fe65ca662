/** The writes that a commit is made of: an object, a worker's record, what servers count together. Pure. */
import type { ObjectKey } from '../../machinery/meta.ts';
import type { Write } from '../../store/store.ts';
import type { Noted } from './authors.ts';
import type { AllocationRecord } from './binding/allocation.ts';
import { allocationKey, quotaKey, relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import type { StoredObject } from './types.ts';

export function putObject(
  entry: KindEntry,
  key: ObjectKey,
  value: Uint8Array,
  before: StoredObject | undefined,
  by: Noted,
): Write {
  const precondition = unchanged(before);
  return { kind: 'put', key: entry.prefix + relativeKey(key), value, precondition, ...noteOf(by) };
}

export function removeObject(
  entry: KindEntry,
  key: ObjectKey,
  before: StoredObject | undefined,
  by: Noted,
): Write {
  const precondition = unchanged(before);
  return { kind: 'delete', key: entry.prefix + relativeKey(key), precondition, ...noteOf(by) };
}

function noteOf({ note }: Noted): Noted {
  return note === undefined ? {} : { note };
}

/** Takes back the very write: what anybody has changed since is theirs. */
export function undo(key: string, modRevision: number): Write {
  return { kind: 'delete', key, precondition: { kind: 'modRevision', modRevision } };
}

function unchanged(before: StoredObject | undefined): Write['precondition'] {
  return before === undefined
    ? { kind: 'absent' }
    : { kind: 'modRevision', modRevision: before.resourceVersion };
}

export function putRecord(record: AllocationRecord, modRevision: number | undefined): Write {
  return {
    kind: 'put',
    key: allocationKey(record.worker),
    value: Buffer.from(JSON.stringify(record)),
    precondition: modRevision === undefined ? { kind: 'absent' } : { kind: 'modRevision', modRevision },
  };
}

/** What it holds says nothing: that it changes is what counts. */
export function putQuota(namespace: string, modRevision: number | undefined): Write {
  return {
    kind: 'put',
    key: quotaKey(namespace),
    value: Buffer.from('{}'),
    precondition: modRevision === undefined ? { kind: 'absent' } : { kind: 'modRevision', modRevision },
  };
}
