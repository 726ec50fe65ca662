/**
 * Protobuf bodies. `vectors.jsonl` holds objects of every kind as k8s.io/apimachinery 0.31 encodes them, once with nothing
 * set and once with everything, each with the JSON that Go makes of the very same object.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { decodeProtobuf } from '../../../../api/server/protobuf/decode.ts';
import { messageOf } from '../../../../api/server/protobuf/fields.ts';
import { kindMessages, messages } from '../../../../api/server/protobuf/messages.ts';
import { ApiError } from '../../../../machinery/errors.ts';
import { isRecord } from '../../../../machinery/json.ts';

interface Vector {
  readonly name: string;
  readonly protobuf: string;
  readonly json: unknown;
}

const vectors = readFileSync(join(import.meta.dirname, 'vectors.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

/** JSON as admission reads it: a null that nothing allows counts as absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}

function refusal(bytes: Uint8Array): ApiError {
  try {
    decodeProtobuf(bytes);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was decoded');
}

describe('protobuf bodies', () => {
  for (const { name, protobuf, json } of vectors) {
    it(`reads a ${name}, as its JSON`, () => {
      expect(withoutNulls(decodeProtobuf(Buffer.from(protobuf, 'base64')))).to.deep.equal(withoutNulls(json));
    });
  }

  it('has a readable table for every message that a kind can hold', () => {
    for (const name of [...Object.keys(messages), ...kindMessages.values()]) {
      for (const field of messageOf(name).fields.values()) {
        if (field.type.kind === 'message')
          expect(() => messageOf(field.type.kind === 'message' ? field.type.message : '')).not.to.throw();
      }
    }
  });

  it('has a vector for every kind it knows', () => {
    const covered = vectors.map(({ json }) =>
      isRecord(json) ? `${String(json['apiVersion'])} ${String(json['kind'])}` : '',
    );
    expect(covered).to.include.members([...kindMessages.keys()]);
  });

  it('passes over fields it has no line for', () => {
    const envelope = Buffer.from(
      vectors.find(({ name }) => name.startsWith('ConfigMap of v1, with nothing'))?.protobuf ?? '',
      'base64',
    );
    // Field 2 of the envelope is the object: replaced by one with a metadata, a number 900 and a group 901.
    const object = Buffer.from([
      0x0a, 0x03, 0x0a, 0x01, 0x61, 0xa0, 0x38, 0x01, 0xab, 0x38, 0x08, 0x07, 0xac, 0x38,
    ]);
    const meta = Buffer.from([0x0a, 0x0f, 0x0a, 0x02, 0x76, 0x31, 0x12, 0x09, ...Buffer.from('ConfigMap')]);
    const bytes = Buffer.concat([envelope.subarray(0, 4), meta, Buffer.from([0x12, object.length]), object]);
    expect(decodeProtobuf(bytes)).to.deep.equal({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
    });
  });

  it('refuses what is no protobuf with 400', () => {
    for (const bytes of [Buffer.from(''), Buffer.from('k8s'), Buffer.from('{"kind":"Secret"}')])
      expect(refusal(bytes)).to.include({ code: 400 });
    expect(refusal(Buffer.from('k8s\0')).message).to.equal(
      "Object 'Kind' is missing in the protobuf envelope",
    );
  });

  it('refuses text that is not UTF-8, and a time outside the calendar, with 400', () => {
    const broken = (object: readonly number[]): Buffer =>
      Buffer.concat([
        Buffer.from('k8s\0'),
        Buffer.from([0x0a, 0x0f, 0x0a, 0x02, 0x76, 0x31, 0x12, 0x09, ...Buffer.from('ConfigMap')]),
        Buffer.from([0x12, object.length, ...object]),
      ]);
    expect(refusal(broken([0x0a, 0x03, 0x0a, 0x01, 0xff]))).to.include({ code: 400 });
    const time = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    expect(refusal(broken([0x0a, time.length + 2, 0x42, time.length, ...time])).message).to.match(
      /are no time/,
    );
  });

  it('refuses a kind without a protobuf form with 415', () => {
    const meta = Buffer.concat([
      Buffer.from([0x0a, 13]),
      Buffer.from('gantry.dev/v1'),
      Buffer.from([0x12, 4]),
      Buffer.from('Task'),
    ]);
    const bytes = Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x0a, meta.length]), meta]);
    expect(refusal(bytes)).to.include({ code: 415 });
  });

  it('answers any bytes with an object or a refusal', () => {
    const whole = vectors.map(({ protobuf }) => Buffer.from(protobuf, 'base64'));
    const mangled = fc
      .tuple(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat())
      .map(([bytes, changes, cut]) => {
        const copy = Buffer.from(bytes.subarray(0, Math.max(4, bytes.length - (cut % 20))));
        for (const [at, value] of changes) copy[4 + (at % Math.max(1, copy.length - 4))] = value;
        return copy;
      });
    fc.assert(
      fc.property(mangled, (bytes) => {
        try {
          expect(decodeProtobuf(bytes)).to.be.an('object');
        } catch (error) {
          expect(error).to.be.instanceOf(ApiError);
          expect((error as ApiError).code).to.be.oneOf([400, 415]);
          expect((error as ApiError).message).not.to.match(/table|undefined|Cannot read/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
