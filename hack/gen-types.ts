/**
 * Generates `schemas/documents.gen.json` (every built-in kind's document) and `schemas/types.gen.ts` (its
 * TypeScript type) from the YAML documents, `schemas/doors/*.gen.ts` (what the HTTP doors say of themselves) from theirs,
 * `schemas/grpc/` (the job runner's messages) from `schemas/proto/`, `store/etcd/gen/` (etcd's messages) from
 * `store/etcd/proto/`, and Grafana's dashboards from `hack/dashboards/`. Run by `npm run gen`; `--check` fails when they are out of date.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { load } from 'js-yaml';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { isRecord } from '../machinery/json.ts';
import { dashboardFiles } from './dashboards/list.ts';

const house = join(import.meta.dirname, '..');
const root = join(house, 'schemas');
const INCLUDE = 'x-gantry-include';
const header = '// Generated from schemas/**/*.yaml by `npm run gen`. Do not edit.\n';

/** Turns a structural schema into plain JSON Schema for the type generator. */
function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (!isRecord(schema)) return schema;
  if (isRecord(schema[INCLUDE])) return { tsType: taskSpecType(schema[INCLUDE]) };
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-') || key === 'default' || key === 'maxItems' || key === 'minItems') continue;
    result[key] =
      key === 'properties' && isRecord(value)
        ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toJsonSchema(part)]))
        : key === 'items' || key === 'additionalProperties'
          ? toJsonSchema(value)
          : value;
  }
  if (schema['x-kubernetes-int-or-string'] === true) result.anyOf = [{ type: 'integer' }, { type: 'string' }];
  if (schema.nullable === true && typeof result.type === 'string') result.type = [result.type, 'null'];
  const isClosed = isRecord(schema.properties) && schema['x-kubernetes-preserve-unknown-fields'] !== true;
  if (isClosed && result.additionalProperties === undefined) result.additionalProperties = false;
  return result;
}

async function typeOf(document: Record<string, unknown>): Promise<string> {
  const spec = document.spec;
  if (!isRecord(spec) || !isRecord(spec.names) || !Array.isArray(spec.versions))
    throw new Error('not a kind document');
  const kind = String(spec.names.kind);
  const stored: unknown = spec.versions.find(
    (version: unknown) => isRecord(version) && version.storage === true,
  );
  if (!isRecord(stored) || !isRecord(stored.schema)) throw new Error(`${kind}: no stored version`);
  const schema = toJsonSchema(stored.schema.openAPIV3Schema);
  if (!isRecord(schema) || !isRecord(schema.properties)) throw new Error(`${kind}: no properties`);
  schema.properties.apiVersion = { type: 'string' };
  schema.properties.kind = { type: 'string' };
  schema.properties.metadata = { tsType: 'ObjectMeta' };
  schema.required = [
    ...new Set([
      ...(Array.isArray(schema.required) ? schema.required : []),
      'apiVersion',
      'kind',
      'metadata',
    ]),
  ];
  return compile(schema satisfies JSONSchema, kind, {
    bannerComment: '',
    additionalProperties: false,
    maxItems: -1,
    format: false,
  });
}

function readDocument(path: string): Record<string, unknown> {
  const document = load(readFileSync(join(root, path), 'utf8'));
  if (!isRecord(document)) throw new Error(`${path}: not a document`);
  return document;
}

/**
 * Puts a Task's spec where a document asks for it, so that a template has every field of a Task and no other:
 * `x-gantry-include: { without: [fields], with: { field: schema } }`. Rules that speak of a field that is left out
 * are left out with it.
 */
function withIncludes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withIncludes);
  if (!isRecord(value)) return value;
  const include = value[INCLUDE];
  const whole: Record<string, unknown> = isRecord(include) ? { ...value, ...taskSpec(include) } : value;
  return Object.fromEntries(
    Object.entries(whole).flatMap(([key, item]) => (key === INCLUDE ? [] : [[key, withIncludes(item)]])),
  );
}

