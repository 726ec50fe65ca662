/**
 * Holds live answers to the OpenAPI documents of the doors, and the documents to the rules of the house.
 *
 * `conforms(document, 'GET', '/tasks/{taskID}', 200, 'application/json', body)` throws with a sentence for each
 * difference. The body is the parsed JSON, or for other media types the text; undefined where an answer has none.
 * `conformsToSchema` does so for one of `components.schemas`: a frame of a stream, say.
 */
import Ajv2020, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isRecord } from '../../../machinery/json.ts';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;
type Fields = Readonly<Record<string, unknown>>;

const compiled = new WeakMap<object, Map<string, ValidateFunction>>();

/** Throws unless the document knows such an answer and the body fits its schema. */
export function conforms(
  document: object,
  method: string,
  pathTemplate: string,
  status: number,
  mediaType: string | undefined,
  body: unknown,
): void {
  const name = `${method} ${pathTemplate} ${status}`;
  const operation = fields(
    operationAt(document, method, pathTemplate),
    `${method} ${pathTemplate} is not documented`,
  );
  const responses = fields(operation.responses, `${method} ${pathTemplate} documents no answers`);
  const response = resolve(document, responses[String(status)] ?? responses.default);
  if (response === undefined) {
    throw new Error(`${name} is not documented: ${Object.keys(responses).join(', ')} are`);
  }
  const content = isRecord(response.content) ? response.content : {};
  if (Object.keys(content).length === 0) {
    if (body === undefined || body === '') return;
    throw new Error(`${name} is documented to have no body, found ${shown(body)}`);
  }
  const type = (mediaType ?? '').split(';')[0]?.trim() ?? '';
  const media = resolve(document, content[type]);
  if (media === undefined) {
    throw new Error(`${name}: found media type "${type}", documented are ${Object.keys(content).join(', ')}`);
  }
  check(document, `${name} ${type}`, media.schema, body);
}

/** Throws unless the value fits `components.schemas[name]`. */
export function conformsToSchema(document: object, name: string, value: unknown): void {
  check(document, name, { $ref: `#/components/schemas/${name}` }, value);
}

/** Every operation, as `GET /tasks`. */
export function operationsOf(document: object): Map<string, Fields> {
  const paths = isRecord(document) && isRecord(document['paths']) ? document['paths'] : {};
  return new Map(
    Object.entries(paths).flatMap(([path, item]) =>
      METHODS.flatMap((method) => {
        const operation = isRecord(item) ? item[method] : undefined;
        return isRecord(operation) ? [[`${method.toUpperCase()} ${path}`, operation] as const] : [];
      }),
    ),
  );
}

/**
 * What is missing by the rules of the house: each operation says who it is, what it does, which errors it may give, and
 * shows an example of each JSON that is sent or answered; every example fits its schema.
 */
export function houseProblems(document: object): string[] {
  const operations = operationsOf(document);
  const ids = [...operations.values()].map(({ operationId }) => operationId);
  return [...operations].flatMap(([name, operation]) => {
    const texts = ['operationId', 'summary', 'description'].flatMap((field) => {
      const text = operation[field];
      return typeof text === 'string' && text !== '' ? [] : [`${name} has no ${field}`];
    });
    const isTwice = ids.filter((id) => id === operation.operationId).length > 1;
    const twice = isTwice ? [`${name} has an operationId that another one has, too`] : [];
    const responses = isRecord(operation.responses) ? operation.responses : {};
    const missing = errorsToDocument(name, operation)
      .filter((code) => !Object.hasOwn(responses, code))
      .map((code) => `${name} does not say what a ${code} looks like`);
    const sent = [['its request', resolve(document, operation.requestBody)] as const];
    const answered = Object.entries(responses).map(
      ([code, response]) => [`its ${code}`, resolve(document, response)] as const,
    );
    const examples = [...sent, ...answered].flatMap(([what, part]) =>
      exampleProblems(document, `${name}: ${what}`, part),
    );
    return [...texts, ...twice, ...missing, ...examples];
  });
}

