/**
 * Protocol buffers by hand, for the messages that every write and every event pass through. Written from the end to the
 * beginning: then the length of a nested message is known when its prefix is due, and one pass is enough.
 *
 * Source: protobuf.dev, Encoding. Only what etcd's messages need: varints up to 2^53, and fields with a length.
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Fields are written last to first. */
export class BackwardWriter {
  readonly #buffer: Buffer;
  #at: number;

  /** @param capacity at least what will be written; checked by Buffer, which throws RangeError. */
  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity);
    this.#at = capacity;
  }

  /** Where writing is: hand it to `wrap` to enclose what is written from here on. */
  get mark(): number {
    return this.#at;
  }

  finish(): Buffer {
    return this.#buffer.subarray(this.#at);
  }

  /** Nothing for 0, as proto3 has it. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.presentNumber(field, value);
  }

  /** Also for 0: what stands in a `oneof`. */
  presentNumber(field: number, value: number): void {
    this.#varint(value);
    this.#varint(field * 8 + VARINT);
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    if (length === 0) return;
    this.#at -= length;
    this.#buffer.write(value, this.#at);
    this.#prefix(field, length);
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.byteLength === 0) return;
    this.#at -= value.byteLength;
    this.#buffer.set(value, this.#at);
    this.#prefix(field, value.byteLength);
  }

  /** Makes one message of everything since the mark. */
  wrap(field: number, mark: number): void {
    this.#prefix(field, mark - this.#at);
  }

  #prefix(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + LENGTH);
  }

  #varint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
    this.#at -= size;
    if (this.#at < 0) throw new RangeError('a message is larger than was reckoned');
    let at = this.#at;
    let rest = value;
    while (rest >= 128) {
      this.#buffer[at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[at] = rest;
  }
}

/** Walks over the fields of a message. Throws RangeError for bytes that are none. */
export class FieldReader {
  readonly #buffer: Buffer;
  #at = 0;
  #end: number;
  #type = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
    this.#end = buffer.length;
  }

  /** The number of the next field, 0 at the end. What it holds must be read or skipped. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.number();
    this.#type = tag % 8;
    return Math.floor(tag / 8);
  }

  /** Exact up to 2^53. */
  number(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined || this.#at > this.#end) throw new RangeError('a message ends too early');
      if (byte < 128) return value + byte * factor;
      value += (byte - 128) * factor;
      factor *= 128;
    }
  }

  /** An unsigned 64-bit number, as decimal digits. */
  digits(): string {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined || this.#at > this.#end) throw new RangeError('a message ends too early');
      value |= BigInt(byte % 128) << shift;
      if (byte < 128) return String(value);
      shift += 7n;
    }
  }

  text(): string {
    const end = this.#lengthEnd();
    const value = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end;
    return value;
  }

  /** A copy: what keeps it must not keep the whole message. */
  bytes(): Uint8Array {
    const end = this.#lengthEnd();
    const value = new Uint8Array(this.#buffer.subarray(this.#at, end));
    this.#at = end;
    return value;
  }

  /** Reads a nested message with its own walk, and stands behind it afterwards. */
  message<T>(read: (fields: FieldReader) => T): T {
    const outer = this.#end;
    this.#end = this.#lengthEnd();
    const value = read(this);
    this.#at = this.#end;
    this.#end = outer;
    return value;
  }

  skip(): void {
    if (this.#type === VARINT) this.digits();
    else if (this.#type === LENGTH) this.#at = this.#lengthEnd();
    else if (this.#type === FIXED64) this.#at += 8;
    else if (this.#type === FIXED32) this.#at += 4;
    else throw new RangeError(`a message has a field of unknown type ${this.#type}`);
  }

  #lengthEnd(): number {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#end) throw new RangeError('a message ends too early');
    return end;
  }
}
