/**
 * Manifests from files, folders and standard input, each object with its place in its file. Everything is read and
 * checked before anything is returned: one typing error, and no object is worked on.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileProblem } from '../machinery/durablefile.ts';
import { isRecord } from '../machinery/json.ts';
import type { DynamicObject } from '../machinery/meta.ts';
import { CommandError, type Io } from './io.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

export interface Manifest {
  readonly object: DynamicObject;
  /** As the user named it; `-` is standard input. */
  readonly file: string;
  /** `file:line:column` of a field, or of the nearest thing around it. */
  locate(path: string): string;
}

export interface ManifestSources {
  /** `-f` in order: files, folders, `-`. */
  readonly files: readonly string[];
  /** Also folders within folders. */
  readonly recursive?: boolean;
}

const SUFFIXES = /\.(?:ya?ml|json)$/;
const MAX_BYTES = 64 * 1024 * 1024;

/** Rejects with one `CommandError` that names every mistake as `file:line:column`. */
export async function readManifests(sources: ManifestSources, io: Io): Promise<Manifest[]> {
  if (sources.files.length === 0) {
    throw new CommandError(
      'name a file, a folder or - with -f, for example: gantry apply -f manifests/examples/hello.yaml',
    );
  }
  const problems: string[] = [];
  const manifests: Manifest[] = [];
  for (const named of sources.files) {
    for (const { file, text } of await readSource(named, sources.recursive === true, io)) {
      const parsed = parseYaml(text, file);
      problems.push(...parsed.problems);
      for (const document of parsed.documents) manifests.push(...objectsOf(document, file, problems));
    }
  }
  problems.push(...duplicatesOf(manifests));
  if (problems.length > 0) throw new CommandError(problems);
  if (manifests.length === 0) throw new CommandError(`no objects found in ${sources.files.join(', ')}`);
  return manifests;
}

async function readSource(
  named: string,
  isRecursive: boolean,
  io: Io,
): Promise<{ readonly file: string; readonly text: string }[]> {
  if (named === '-') return [{ file: '-', text: await readAll(io.stdin) }];
  const path = resolve(io.directory, named);
  try {
    const found = await stat(path);
    if (!found.isDirectory()) {
      if (found.isFile() && found.size > MAX_BYTES)
        throw new CommandError(`${named} is larger than ${MAX_BYTES} bytes`);
      return [{ file: named, text: await readFile(path, 'utf8') }];
    }
    const entries = await readdir(path, { recursive: isRecursive, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() && SUFFIXES.test(entry.name))
      .map((entry) => relative(path, join(entry.parentPath, entry.name)))
      .sort();
    if (files.length === 0)
      throw new CommandError(
        `${named} holds no .yaml, .yml or .json files${isRecursive ? '' : ' (-R looks into folders within)'}`,
      );
    return await Promise.all(
      files.map(async (file) => ({
        file: join(named, file),
        text: await readFile(join(path, file), 'utf8'),
      })),
    );
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`cannot read ${named}: ${fileProblem(error)}`, { cause: error });
  }
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new CommandError(`standard input holds more than ${MAX_BYTES} bytes`);
    held.push(chunk);
  }
  return Buffer.concat(held, bytes).toString('utf8');
}

/** The object of a document, or the objects of a `List`. */
function objectsOf(
  document: YamlDocument,
  file: string,
  problems: string[],
  prefix = '',
  from?: unknown,
): Manifest[] {
  const value = from ?? document.value;
  const locate = (path: string): string => `${file}:${document.locate(prefix + path)}`;
  const problem = (path: string, text: string): Manifest[] => {
    problems.push(`${locate(path)}: ${text}`);
    return [];
  };
  if (!isRecord(value)) return problem('', 'wanted an object with apiVersion, kind and metadata');
  if (typeof value.apiVersion !== 'string' || value.apiVersion === '')
    return problem('apiVersion', 'apiVersion is missing, for example gantry.dev/v1');
  if (typeof value.kind !== 'string' || value.kind === '')
    return problem('kind', 'kind is missing, for example Task');
  if (value.kind.endsWith('List') && Array.isArray(value.items)) {
    return value.items.flatMap((item: unknown, at) =>
      objectsOf(document, file, problems, `${prefix}items[${at}].`, item),
    );
  }
  if (!isObject(value)) {
    const hasName = isRecord(value.metadata) && typeof value.metadata.name === 'string';
    if (isRecord(value.metadata) && value.metadata.generateName !== undefined && !hasName) {
      return problem(
        'metadata.generateName',
        'metadata.name is missing: generateName makes a new object each time, so there is nothing to apply to',
      );
    }
    return problem('metadata.name', 'metadata.name is missing or not text');
  }
  return [{ object: value, file, locate }];
}

function isObject(value: Record<string, unknown>): value is DynamicObject {
  return isRecord(value.metadata) && typeof value.metadata.name === 'string' && value.metadata.name !== '';
}

function duplicatesOf(manifests: readonly Manifest[]): string[] {
  const seen = new Map<string, Manifest>();
  return manifests.flatMap((manifest) => {
    const { apiVersion, kind, metadata } = manifest.object;
    const key = JSON.stringify([apiVersion, kind, metadata.namespace ?? '', metadata.name]);
    const other = seen.get(key);
    seen.set(key, other ?? manifest);
    return other === undefined
      ? []
      : [
          `${manifest.locate('metadata.name')}: ${kind} "${metadata.name}" is given twice, first at ${other.locate('metadata.name')}`,
        ];
  });
}
