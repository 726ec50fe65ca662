/**
 * Between the plain values of `client.ts` and the bytes that etcd understands. Numbers of etcd's that count revisions
 * are read as `number`: exact up to 2^53, which etcd reaches after 285 years of a million writes a second.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type {
  EtcdAnswer,
  EtcdCompare,
  EtcdEvent,
  EtcdHeader,
  EtcdKeyValue,
  EtcdOperation,
  EtcdRange,
  EtcdRangeAnswer,
  EtcdStatus,
  EtcdTxn,
  EtcdTxnAnswer,
} from './client.ts';
import { type Event, Event_EventType, type KeyValue } from './gen/kv.gen.ts';
import {
  AuthenticateRequestSchema,
  AuthenticateResponseSchema,
  CompactionRequestSchema,
  CompactionResponseSchema,
  Compare_CompareTarget,
  RangeRequestSchema,
  type RangeResponse,
  RangeResponseSchema,
  type RequestOpSchema,
  type ResponseHeader,
  type ResponseOp,
  StatusRequestSchema,
  StatusResponseSchema,
  TxnRequestSchema,
  TxnResponseSchema,
  WatchRequestSchema,
  WatchResponseSchema,
} from './gen/rpc.gen.ts';

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

export interface WatchMessage {
  readonly header: EtcdHeader;
  readonly isCreated: boolean;
  readonly isCanceled: boolean;
  readonly cancelReason: string;
  /** 0 unless the start asked for is compacted. */
  readonly compactRevision: number;
  readonly isFragment: boolean;
  readonly events: readonly EtcdEvent[];
}

const utf8 = new TextEncoder();
const text = new TextDecoder();
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

function compareInit(
  compare: EtcdCompare,
): NonNullable<MessageInitShape<typeof TxnRequestSchema>['compare']>[number] {
  const key = utf8.encode(compare.key);
  const value = BigInt(compare.equals);
  switch (compare.target) {
    case 'modRevision':
      return { key, target: Compare_CompareTarget.MOD, targetUnion: { case: 'modRevision', value } };
    case 'createRevision':
      return { key, target: Compare_CompareTarget.CREATE, targetUnion: { case: 'createRevision', value } };
    case 'version':
      return { key, target: Compare_CompareTarget.VERSION, targetUnion: { case: 'version', value } };
  }
}

function operationInit(operation: EtcdOperation): MessageInitShape<typeof RequestOpSchema> {
  switch (operation.kind) {
    case 'range':
      return { request: { case: 'requestRange', value: rangeInit(operation) } };
    case 'put':
      return {
        request: { case: 'requestPut', value: { key: utf8.encode(operation.key), value: operation.value } },
      };
    case 'delete': {
      const rangeEnd = operation.end === undefined ? NOTHING : utf8.encode(operation.end);
      return {
        request: { case: 'requestDeleteRange', value: { key: utf8.encode(operation.key), rangeEnd } },
      };
    }
    case 'txn':
      return { request: { case: 'requestTxn', value: txnInit(operation) } };
  }
}

function txnInit(txn: EtcdTxn): MessageInitShape<typeof TxnRequestSchema> {
  return {
    compare: txn.compare.map(compareInit),
    success: txn.success.map(operationInit),
    failure: txn.failure.map(operationInit),
  };
}

function readHeader(header: ResponseHeader | undefined): EtcdHeader {
  return { clusterId: String(header?.clusterId ?? 0n), revision: Number(header?.revision ?? 0n) };
}

/** Values are copied out: a kept one must not keep the whole answer's bytes. */
function readKeyValue(item: KeyValue): EtcdKeyValue {
  return {
    key: text.decode(item.key),
    value: new Uint8Array(item.value),
    createRevision: Number(item.createRevision),
    modRevision: Number(item.modRevision),
    version: Number(item.version),
  };
}

function readRange(answer: RangeResponse): EtcdRangeAnswer {
  return {
    kind: 'range',
    items: answer.kvs.map(readKeyValue),
    more: answer.more,
    count: Number(answer.count),
  };
}

function readAnswer({ response }: ResponseOp): EtcdAnswer {
  switch (response.case) {
    case 'responseRange':
      return readRange(response.value);
    case 'responseDeleteRange':
      return { kind: 'delete', deleted: Number(response.value.deleted) };
    case 'responseTxn':
      return {
        kind: 'txn',
        succeeded: response.value.succeeded,
        answers: response.value.responses.map(readAnswer),
      };
    case 'responsePut':
    case undefined:
      return { kind: 'put' };
  }
}

function readEvent(event: Event): EtcdEvent {
  return {
    kind: event.type === Event_EventType.DELETE ? 'delete' : 'put',
    current:
      event.kv === undefined
        ? { key: '', value: NOTHING, createRevision: 0, modRevision: 0, version: 0 }
        : readKeyValue(event.kv),
    previous: event.prevKv === undefined ? undefined : readKeyValue(event.prevKv),
  };
}

export const rangeMethod: EtcdMethod<
  Omit<EtcdRange, 'kind'>,
  EtcdRangeAnswer & { readonly header: EtcdHeader }
> = {
  path: '/etcdserverpb.KV/Range',
  encode: (range) => buffer(toBinary(RangeRequestSchema, create(RangeRequestSchema, rangeInit(range)))),
  decode: (bytes) => {
    const answer = fromBinary(RangeResponseSchema, bytes);
    return { ...readRange(answer), header: readHeader(answer.header) };
  },
};

export const txnMethod: EtcdMethod<EtcdTxn, EtcdTxnAnswer> = {
  path: '/etcdserverpb.KV/Txn',
  encode: (txn) => buffer(toBinary(TxnRequestSchema, create(TxnRequestSchema, txnInit(txn)))),
  decode: (bytes) => {
    const answer = fromBinary(TxnResponseSchema, bytes);
    return {
      header: readHeader(answer.header),
      succeeded: answer.succeeded,
      answers: answer.responses.map(readAnswer),
    };
  },
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
  decode: (bytes) => {
    const message = fromBinary(WatchResponseSchema, bytes);
    return {
      header: readHeader(message.header),
      isCreated: message.created,
      isCanceled: message.canceled,
      cancelReason: message.cancelReason,
      compactRevision: Number(message.compactRevision),
      isFragment: message.fragment,
      events: message.events.map(readEvent),
    };
  },
};
