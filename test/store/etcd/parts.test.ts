/** The pure parts of the etcd engine: numbers, marks, and transactions put together again from what a watch sends. */
import { expect } from 'chai';
import { silentLog } from '../../../machinery/log.ts';
import { Envelopes } from '../../../store/envelope.ts';
import { EtcdKeys } from '../../../store/etcd/address.ts';
import type { EtcdEvent, EtcdTxnAnswer } from '../../../store/etcd/client.ts';
import { Assembler, Decoder } from '../../../store/etcd/events.ts';
import { decodeMark, encodeMark } from '../../../store/etcd/mark.ts';
import { fitsTransaction, Transactions } from '../../../store/etcd/transactions.ts';
import { epochAfter, nextEpoch, Versions } from '../../../store/etcd/versions.ts';
import { absent, at, bytes, describeEvent, put, remove } from '../builders.ts';

const keys = new EtcdKeys('gantry');
const envelopes = new Envelopes();
const versions = new Versions(0);
const decoder = new Decoder(keys, versions, envelopes, silentLog);

describe('revisions on etcd', () => {
  it('grow with etcd, within a transaction, and over every epoch', () => {
    const later = new Versions(nextEpoch(0));
    const inOrder = [
      versions.at(1, 0),
      versions.at(1, 1),
      versions.endOf(1),
      versions.at(2, 0),
      versions.endOf(2 ** 30 - 2),
      later.at(1, 0),
      new Versions(nextEpoch(later.epochOffset)).at(1, 0),
    ];
    expect(inOrder).to.deep.equal(inOrder.toSorted((a, b) => a - b));
    expect(new Set(inOrder).size).to.equal(inOrder.length);
    expect(inOrder.every(Number.isSafeInteger)).to.equal(true);
  });

  it('lead back to where they came from', () => {
    for (const epochOffset of [0, 7, 2 ** 30, 5 * 2 ** 30]) {
      const some = new Versions(epochOffset);
      for (const revision of [1, 2, 1000, 2 ** 29]) {
        for (const position of [0, 1, 1023]) {
          expect(some.placeOf(some.at(revision, position))).to.deep.equal({ revision, position });
        }
        expect(some.isEnd(some.placeOf(some.endOf(revision)))).to.equal(true);
      }
    }
  });

  it('are all greater than where a cluster that moved here had come to', () => {
    for (const revision of [0, 1, 1022, 1023, 1024, 1025, 123_456_789, 2 ** 40]) {
      expect(new Versions(epochAfter(revision)).at(1, 0)).to.be.greaterThan(revision);
    }
  });
});

describe('the mark', () => {
  it('is read as it was written, whatever keys are called', () => {
    const deletes = new Map([
      ['/a', 3],
      ['__proto__', 4],
      ['', 5],
    ]);
    const mark = { timeMs: 1234.5, ends: [1, 6], deletes, writtenRevision: 9 };
    expect(decodeMark('gantry:mark', encodeMark(mark))).to.deep.equal(mark);
  });

  it('of somebody else is named as what it is not', () => {
    for (const text of ['', 'x', '[]', '{}', '{"timeMs":1,"ends":["x"]}']) {
      expect(() => decodeMark('gantry:mark', bytes(text))).to.throw(/gantry:mark.*not the mark/);
    }
  });
});

describe('transactions in a watch of etcd', () => {
  const value = (key: string, modRevision: number, position: number): EtcdEvent => ({
    kind: 'put',
    current: {
      key: keys.of(key),
      value: envelopes.seal(key, bytes('v'), 5, position),
      createRevision: modRevision,
      modRevision,
      version: 1,
    },
    previous: undefined,
  });
  const gone = (key: string, modRevision: number): EtcdEvent => ({
    kind: 'delete',
    current: { key: keys.of(key), value: bytes(''), createRevision: 0, modRevision, version: 0 },
    previous: undefined,
  });
  const mark = (modRevision: number, deletes: Record<string, number> = {}): EtcdEvent => ({
    kind: 'put',
    current: {
      key: keys.mark,
      value: encodeMark({ timeMs: 5, ends: [9], deletes: new Map(Object.entries(deletes)) }),
      createRevision: 1,
      modRevision,
      version: 1,
    },
    previous: undefined,
  });
  const batch = (events: readonly EtcdEvent[], isFragment = false) => ({ events, revision: 99, isFragment });
  const shown = (whole: ReturnType<Assembler['add']>): string[] =>
    whole.flatMap((transaction) => decoder.events(transaction, ['']).map(describeEvent));

  it('are told when their mark is there, however they are cut', () => {
    const assembler = new Assembler(keys);
    expect(assembler.add(batch([value('/a', 7, 0)], true))).to.deep.equal([]);
    expect(assembler.add(batch([gone('/b', 7)], true))).to.deep.equal([]);
    const whole = assembler.add(batch([value('/c', 7, 2), mark(7, { '/b': 1 }), value('/d', 8, 0)], true));
    expect(shown(whole)).to.deep.equal(
      ['put /a=v @', 'delete /b @', 'put /c=v @'].map((text, position) => text + versions.at(7, position)),
    );
    expect(shown(assembler.add(batch([mark(8)])))).to.deep.equal([`put /d=v @${versions.at(8, 0)}`]);
  });

  it('of somebody else have no mark, and end with what was sent together or with the next', () => {
    const assembler = new Assembler(keys);
    const whole = assembler.add(batch([gone('/a', 7), gone('/b', 7), value('/c', 8, 0), mark(8)]));
    expect(whole.map(({ etcdRevision }) => etcdRevision)).to.deep.equal([7, 8]);
    expect(shown(whole)).to.have.length(3);
    expect(assembler.add(batch([gone('/d', 9)])).map(({ etcdRevision }) => etcdRevision)).to.deep.equal([9]);
  });

  it('put the deletes where they were made, though the mark comes last', () => {
    const assembler = new Assembler(keys);
    const whole = assembler.add(batch([gone('/z', 7), value('/a', 7, 1), mark(7, { '/z': 0 })]));
    expect(shown(whole).map((line) => line.split(' ')[0])).to.deep.equal(['delete', 'put']);
  });
});

