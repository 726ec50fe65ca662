/**
 * What a start does about encryption, before anybody reads: refuses a store whose keys are not at hand, and writes anew
 * the present values that should be encrypted with today's key and are not.
 *
 * The past keeps its values as they were written, until it is forgotten. Values are rewritten with the precondition that
 * nobody else wrote them, in bounded commits; what could not be done now is done at the next start.
 */
import { messageOf, StoreError } from '../machinery/errors.ts';
import { type Log as Logger, silentLog } from '../machinery/log.ts';
import type { Encryption } from './encryption.ts';
import { Envelopes, type Opened, showKeyId } from './envelope.ts';
import type { Log } from './log.ts';
import type { CommitResult, Store, Write } from './store.ts';

const PAGE_ROWS = 200;

/** In one commit: far below what a commit may have, so that others are not kept waiting. */
const BATCH_WRITES = 50;
const BATCH_BYTES = 512 * 1024;

export interface SealedValue {
  readonly key: string;
  readonly revision: number;
  /** Of the key it is encrypted with; 0 is plain. */
  readonly keyId: number;
  readonly value: Uint8Array;
}

export interface SealedPage {
  /** Only those that can be read. */
  readonly values: readonly SealedValue[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

export interface SealedStore {
  page(prefix: string, after: string | undefined): Promise<SealedPage>;
  commit(writes: readonly Write[]): Promise<CommitResult>;
}

/** Throws `StoreError('Corrupt')` when values here are encrypted with a key that was not given. */
export function checkKeyIds(keyIds: readonly number[], encryption: Encryption | undefined): void {
  const missing = keyIds.filter((id) => encryption?.keys.has(id) !== true);
  if (missing.length === 0) return;
  const given =
    encryption === undefined
      ? 'no encryption key file was given; give the one of this cluster'
      : `${missing.length === 1 ? 'it is' : 'they are'} not in ${encryption.keyFile ?? 'the key file given'}; ` +
        'give the key file of this cluster, or add the key as a line below the first';
  throw new StoreError(
    'Corrupt',
    `the store holds values encrypted with key ${missing.map(showKeyId).join(' and key ')}, and ${given}`,
  );
}

/** The present values of an embedded engine; nothing without encryption. */
export async function resealLog(
  log: Log,
  store: Pick<Store, 'commit'>,
  { encryption, log: logger = silentLog }: { readonly encryption?: Encryption; readonly log?: Logger },
): Promise<void> {
  if (encryption !== undefined) await resealValues(sealedLog(log, encryption, store), encryption, logger);
}

function sealedLog(log: Log, encryption: Encryption, store: Pick<Store, 'commit'>): SealedStore {
  const envelopes = new Envelopes(encryption);
  return {
    commit: (writes) => store.commit(writes),
    async page(prefix, after) {
      const { rows, more } = await log.range({ prefix, after, revision: undefined, limit: PAGE_ROWS });
      const values: SealedValue[] = [];
      for (const { key, revision, record } of rows) {
        const opened = openedOrDamaged(() => envelopes.open(key, revision, record));
        if (opened !== undefined) values.push({ key, revision, keyId: opened.keyId, value: opened.payload });
      }
      return { values, next: more ? rows.at(-1)?.key : undefined };
    },
  };
}

/** A damaged value is told of to those who read it: it must not keep all the others from being served. */
export function openedOrDamaged(open: () => Opened): Opened | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'Corrupt') return undefined;
    throw error;
  }
}

/** Resolves to the number of values rewritten; rejects only by what `page` rejects with. */
export async function resealValues(
  store: SealedStore,
  encryption: Encryption,
  logger: Logger,
): Promise<number> {
  const { currentId } = encryption.keys;
  let rewritten = 0;
  for (const prefix of encryption.prefixes) {
    for (let after: string | undefined, isMore = true; isMore; ) {
      const page = await store.page(prefix, after);
      for (const batch of batchesOf(page.values.filter(({ keyId }) => keyId !== currentId))) {
        try {
          rewritten += await rewrite(store, batch);
        } catch (error) {
          logger.warn(
            { err: error, key: showKeyId(currentId) },
            `store: not all values could be encrypted with today's key, the next start tries again: ${messageOf(error)}`,
          );
          return rewritten;
        }
      }
      after = page.next;
      isMore = after !== undefined;
    }
  }
  if (rewritten > 0) {
    const key = showKeyId(currentId);
    logger.info({ values: rewritten, key }, `store: ${rewritten} values were encrypted anew with key ${key}`);
  }
  return rewritten;
}

/** A value that somebody else wrote meanwhile is left out: whoever wrote it encrypted it. */
async function rewrite(store: SealedStore, batch: readonly SealedValue[]): Promise<number> {
  for (let left = batch; left.length > 0; ) {
    const result = await store.commit(
      left.map(({ key, revision, value }) => ({
        kind: 'put',
        key,
        value,
        precondition: { kind: 'modRevision', modRevision: revision },
      })),
    );
    if (result.ok) return left.length;
    left = left.filter((_, at) => at !== result.failed);
  }
  return 0;
}

function* batchesOf(values: readonly SealedValue[]): Generator<readonly SealedValue[]> {
  let batch: SealedValue[] = [];
  let bytes = 0;
  for (const value of values) {
    const isFull = batch.length === BATCH_WRITES || bytes + value.value.byteLength > BATCH_BYTES;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(value);
    bytes += value.value.byteLength;
  }
  if (batch.length > 0) yield batch;
}
