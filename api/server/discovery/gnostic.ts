/**
 * An OpenAPI v2 document in gnostic's protobuf form, which kubectl before 1.29 insists on.
 *
 * Every message is a table from the JSON's member to the field's number and how it is written; what is in no table is
 * not written. Extensions and literals travel as YAML text, of which JSON is a part.
 * Source of the numbers: google/gnostic, openapiv2/OpenAPIv2.proto.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isRecord } from '../../../machinery/json.ts';

type Write = (writer: BinaryWriter, field: number, value: unknown) => void;
type Message = Readonly<Record<string, readonly [field: number, write: Write]>>;
/** Where a message keeps its `x-` members. */
const EXTENSIONS = 'x-*';

export function encodeDocument(document: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new BinaryWriter();
  writeMembers(writer, DOCUMENT, document);
  return writer.finish();
}

function nested(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  write(writer.tag(field, WireType.LengthDelimited).fork());
  writer.join();
}

function writeMembers(writer: BinaryWriter, message: Message, value: unknown): void {
  if (!isRecord(value)) throw new Error(`an OpenAPI object was expected, found ${JSON.stringify(value)}`);
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const known = message[name];
    if (known !== undefined) known[1](writer, known[0], member);
    else if (name.startsWith('x-')) message[EXTENSIONS]?.[1](writer, message[EXTENSIONS][0], [name, member]);
  }
}

const text: Write = (writer, field, value) => {
  writer.tag(field, WireType.LengthDelimited).string(String(value));
};
const flag: Write = (writer, field, value) => {
  writer.tag(field, WireType.Varint).bool(value === true);
};
const double: Write = (writer, field, value) => {
  writer.tag(field, WireType.Bit64).double(Number(value));
};
const int64: Write = (writer, field, value) => {
  writer.tag(field, WireType.Varint).int64(Number(value));
};
const each =
  (write: Write): Write =>
  (writer, field, value) => {
    for (const item of Array.isArray(value) ? value : []) write(writer, field, item);
  };
/** The message is looked up late: schemas hold schemas. */
const message =
  (of: () => Message): Write =>
  (writer, field, value) =>
    nested(writer, field, (inner) => writeMembers(inner, of(), value));
/** A message around the value, in which it is that field. */
const within =
  (outer: number, write: Write): Write =>
  (writer, field, value) =>
    nested(writer, field, (inner) => write(inner, outer, value));
/** A map, as a list of messages {name = 1, value = 2}. */
const named =
  (write: Write): Write =>
  (writer, field, value) => {
    for (const [name, member] of Object.entries(isRecord(value) ? value : {})) {
      nested(writer, field, (inner) => {
        text(inner, 1, name);
        write(inner, 2, member);
      });
    }
  };

/** Any {yaml = 2}. */
const literal: Write = (writer, field, value) =>
  nested(writer, field, (inner) => text(inner, 2, `${JSON.stringify(value)}\n`));
/** One NamedAny from a pair. */
const extension: Write = (writer, field, value) => {
  const [name, member] = Array.isArray(value) ? value : [];
  nested(writer, field, (inner) => {
    text(inner, 1, name);
    literal(inner, 2, member);
  });
};
const extensions = (field: number): Message => ({ [EXTENSIONS]: [field, extension] });

const SCHEMA: Message = {
  $ref: [1, text],
  format: [2, text],
  title: [3, text],
  description: [4, text],
  default: [5, literal],
  multipleOf: [6, double],
  maximum: [7, double],
  exclusiveMaximum: [8, flag],
  minimum: [9, double],
  exclusiveMinimum: [10, flag],
  maxLength: [11, int64],
  minLength: [12, int64],
  pattern: [13, text],
  maxItems: [14, int64],
  minItems: [15, int64],
  uniqueItems: [16, flag],
  maxProperties: [17, int64],
  minProperties: [18, int64],
  required: [19, each(text)],
  enum: [20, each(literal)],
  additionalProperties: [
    21,
    within(
      1,
      message(() => SCHEMA),
    ),
  ],
  type: [22, within(1, text)],
  items: [
    23,
    within(
      1,
      message(() => SCHEMA),
    ),
  ],
  properties: [25, within(1, named(message(() => SCHEMA)))],
  ...extensions(31),
};

const ITEMS: Message = { type: [1, text], format: [2, text] };
const QUERY_PARAMETER: Message = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [6, text],
  format: [7, text],
  items: [8, message(() => ITEMS)],
  collectionFormat: [9, text],
};
const PATH_PARAMETER: Message = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [5, text],
  format: [6, text],
};
const BODY_PARAMETER: Message = {
  description: [1, text],
  name: [2, text],
  in: [3, text],
  required: [4, flag],
  schema: [5, message(() => SCHEMA)],
};

/** ParametersItem {parameter = 1 {body_parameter = 1 | non_body_parameter = 2 {query = 3 | path = 4}}}. */
const parameter: Write = (writer, field, value) => {
  const place = isRecord(value) ? value['in'] : undefined;
  const write =
    place === 'body'
      ? within(
          1,
          message(() => BODY_PARAMETER),
        )
      : place === 'path'
        ? within(
            2,
            within(
              4,
              message(() => PATH_PARAMETER),
            ),
          )
        : within(
            2,
            within(
              3,
              message(() => QUERY_PARAMETER),
            ),
          );
  within(1, write)(writer, field, value);
};

/** ResponseValue {response = 1}, SchemaItem {schema = 1}. */
const RESPONSE: Message = {
  description: [1, text],
  schema: [
    2,
    within(
      1,
      message(() => SCHEMA),
    ),
  ],
};

const OPERATION: Message = {
  tags: [1, each(text)],
  summary: [2, text],
  description: [3, text],
  operationId: [5, text],
  produces: [6, each(text)],
  consumes: [7, each(text)],
  parameters: [8, each(parameter)],
  responses: [9, (writer, field, value) => nested(writer, field, (inner) => responses(inner, 1, value))],
  schemes: [10, each(text)],
  ...extensions(13),
};
const responses = named(
  within(
    1,
    message(() => RESPONSE),
  ),
);

const operation = message(() => OPERATION);
const PATH_ITEM: Message = {
  get: [2, operation],
  put: [3, operation],
  post: [4, operation],
  delete: [5, operation],
  patch: [8, operation],
  parameters: [9, each(parameter)],
};

const INFO: Message = { title: [1, text], version: [2, text], description: [3, text] };
const API_KEY: Message = { type: [1, text], name: [2, text], in: [3, text], description: [4, text] };

const DOCUMENT: Message = {
  swagger: [1, text],
  info: [2, message(() => INFO)],
  paths: [8, within(2, named(message(() => PATH_ITEM)))],
  definitions: [9, within(1, named(message(() => SCHEMA)))],
  security: [
    12,
    each((writer, field, value) => nested(writer, field, (inner) => requirement(inner, 1, value))),
  ],
  securityDefinitions: [
    13,
    within(
      1,
      named(
        within(
          2,
          message(() => API_KEY),
        ),
      ),
    ),
  ],
};
/** StringArray {value = 1}. */
const requirement = named((writer, field, value) =>
  nested(writer, field, (inner) => each(text)(inner, 1, value)),
);