describe('transactions to etcd', () => {
  const transactions = new Transactions(keys, versions, envelopes, decoder);
  const planned = (...writes: ReturnType<typeof put>[]) => ({ writes, falseAt: undefined });
  const answer = (answers: EtcdTxnAnswer['answers'], succeeded = true): EtcdTxnAnswer => ({
    header: { clusterId: '1', revision: 50 },
    succeeded,
    answers,
  });

  it('nest what goes together, and write the mark last', () => {
    const txn = transactions.plan(
      [planned(put('/a', '1', absent)), planned(remove('/b', at(versions.at(7, 3))))],
      5,
    );
    expect(txn.compare).to.deep.equal([]);
    expect(txn.success.map(({ kind }) => kind)).to.deep.equal(['txn', 'txn', 'put']);
    const [first, second] = txn.success;
    expect(first).to.deep.include({
      compare: [{ key: 'gantry:kv:/a', target: 'createRevision', equals: 0 }],
    });
    expect(second).to.deep.include({
      compare: [{ key: 'gantry:kv:/b', target: 'modRevision', equals: 7 }],
      success: [{ kind: 'delete', key: 'gantry:kv:/b' }],
    });
    const last = txn.success.at(-1);
    const mark = last?.kind === 'put' ? decodeMark(last.key, last.value) : undefined;
    expect(mark).to.deep.include({ timeMs: 5, ends: [1, 2] });
    expect(mark?.deletes.get('/b')).to.equal(1);
  });

  it('write nothing when one commit alone is refused', () => {
    const txn = transactions.plan([planned(put('/a', '1', absent))], 5);
    expect(txn.success.map(({ kind }) => kind)).to.deep.equal(['put', 'put']);
    expect(txn.failure.map(({ kind }) => kind)).to.deep.equal(['range', 'range']);
    expect(txn.compare).to.have.length(1);
  });

  it('keep to what etcd takes in one', () => {
    expect(fitsTransaction(1, 100)).to.equal(true);
    expect(fitsTransaction(64, 63)).to.equal(true);
    expect(fitsTransaction(64, 64)).to.equal(false);
    expect(fitsTransaction(27, 100)).to.equal(true);
    expect(fitsTransaction(28, 100)).to.equal(false);
  });

  it('say which write was refused, and give those after it no revision of those that failed', () => {
    const batch = [planned(put('/a', '1', absent)), planned(put('/b', '1')), planned(remove('/c'))];
    const outcomes = transactions.outcomes(
      batch,
      answer([
        { kind: 'txn', succeeded: false, answers: [{ kind: 'range', items: [], more: false, count: 0 }] },
        { kind: 'txn', succeeded: true, answers: [{ kind: 'put' }] },
        { kind: 'txn', succeeded: true, answers: [{ kind: 'delete', deleted: 0 }] },
        { kind: 'put' },
      ]),
      5,
    );
    // Refused for absence while nothing is there: no answer of etcd says so, and none is made up.
    expect(outcomes[0]).to.include({ reason: 'Unavailable' });
    expect(outcomes[1]).to.deep.include({
      result: { ok: true, revision: versions.at(50, 1), modRevisions: [versions.at(50, 1)], writtenAtMs: 5 },
    });
    expect(outcomes[2]).to.deep.include({
      result: { ok: true, revision: versions.at(50, 2), modRevisions: [undefined], writtenAtMs: 5 },
    });
  });
});
