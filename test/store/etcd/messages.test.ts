/** The messages written and read by hand say what the generated code says. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { EtcdCompare, EtcdOperation, EtcdTxn } from '../../../store/etcd/client.ts';
import { EventSchema, type KeyValue, KeyValueSchema } from '../../../store/etcd/gen/kv.gen.ts';
import {
  type Compare,
  Compare_CompareTarget,
  RangeResponseSchema,
  type RequestOp,
  StatusResponseSchema,
  type TxnRequest,
  TxnRequestSchema,
  TxnResponseSchema,
  WatchResponseSchema,
} from '../../../store/etcd/gen/rpc.gen.ts';
import { decodeRange, decodeTxn, decodeWatch, encodeTxn } from '../../../store/etcd/hotmessages.ts';
import { statusMethod } from '../../../store/etcd/messages.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const LARGEST = Number.MAX_SAFE_INTEGER;

const key = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.string({ unit: 'grapheme', minLength: 1 }),
);
const revision = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: LARGEST }));
const value = fc.uint8Array({ maxLength: 300 });

const compare: fc.Arbitrary<EtcdCompare> = fc.record({
  key,
  target: fc.constantFrom('modRevision', 'createRevision', 'version'),
  equals: revision,
});
const { txn } = fc.letrec<{ operation: EtcdOperation; txn: EtcdTxn & { kind: 'txn' } }>((tie) => ({
  operation: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record(
      {
        kind: fc.constant('range' as const),
        key,
        end: key,
        limit: revision,
        revision,
        keysOnly: fc.boolean(),
        countOnly: fc.boolean(),
        isSerializable: fc.boolean(),
      },
      { requiredKeys: ['kind', 'key'] },
    ),
    fc.record({ kind: fc.constant('put' as const), key, value }),
    fc.record({ kind: fc.constant('delete' as const), key, end: key }, { requiredKeys: ['kind', 'key'] }),
    tie('txn'),
  ),
  txn: fc.record({
    kind: fc.constant('txn' as const),
    compare: fc.array(compare, { maxLength: 3 }),
    success: fc.array(tie('operation'), { maxLength: 4 }),
    failure: fc.array(tie('operation'), { maxLength: 2 }),
  }),
}));

/** What the generated code read, in our plain values. */
function plainTxn({ compare, success, failure }: TxnRequest): EtcdTxn {
  return {
    compare: compare.map(plainCompare),
    success: success.map(plainOperation),
    failure: failure.map(plainOperation),
  };
}

function plainCompare(compare: Compare): EtcdCompare {
  const target = compare.targetUnion.case ?? 'version';
  const numbers = {
    version: Compare_CompareTarget.VERSION,
    createRevision: Compare_CompareTarget.CREATE,
    modRevision: Compare_CompareTarget.MOD,
  };
  expect(compare.target).to.equal(numbers[target]);
  return { key: text(compare.key), target, equals: Number(compare.targetUnion.value) };
}

function plainOperation({ request }: RequestOp): EtcdOperation {
  switch (request.case) {
    case 'requestRange': {
      const { key, rangeEnd, limit, revision, keysOnly, countOnly, serializable } = request.value;
      return withoutDefaults({
        kind: 'range',
        key: text(key),
        end: text(rangeEnd),
        limit: Number(limit),
        revision: Number(revision),
        keysOnly,
        countOnly,
        isSerializable: serializable,
      });
    }
    case 'requestPut':
      return { kind: 'put', key: text(request.value.key), value: new Uint8Array(request.value.value) };
    case 'requestDeleteRange':
      return withoutDefaults({
        kind: 'delete',
        key: text(request.value.key),
        end: text(request.value.rangeEnd),
      });
    case 'requestTxn':
      return { kind: 'txn', ...plainTxn(request.value) };
    case undefined:
      throw new Error('an operation without a request');
  }
}

/** In proto3 a default is the same as nothing. */
function withoutDefaults(operation: EtcdOperation): EtcdOperation {
  const kept = Object.entries(operation).filter(([, part]) => part !== 0 && part !== '' && part !== false);
  return Object.fromEntries(kept) as unknown as EtcdOperation;
}

function plain({ compare, success, failure }: EtcdTxn): EtcdTxn {
  const operation = (one: EtcdOperation): EtcdOperation =>
    one.kind === 'txn' ? { kind: 'txn', ...plain(one) } : one.kind === 'put' ? one : withoutDefaults(one);
  return { compare, success: success.map(operation), failure: failure.map(operation) };
}

const stored = fc.record({ key, value, createRevision: revision, modRevision: revision, version: revision });
type Stored = typeof stored extends fc.Arbitrary<infer T> ? T : never;

const keyValue = (one: Stored): KeyValue =>
  create(KeyValueSchema, {
    key: new TextEncoder().encode(one.key),
    value: one.value,
    createRevision: BigInt(one.createRevision),
    modRevision: BigInt(one.modRevision),
    version: BigInt(one.version),
  });

const header = { clusterId: 2n ** 64n - 1n, memberId: 2n ** 63n, revision: 7n, raftTerm: 3n };
const plainHeader = { clusterId: String(2n ** 64n - 1n), revision: 7 };

