/**
 * A strict reader of OpenAPI v2 documents: what a client generator would stumble over is an error here.
 * Source: OpenAPI Specification 2.0.
 */
import { expect } from 'chai';
import { asRecord } from '../harness.ts';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'];
const OPERATION = 'tags summary description operationId consumes produces parameters responses schemes'.split(
  ' ',
);
const SCHEMA =
  '$ref format title description multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems maxProperties minProperties required enum additionalProperties type items properties'.split(
    ' ',
  );
const DEFINITION = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.v\d+((alpha|beta)\d+)?\.[A-Z][A-Za-z0-9]*$/;

class Reader {
  readonly #definitions: Record<string, unknown>;
  readonly #ids = new Set<string>();
  readonly referred = new Set<string>();
  operations = 0;

  constructor(definitions: Record<string, unknown>) {
    this.#definitions = definitions;
  }

  schema(value: unknown, where: string): void {
    const schema = asRecord(value);
    this.#members(schema, SCHEMA, where);
    const { $ref, type, items, properties, required, additionalProperties } = schema;
    if ($ref !== undefined) {
      const [, name = ''] = /^#\/definitions\/(.+)$/.exec(typeof $ref === 'string' ? $ref : '') ?? [];
      expect(this.#definitions, where).to.have.property(name);
      this.referred.add(name);
      expect(Object.keys(schema), where).to.have.members(
        schema.description === undefined ? ['$ref'] : ['$ref', 'description'],
      );
      return;
    }
    if (type !== undefined) expect(TYPES, where).to.include(type);
    if (type === 'array') expect(items, `${where}: an array without items`).to.not.equal(undefined);
    if (properties !== undefined) expect(type, where).to.equal('object');
    for (const [name, part] of Object.entries(asRecord(properties ?? {})))
      this.schema(part, `${where}.${name}`);
    if (items !== undefined) this.schema(items, `${where}[]`);
    if (additionalProperties !== undefined) this.schema(additionalProperties, `${where}{}`);
    if (properties !== undefined && Array.isArray(required)) {
      for (const name of required) expect(properties, where).to.have.property(String(name));
    }
  }

  path(path: string, value: unknown): void {
    const item = asRecord(value);
    this.#members(item, [...METHODS, 'parameters'], path);
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const found = ((item.parameters ?? []) as { name: string; in: string; required: boolean }[]).map(
      (one) => {
        expect(one, path).to.include({ in: 'path', required: true });
        return one.name;
      },
    );
    expect(found, path).to.have.members(wanted);
    for (const method of METHODS) {
      if (item[method] !== undefined) this.#operation(`${method} ${path}`, asRecord(item[method]));
    }
  }

  #operation(where: string, operation: Record<string, unknown>): void {
    this.operations++;
    this.#members(operation, OPERATION, where);
    const id = String(operation.operationId);
    expect(id, where).to.match(/^[a-z][A-Za-z0-9]+$/);
    expect(this.#ids.has(id), `${id} is of two operations`).to.equal(false);
    this.#ids.add(id);
    expect(operation['x-kubernetes-action'], where).to.be.a('string');
    expect(operation['x-kubernetes-group-version-kind'], where).to.have.all.keys('group', 'version', 'kind');
    const parameters = operation.parameters as Record<string, unknown>[];
    const names = parameters.map((one) => `${String(one.in)} ${String(one.name)}`);
    expect(new Set(names).size, where).to.equal(names.length);
    for (const parameter of parameters) {
      if (parameter.in === 'body') this.schema(parameter.schema, `${where} body`);
      else {
        expect(parameter.in, where).to.equal('query');
        expect(TYPES, where).to.include(parameter.type);
        if (parameter.type === 'array') expect(TYPES).to.include(asRecord(parameter.items).type);
      }
    }
    const responses = Object.entries(asRecord(operation.responses));
    expect(responses, where).to.not.have.length(0);
    for (const [code, response] of responses) {
      expect(code, where).to.match(/^(\d{3}|default)$/);
      expect(asRecord(response).description, where).to.be.a('string');
      this.schema(asRecord(response).schema, `${where} ${code}`);
    }
  }

  #members(value: Record<string, unknown>, known: readonly string[], where: string): void {
    const unknown = Object.keys(value).filter((name) => !name.startsWith('x-') && !known.includes(name));
    expect(unknown, where).to.deep.equal([]);
  }
}

/** Fails with the place of what is wrong; says how much there was to read. */
export function checkSwagger(document: Record<string, unknown>): { operations: number; definitions: number } {
  expect(document.swagger).to.equal('2.0');
  expect(document.info).to.have.all.keys('title', 'version');
  expect(JSON.stringify(document)).to.not.match(/x-gantry|components\/schemas/);
  const definitions = asRecord(document.definitions);
  const reader = new Reader(definitions);
  for (const [path, item] of Object.entries(asRecord(document.paths))) reader.path(path, item);
  for (const [name, schema] of Object.entries(definitions)) {
    expect(name).to.match(DEFINITION);
    reader.schema(schema, name);
  }
  const kinds = Object.values(definitions).flatMap(
    (schema) => (asRecord(schema)['x-kubernetes-group-version-kind'] as object[] | undefined) ?? [],
  );
  const keys = kinds.map((kind) => JSON.stringify(kind));
  expect(new Set(keys).size, 'one kind has two definitions').to.equal(keys.length);
  const unused = Object.keys(definitions).filter(
    (name) =>
      !reader.referred.has(name) &&
      asRecord(definitions[name])['x-kubernetes-group-version-kind'] === undefined,
  );
  expect(unused, 'definitions of no kind that nothing refers to').to.deep.equal([]);
  return { operations: reader.operations, definitions: Object.keys(definitions).length };
}
