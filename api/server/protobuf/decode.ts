/**
 * Protobuf bodies (`application/vnd.kubernetes.protobuf`) as the objects their JSON would have been. kubectl from 1.32 on
 * and typed Go clients send Kubernetes' own kinds so, and do not fall back.
 *
 * Promises: bytes that are no such object are `BadRequest`, never another error; the work is bounded by the body's
 * size (tables do not recurse); fields without a line in the tables are passed over, as Kubernetes passes them over.
 * Source: Kubernetes documentation, "Kubernetes Protobuf encoding": four bytes of magic, then `runtime.Unknown`.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ApiError, messageOf as textOf } from '../../../machinery/errors.ts';
import { wellFormed } from '../../../machinery/json.ts';
import { type Field, type FieldType, messageOf, type Scalar, type Special } from './fields.ts';
import { kindMessages } from './messages.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const WIRE_TYPES: Readonly<Record<Scalar, WireType>> = {
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  bool: WireType.Varint,
  int32: WireType.Varint,
  int64: WireType.Varint,
};
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Fields = Record<string, unknown>;

/** What the bytes are not; becomes `BadRequest` at the border of this file. */
class Malformed extends Error {}

/**
 * The object in the bytes. Throws `BadRequest` for malformed ones, and `UnsupportedMediaType` for a kind that has no
 * protobuf form here (every custom kind, as in Kubernetes).
 */