function replaying(name: string): fc.Parameters<unknown> {
  const { GANTRY_FC_SEED: seed } = process.env;
  return {
    numRuns: 200,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    reporter: (details) => {
      if (!details.failed) return;
      const words = `GANTRY_FC_SEED=${details.seed} npx mocha test/store/etcd/messages.test.ts -g '${name}'`;
      throw new Error(`replay with: ${words}`, { cause: details.errorInstance });
    },
  };
}

describe('etcd messages by hand', () => {
  it('writes transactions that the generated code reads as they were meant', () => {
    fc.assert(
      fc.property(txn, (wanted) => {
        const bytes = encodeTxn(wanted);
        expect(plainTxn(fromBinary(TxnRequestSchema, bytes))).to.deep.equal(plain(wanted));
      }),
      replaying('writes transactions'),
    );
  });

  it('writes the very bytes of the generated code', () => {
    fc.assert(
      fc.property(txn, (wanted) => {
        const bytes = encodeTxn(wanted);
        const again = toBinary(TxnRequestSchema, fromBinary(TxnRequestSchema, bytes));
        expect(Buffer.from(again).equals(bytes)).to.equal(true);
      }),
      replaying('the very bytes'),
    );
  });

  it('reads what the generated code writes: ranges and transactions', () => {
    fc.assert(
      fc.property(fc.array(stored, { maxLength: 5 }), fc.boolean(), revision, (items, flag, count) => {
        const range = { kvs: items.map(keyValue), more: flag, count: BigInt(count) };
        const plainRange = { kind: 'range', items, more: flag, count };
        const ranges = toBinary(RangeResponseSchema, create(RangeResponseSchema, { ...range, header }));
        expect(decodeRange(Buffer.from(ranges))).to.deep.equal({ ...plainRange, header: plainHeader });
        const answer = create(TxnResponseSchema, {
          header,
          succeeded: flag,
          responses: [
            { response: { case: 'responseRange', value: range } },
            { response: { case: 'responsePut', value: { header } } },
            { response: { case: 'responseDeleteRange', value: { deleted: BigInt(count) } } },
            {
              response: {
                case: 'responseTxn',
                value: { succeeded: !flag, responses: [{ response: { case: 'responsePut', value: {} } }] },
              },
            },
          ],
        });
        expect(decodeTxn(Buffer.from(toBinary(TxnResponseSchema, answer)))).to.deep.equal({
          header: plainHeader,
          succeeded: flag,
          answers: [
            plainRange,
            { kind: 'put' },
            { kind: 'delete', deleted: count },
            { kind: 'txn', succeeded: !flag, answers: [{ kind: 'put' }] },
          ],
        });
      }),
      replaying('ranges and transactions'),
    );
  });

  it('reads what the generated code writes: watches', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(stored, fc.option(stored), fc.boolean())),
        fc.boolean(),
        revision,
        (told, flag, at) => {
          const message = create(WatchResponseSchema, {
            header,
            watchId: -1n,
            created: flag,
            canceled: !flag,
            compactRevision: BigInt(at),
            cancelReason: flag ? '' : 'über',
            fragment: flag,
            events: told.map(([kv, prevKv, isDelete]) =>
              create(EventSchema, {
                type: isDelete ? 1 : 0,
                kv: keyValue(kv),
                ...(prevKv === null ? {} : { prevKv: keyValue(prevKv) }),
              }),
            ),
          });
          expect(decodeWatch(Buffer.from(toBinary(WatchResponseSchema, message)))).to.deep.equal({
            header: plainHeader,
            isCreated: flag,
            isCanceled: !flag,
            cancelReason: flag ? '' : 'über',
            compactRevision: at,
            isFragment: flag,
            events: told.map(([current, previous, isDelete]) => ({
              kind: isDelete ? 'delete' : 'put',
              current,
              previous: previous ?? undefined,
            })),
          });
        },
      ),
      replaying('watches'),
    );
  });

  it('refuses bytes that are cut', () => {
    const range = create(RangeResponseSchema, {
      header,
      kvs: [keyValue({ key: 'k', value: new Uint8Array(9), createRevision: 1, modRevision: 1, version: 1 })],
    });
    const bytes = Buffer.from(toBinary(RangeResponseSchema, range));
    for (const length of [1, 5, bytes.length - 1]) {
      expect(() => decodeRange(bytes.subarray(0, length)), `${length} bytes`).to.throw(RangeError);
    }
  });

  it('have a quota where an etcd of 3.6 tells it, and none from those before', () => {
    const status = { header, version: '3.6.0', dbSize: 9n };
    const decoded = (more: object) =>
      statusMethod.decode(
        Buffer.from(toBinary(StatusResponseSchema, create(StatusResponseSchema, { ...status, ...more }))),
      );
    expect(decoded({ dbSizeQuota: 2_147_483_648n })).to.include({ dbSize: 9, dbSizeQuota: 2_147_483_648 });
    expect(decoded({})).not.to.have.property('dbSizeQuota');
  });
});
