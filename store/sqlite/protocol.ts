/** What the main thread and the store's thread say to each other. */
import type { StoreErrorReason } from '../../machinery/errors.ts';
import type { LogChanges, LogHead, LogRangeQuery, LogRow, LogSize, LogTrim, LogVersions } from '../log.ts';
import type { PackedCommits, PackedOutcomes, PackedPage } from './packing.ts';

/** What may be asked, by name: the arguments and the answer. */
export interface Operations {
  head: { arguments: []; answer: LogHead };
  append: { arguments: [commits: PackedCommits]; answer: PackedOutcomes };
  read: { arguments: [key: string, revision: number | undefined]; answer: LogRow | undefined };
  versions: {
    arguments: [key: string, beforeRevision: number | undefined, limit: number];
    answer: LogVersions;
  };
  range: { arguments: [query: LogRangeQuery]; answer: PackedPage };
  changes: {
    arguments: [afterRevision: number, prefixes: readonly string[], maxRows: number];
    answer: LogChanges;
  };
  trim: { arguments: [request: LogTrim]; answer: { readonly head: LogHead; readonly isDone: boolean } };
  size: { arguments: []; answer: LogSize };
  keyIds: { arguments: []; answer: readonly number[] };
  close: { arguments: []; answer: undefined };
}

export type Request = {
  [Name in keyof Operations]: {
    readonly id: number;
    readonly name: Name;
    readonly arguments: Operations[Name]['arguments'];
  };
}[keyof Operations];

export type Reply =
  | { readonly id: number; readonly ok: true; readonly answer: unknown }
  | { readonly id: number; readonly ok: false; readonly reason: StoreErrorReason; readonly message: string };

/** The id of the reply that says whether the database is open. */
export const OPENED = 0;
