/**
 * Generates `schemas/documents.gen.ts` (every built-in kind's document, as data) and `schemas/types.gen.ts` (its
 * TypeScript type) from the YAML documents, and `store/etcd/gen/` (etcd's messages) from `store/etcd/proto/`. Run by
 * `npm run gen`; `--check` fails when they are out of date.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { isRecord } from '../machinery/json.ts';

const house = join(import.meta.dirname, '..');
const root = join(house, 'schemas');
const header = '// Generated from schemas/**/*.yaml by `npm run gen`. Do not edit.\n';

/** Turns a structural schema into plain JSON Schema for the type generator. */
function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (!isRecord(schema)) return schema;
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

const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .sort();
const documents = paths.map((path): Record<string, unknown> => {
  const document = load(readFileSync(join(root, path), 'utf8'));
  if (!isRecord(document)) throw new Error(`${path}: not a document`);
  return document;
});

/** Runs buf with the plugin from node_modules; nothing is fetched. The files get the ending that linters leave alone. */
function etcdMessages(): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-gen-'));
  try {
    const binaries = join(house, 'node_modules', '.bin');
    const plugin = {
      local: join(binaries, 'protoc-gen-es'),
      out: '.',
      opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
    };
    const template = JSON.stringify({ version: 'v2', plugins: [plugin] });
    const words = [
      'generate',
      join(house, 'store', 'etcd', 'proto'),
      '--template',
      template,
      '-o',
      directory,
    ];
    execFileSync(join(binaries, 'buf'), words, {
      env: { ...process.env, BUF_CACHE_DIR: join(directory, 'cache') },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return Object.fromEntries(
      readdirSync(directory)
        .filter((name) => name.endsWith('_pb.ts'))
        .map((name) => [
          `store/etcd/gen/${name.replace('_pb.ts', '.gen.ts')}`,
          readFileSync(join(directory, name), 'utf8').replaceAll('_pb.ts"', '.gen.ts"'),
        ]),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const types = (await Promise.all(documents.map(typeOf))).join('\n');
const outputs = {
  ...etcdMessages(),
  'schemas/documents.gen.ts': `${header}import type { KindDocument } from './crd.ts';\n\nexport const documents: readonly KindDocument[] = ${JSON.stringify(documents, null, 1)};\n`,
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