/** Errors that come before the door come to every operation; others follow from its form. */
function errorsToDocument(name: string, operation: Fields): string[] {
  const hasBody = operation.requestBody !== undefined;
  return [
    ...(hasBody ? ['400', '413', '415'] : []),
    '401',
    '403',
    ...(name.includes('{') ? ['404'] : []),
    '429',
    '500',
  ];
}

function exampleProblems(document: object, what: string, part: Fields | undefined): string[] {
  const content = isRecord(part?.content) ? part.content : {};
  return Object.entries(content).flatMap(([type, media]) => {
    if (type !== 'application/json' || !isRecord(media)) return [];
    const examples = examplesOf(document, media);
    if (examples.length === 0) return [`${what} has no example`];
    return examples.flatMap((example) => {
      try {
        check(document, `${what}, its example`, media.schema, example);
        return [];
      } catch (error) {
        return [String(error)];
      }
    });
  });
}

function examplesOf(document: object, media: Fields): unknown[] {
  if (media.example !== undefined) return [media.example];
  if (isRecord(media.examples)) {
    return Object.values(media.examples).map((example) => resolve(document, example)?.value);
  }
  const schema = resolve(document, media.schema);
  return Array.isArray(schema?.examples) ? schema.examples : [];
}

function operationAt(document: object, method: string, path: string): unknown {
  return operationsOf(document).get(`${method.toUpperCase()} ${path}`);
}

function fields(value: unknown, otherwise: string): Fields {
  if (isRecord(value)) return value;
  throw new Error(otherwise);
}

/** Follows a `$ref` within the document. */
function resolve(document: object, value: unknown): Fields | undefined {
  if (!isRecord(value)) return undefined;
  if (typeof value['$ref'] !== 'string') return value;
  const found = value['$ref']
    .replace(/^#\//, '')
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => (isRecord(at) ? at[part] : undefined), document);
  if (found === undefined) throw new Error(`${value['$ref']} leads to nothing`);
  return resolve(document, found);
}

function check(document: object, name: string, schema: unknown, value: unknown): void {
  const validate = validatorOf(document, schema);
  if (validate(value)) return;
  const differences = (validate.errors ?? []).map((error) => difference(error, value));
  throw new Error(`${name} is not as documented:\n  ${[...new Set(differences)].join('\n  ')}`);
}

function validatorOf(document: object, schema: unknown): ValidateFunction {
  const known = compiled.get(document) ?? new Map<string, ValidateFunction>();
  compiled.set(document, known);
  const key = JSON.stringify(schema);
  let validate = known.get(key);
  if (validate === undefined) known.set(key, (validate = compile(document, schema)));
  return validate;
}

/** The schema with those it refers to, as JSON Schema has them. */
function compile(document: object, schema: unknown): ValidateFunction {
  if (!isRecord(schema)) throw new Error(`found no schema but ${shown(schema)}`);
  const components = isRecord(document) ? document['components'] : undefined;
  const schemas = isRecord(components) && isRecord(components['schemas']) ? components['schemas'] : {};
  const text = JSON.stringify({ $defs: schemas, allOf: [schema] });
  const whole: unknown = JSON.parse(text.replaceAll('"#/components/schemas/', '"#/$defs/'));
  const ajv = new Ajv2020.default({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: true,
    verbose: true,
  });
  addFormats.default(ajv);
  // Words of OpenAPI that say nothing about what is valid.
  for (const word of ['example', 'externalDocs', 'xml', 'discriminator']) ajv.addKeyword(word);
  if (!isRecord(whole)) throw new Error('a schema became something else');
  return ajv.compile(whole);
}

function difference({ instancePath, message, params, data }: ErrorObject, value: unknown): string {
  const more = Object.entries(params)
    .filter(([key]) => ['additionalProperty', 'allowedValues', 'allowedValue'].includes(key))
    .map(([, found]) => ` ${shown(found)}`)
    .join('');
  return `${instancePath === '' ? 'the whole' : instancePath} ${message}${more}, found ${shown(instancePath === '' ? value : data)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