export function decodeProtobuf(bytes: Uint8Array): Fields {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new ApiError(
      'BadRequest',
      `the object provided is unrecognized: provided data does not appear to be a protobuf message, expected prefix [${MAGIC.join(' ')}]`,
    );
  }
  const { apiVersion, kind, raw } = guarded('runtime.Unknown', () =>
    readEnvelope(bytes.subarray(MAGIC.length)),
  );
  if (kind === '') throw new ApiError('BadRequest', "Object 'Kind' is missing in the protobuf envelope");
  const message = kind === 'DeleteOptions' ? kind : kindMessages.get(`${apiVersion} ${kind}`);
  if (message === undefined) {
    throw new ApiError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml; ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)} has no protobuf form here`,
      {},
    );
  }
  const fields = guarded(kind, () => readMessage(message, new BinaryReader(raw), {}));
  return { apiVersion, kind, ...fields };
}

function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // The reader tells truncated and impossible bytes by plain errors of several classes.
    throw new ApiError(
      'BadRequest',
      `the object provided is unrecognized (must be of type ${what}): ${textOf(error)}`,
      undefined,
      { cause: error },
    );
  }
}

/** `runtime.Unknown`: type meta, the object's bytes, and how those are encoded. */
function readEnvelope(bytes: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  const reader = new BinaryReader(bytes);
  const found = { apiVersion: '', kind: '', raw: new Uint8Array(0) };
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited || number > 4) {
      reader.skip(wireType, number);
    } else if (number === 1) {
      const meta = new BinaryReader(reader.bytes());
      while (meta.pos < meta.len) {
        const [field, type] = meta.tag();
        if (type !== WireType.LengthDelimited || field > 2) meta.skip(type, field);
        else found[field === 1 ? 'apiVersion' : 'kind'] = utf8.decode(meta.bytes());
      }
    } else if (number === 2) {
      found.raw = new Uint8Array(reader.bytes());
    } else if (reader.bytes().length > 0 && number === 3) {
      throw new Malformed('its content has an encoding of its own');
    }
  }
  return found;
}

/** Reads all fields into `target`; a message that comes in parts is one message. */
function readMessage(name: string, reader: BinaryReader, target: Fields): Fields {
  const message = messageOf(name);
  for (const [field, zero] of message.zeros) {
    if (!Object.hasOwn(target, field)) target[field] = zero;
  }
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = message.fields.get(number);
    if (field === undefined) reader.skip(wireType, number);
    else readField(field, reader, wireType, target);
  }
  return target;
}

function readField(field: Field, reader: BinaryReader, wireType: WireType, target: Fields): void {
  const { name, type, shape } = field;
  switch (shape) {
    case 'inline':
      if (type.kind === 'message') readMessage(type.message, part(reader, wireType, name), target);
      return;
    case 'list': {
      const list = ownList(target, name);
      if (isPacked(type, wireType)) list.push(...readPacked(type, reader));
      else list.push(readValue(type, reader, wireType, name, undefined));
      return;
    }
    case 'map':
      readEntry(type, part(reader, wireType, name), name, ownMap(target, name));
      return;
    case 'single': {
      const value = readValue(type, reader, wireType, name, target[name]);
      if (value === undefined || (!field.keepsZero && isZero(value))) delete target[name];
      else target[name] = value;
    }
  }
}

/** A sub-message, with a reader that ends where it ends. */
function part(reader: BinaryReader, wireType: WireType, name: string): BinaryReader {
  expectWire(wireType, WireType.LengthDelimited, name);
  return new BinaryReader(reader.bytes());
}

function readEntry(type: FieldType, reader: BinaryReader, name: string, map: Fields): void {
  let key = '';
  let value = type.kind === 'scalar' ? emptyOf(type.scalar) : type.kind === 'message' ? {} : undefined;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) key = utf8.decode(reader.bytes());
    else if (number === 2) value = readValue(type, reader, wireType, name, undefined);
    else reader.skip(wireType, number);
  }
  // Assigning to `__proto__` would set no field.
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

function readValue(
  type: FieldType,
  reader: BinaryReader,
  wireType: WireType,
  name: string,
  before: unknown,
): unknown {
  switch (type.kind) {
    case 'scalar':
      expectWire(wireType, WIRE_TYPES[type.scalar], name);
      return readScalar(type.scalar, reader);
    case 'special':
      return readSpecial(type.special, part(reader, wireType, name), name);
    case 'message': {
      const target = isFields(before) ? before : {};
      const fields = readMessage(type.message, part(reader, wireType, name), target);
      // A named list travels as a message with one repeated field.
      return type.message === 'ExtraValue' ? (fields['items'] ?? []) : fields;
    }
  }
}

function readScalar(scalar: Scalar, reader: BinaryReader): unknown {
  switch (scalar) {
    case 'string':
      return utf8.decode(reader.bytes());
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return Number(reader.int64());
  }
}

function readSpecial(special: Special, reader: BinaryReader, name: string): unknown {
  if (special === 'Raw') {
    const raw = firstBytes(reader);
    return raw.length === 0 ? undefined : parseRaw(raw, name);
  }
  if (special === 'Quantity') return utf8.decode(firstBytes(reader));
  const numbers = new Map<number, number>();
  let text = '';
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.Varint) numbers.set(number, Number(reader.int64()));
    else if (number === 3 && wireType === WireType.LengthDelimited) text = utf8.decode(reader.bytes());
    else reader.skip(wireType, number);
  }
  if (special === 'IntOrString') return numbers.get(1) === 1 ? text : (numbers.get(2) ?? 0) | 0;
  // An empty time is none: a Go client sends a zero time so.
  if (numbers.size === 0) return undefined;
  return timeText(numbers.get(1) ?? 0, numbers.get(2) ?? 0, special, name);
}

function timeText(seconds: number, nanos: number, special: 'Time' | 'MicroTime', name: string): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 0 || date.getUTCFullYear() > 9999)
    throw new Malformed(`${name}: ${seconds} seconds since 1970 are no time`);
  const whole = date.toISOString().slice(0, 19);
  if (special === 'Time') return `${whole}Z`;
  const micros = Math.min(999_999, Math.max(0, Math.trunc(nanos / 1000)));
  return `${whole}.${String(micros).padStart(6, '0')}Z`;
}

/** The last field 1 of a message. */
function firstBytes(reader: BinaryReader): Uint8Array {
  let found: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) found = reader.bytes();
    else reader.skip(wireType, number);
  }
  return found;
}

/** JSON in a field; Go clients embed objects and field sets so. */
function parseRaw(raw: Uint8Array, name: string): unknown {
  if (MAGIC.equals(raw.subarray(0, MAGIC.length)))
    throw new Malformed(`${name}: an embedded object must be JSON, found protobuf`);
  return wellFormed(JSON.parse(utf8.decode(raw)));
}

function isPacked(type: FieldType, wireType: WireType): type is { kind: 'scalar'; scalar: Scalar } {
  return (
    type.kind === 'scalar' &&
    WIRE_TYPES[type.scalar] === WireType.Varint &&
    wireType === WireType.LengthDelimited
  );
}

function readPacked({ scalar }: { scalar: Scalar }, reader: BinaryReader): unknown[] {
  const packed = new BinaryReader(reader.bytes());
  const values: unknown[] = [];
  while (packed.pos < packed.len) values.push(readScalar(scalar, packed));
  return values;
}

function expectWire(found: WireType, wanted: WireType, name: string): void {
  if (found !== wanted) throw new Malformed(`${name} has wire type ${found}, wanted ${wanted}`);
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}

function emptyOf(scalar: Scalar): unknown {
  return scalar === 'string' || scalar === 'bytes' ? '' : scalar === 'bool' ? false : 0;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ownList(target: Fields, name: string): unknown[] {
  const found = target[name];
  if (Array.isArray(found)) return found;
  const list: unknown[] = [];
  target[name] = list;
  return list;
}

function ownMap(target: Fields, name: string): Fields {
  const found = target[name];
  if (isFields(found)) return found;
  const map: Fields = {};
  target[name] = map;
  return map;
}