function taskSpec(include: Record<string, unknown>): Record<string, unknown> {
  const { versions } = asRecord(readDocument('gantry.dev/task.yaml')['spec']);
  const version = asRecord(Array.isArray(versions) ? versions[0] : undefined);
  const spec = asRecord(
    asRecord(asRecord(asRecord(version['schema'])['openAPIV3Schema'])['properties'])['spec'],
  );
  const without = Array.isArray(include['without']) ? include['without'].map(String) : [];
  const properties = { ...asRecord(spec['properties']) };
  for (const field of without) {
    if (!(field in properties))
      throw new Error(`${INCLUDE}: a Task's spec has no field ${field} to leave out`);
    delete properties[field];
  }
  Object.assign(properties, isRecord(include['with']) ? include['with'] : {});
  const rules = Array.isArray(spec['x-kubernetes-validations']) ? spec['x-kubernetes-validations'] : [];
  return {
    type: 'object',
    required: spec['required'],
    'x-kubernetes-validations': rules.filter(
      (rule: unknown) =>
        !without.some((field) => new RegExp(`self\\.\\??${field}\\b`).test(String(asRecord(rule)['rule']))),
    ),
    properties,
  };
}

/** The type of what `taskSpec` puts there. */
function taskSpecType(include: Record<string, unknown>): string {
  const { without, with: added } = include;
  const fields = [
    ...(Array.isArray(without) ? without.map(String) : []),
    ...Object.keys(isRecord(added) ? added : {}),
  ];
  const own = Object.entries(isRecord(added) ? added : {}).map(([field, schema]) => {
    const words = asRecord(schema)['enum'];
    if (!Array.isArray(words)) throw new Error(`${INCLUDE}: ${field} must be an enum`);
    return `${field}?: ${words.map((word) => JSON.stringify(word)).join(' | ')}`;
  });
  const whole = `Omit<Task['spec'], ${fields.map((field) => `'${field}'`).join(' | ')}>`;
  return own.length === 0 ? whole : `${whole} & { ${own.join('; ')} }`;
}

function asRecord(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new Error(`${INCLUDE}: gantry.dev/task.yaml does not have the expected form`);
  return value;
}

/** Kinds are in the folders of their groups; what else is here has folders of its own. */
const OTHERS = ['doors/', 'proto/'];
const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml') && !OTHERS.some((folder) => path.startsWith(folder)))
  .sort();
const sources = paths.map(readDocument);
const documents = sources.map((source) => asRecord(withIncludes(source)));

/** Runs buf with the plugin from node_modules; nothing is fetched. The files get the ending that linters leave alone. */
function messages(protos: string, target: string): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-gen-'));
  try {
    const binaries = join(house, 'node_modules', '.bin');
    const plugin = {
      local: join(binaries, 'protoc-gen-es'),
      out: '.',
      opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
    };
    const template = JSON.stringify({ version: 'v2', plugins: [plugin] });
    const words = ['generate', join(house, protos), '--template', template, '-o', directory];
    execFileSync(join(binaries, 'buf'), words, {
      env: { ...process.env, BUF_CACHE_DIR: join(directory, 'cache') },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return Object.fromEntries(
      readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('_pb.ts'))
        .map((name) => [
          `${target}/${basename(name).replace('_pb.ts', '.gen.ts')}`,
          readFileSync(join(directory, name), 'utf8').replaceAll('_pb.ts"', '.gen.ts"'),
        ]),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The OpenAPI documents of the HTTP doors, as data, each in a file of its own: one that nobody asks for is not loaded. */
function doorDocuments(): Record<string, string> {
  const folder = join(root, 'doors');
  return Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => {
        const text = JSON.stringify(readDocument(`doors/${name}`), null, 1);
        return [
          `schemas/doors/${name.replace('.yaml', '.gen.ts')}`,
          `// Generated from schemas/doors/${name} by \`npm run gen\`. Do not edit.\nexport const document = ${text};\n`,
        ];
      }),
  );
}

const types = (await Promise.all(sources.map(typeOf))).join('\n');
const outputs = {
  ...messages('store/etcd/proto', 'store/etcd/gen'),
  ...messages('schemas/proto', 'schemas/grpc'),
  ...doorDocuments(),
  ...dashboardFiles(),
  'schemas/documents.gen.json': `${JSON.stringify(documents, null, 1)}\n`,
  'schemas/types.gen.ts': `${header}import type { ObjectMeta } from '../machinery/meta.ts';\n\n${types}`,
};

for (const [name, text] of Object.entries(outputs)) {
  const path = join(house, name);
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
    console.error(`${name} is not what its source says: run npm run gen`);
    process.exitCode = 1;
  }
}
