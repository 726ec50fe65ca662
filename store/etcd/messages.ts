/**
 * Between the plain values of `client.ts` and the bytes that etcd understands. Numbers of etcd's that count revisions
 * are read as `number`: exact up to 2^53, which etcd reaches after 285 years of a million writes a second. What is hot
 * is in `hotmessages.ts`.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { EtcdHeader, EtcdRange, EtcdRangeAnswer, EtcdStatus, EtcdTxn, EtcdTxnAnswer } from './client.ts';
import {
  AuthenticateRequestSchema,
  AuthenticateResponseSchema,
  CompactionRequestSchema,
  CompactionResponseSchema,
  RangeRequestSchema,
  type ResponseHeader,
  StatusRequestSchema,
  StatusResponseSchema,
  WatchRequestSchema,
} from './gen/rpc.gen.ts';
import { decodeRange, decodeTxn, decodeWatch, encodeTxn, type WatchMessage } from './hotmessages.ts';

/** One call of etcd's: its path, and both ways through the wire. */
export interface EtcdMethod<Request, Answer> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (bytes: Buffer) => Answer;
}

export interface WatchRequest {
  readonly key: string;
  readonly end: string;
  readonly startRevision: number;
}

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function rangeInit(range: Omit<EtcdRange, 'kind'>): MessageInitShape<typeof RangeRequestSchema> {
  return {
    key: utf8.encode(range.key),
    rangeEnd: range.end === undefined ? NOTHING : utf8.encode(range.end),
    limit: BigInt(range.limit ?? 0),
    revision: BigInt(range.revision ?? 0),
    serializable: range.isSerializable === true,
    keysOnly: range.keysOnly === true,
    countOnly: range.countOnly === true,
  };
}

function readHeader(header: ResponseHeader | undefined): EtcdHeader {
  return { clusterId: String(header?.clusterId ?? 0n), revision: Number(header?.revision ?? 0n) };
}

export const rangeMethod: EtcdMethod<
  Omit<EtcdRange, 'kind'>,
  EtcdRangeAnswer & { readonly header: EtcdHeader }
> = {
  path: '/etcdserverpb.KV/Range',
  encode: (range) => buffer(toBinary(RangeRequestSchema, create(RangeRequestSchema, rangeInit(range)))),
  decode: decodeRange,
};

export const txnMethod: EtcdMethod<EtcdTxn, EtcdTxnAnswer> = {
  path: '/etcdserverpb.KV/Txn',
  encode: encodeTxn,
  decode: decodeTxn,
};

export const compactMethod: EtcdMethod<{ readonly revision: number }, EtcdHeader> = {
  path: '/etcdserverpb.KV/Compact',
  encode: ({ revision }) =>
    buffer(
      toBinary(CompactionRequestSchema, create(CompactionRequestSchema, { revision: BigInt(revision) })),
    ),
  decode: (bytes) => readHeader(fromBinary(CompactionResponseSchema, bytes).header),
};

export const statusMethod: EtcdMethod<undefined, EtcdStatus> = {
  path: '/etcdserverpb.Maintenance/Status',
  encode: () => buffer(toBinary(StatusRequestSchema, create(StatusRequestSchema))),
  decode: (bytes) => {
    const answer = fromBinary(StatusResponseSchema, bytes);
    return {
      header: readHeader(answer.header),
      version: answer.version,
      dbSize: Number(answer.dbSize),
      dbSizeInUse: Number(answer.dbSizeInUse),
      ...(answer.dbSizeQuota > 0n ? { dbSizeQuota: Number(answer.dbSizeQuota) } : {}),
      hasNoSpaceAlarm: answer.errors.some((error) => error.includes('NOSPACE')),
    };
  },
};

export const authenticateMethod: EtcdMethod<{ readonly name: string; readonly password: string }, string> = {
  path: '/etcdserverpb.Auth/Authenticate',
  encode: (user) => buffer(toBinary(AuthenticateRequestSchema, create(AuthenticateRequestSchema, user))),
  decode: (bytes) => fromBinary(AuthenticateResponseSchema, bytes).token,
};

export const watchMethod: EtcdMethod<WatchRequest, WatchMessage> = {
  path: '/etcdserverpb.Watch/Watch',
  encode: (watch) =>
    buffer(
      toBinary(
        WatchRequestSchema,
        create(WatchRequestSchema, {
          requestUnion: {
            case: 'createRequest',
            value: {
              key: utf8.encode(watch.key),
              rangeEnd: utf8.encode(watch.end),
              startRevision: BigInt(watch.startRevision),
              prevKv: true,
              fragment: true,
            },
          },
        }),
      ),
    ),
  decode: decodeWatch,
};
