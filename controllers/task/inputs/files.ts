/**
 * The files of volumes that come from ConfigMaps and Secrets, and one version for all of them. Pure.
 * Source of the rules: Kubernetes' kubelet, `configmap.MakePayload` and `secret.MakePayload`, and of what a path may be
 * `validatePath` of its atomic writer.
 */
import { jsonHash } from '../../../machinery/json.ts';
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { VolumeFile, VolumeFiles } from '../services.ts';
import { bytesOf, fileKeys, type InputObject, KIND_WORDS } from './data.ts';
import { type Find, need, type Problems } from './found.ts';

type Volume = NonNullable<Task['spec']['volumes']>[number];
type Item = NonNullable<NonNullable<Volume['configMap']>['items']>[number];

/** Kubernetes' default. */
const DEFAULT_MODE = 0o644;
/** Of Linux. */
const MAX_PATH_BYTES = 4096;
const MAX_PART_BYTES = 255;

/** What one volume takes from which object. */
interface Wanted {
  readonly volume: string;
  readonly kind: InputKind;
  readonly name: string;
  readonly isOptional: boolean;
  readonly mode: number;
  readonly items: readonly Item[] | undefined;
}

/** @returns the files by volume; what stands in the way is added to `problems`. */
export function filesOf(
  task: Task,
  find: Find,
  problems: Problems,
): { readonly files: ReadonlyMap<string, VolumeFiles>; readonly filesVersion: string } {
  const files = new Map<string, VolumeFiles>();
  const versions: unknown[] = [];
  for (const wanted of (task.spec.volumes ?? []).flatMap(wantedOf)) {
    const object = need(find, problems, wanted.kind, wanted);
    const made =
      object === undefined ? [] : filesFrom(wanted, object, problems, task.metadata.namespace ?? '');
    files.set(wanted.volume, { isSecret: wanted.kind === 'secrets', files: made.map(({ file }) => file) });
    const contents = made.map(({ file, digest }) => [file.path, file.mode, digest]);
    versions.push([wanted.volume, wanted.kind, contents]);
  }
  return { files, filesVersion: versions.length === 0 ? '' : jsonHash(versions).slice(0, 16) };
}

function wantedOf({ name: volume, configMap, secret }: Volume): readonly Wanted[] {
  if (configMap !== undefined) return [fromSource(volume, 'configmaps', configMap.name, configMap)];
  if (secret !== undefined) return [fromSource(volume, 'secrets', secret.secretName, secret)];
  return [];
}

function fromSource(
  volume: string,
  kind: InputKind,
  name: string,
  source: Pick<NonNullable<Volume['configMap']>, 'defaultMode' | 'items' | 'optional'>,
): Wanted {
  const { defaultMode: mode = DEFAULT_MODE, items, optional: isOptional = false } = source;
  // An empty list is none, as in Go.
  return { volume, kind, name, isOptional, mode, items: items?.length === 0 ? undefined : items };
}

interface Made {
  readonly file: VolumeFile;
  readonly digest: string;
}

function filesFrom(
  { volume, kind, name, isOptional, mode, items }: Wanted,
  object: InputObject,
  problems: Problems,
  namespace: string,
): readonly Made[] {
  const made = new Map<string, Made>();
  const directories = new Map<string, string>();
  const wanted: readonly Item[] = items ?? fileKeys(object).map((key) => ({ key, path: key }));
  for (const item of wanted) {
    const found = bytesOf(kind, object, item.key);
    if (found === undefined) {
      const missing = `couldn't find key "${item.key}" in ${KIND_WORDS[kind]} ${namespace}/${name}, which volume "${volume}" takes as a file`;
      if (!isOptional) problems.add(missing);
      continue;
    }
    const path = cleaned(item.path);
    const problem = typeof path === 'string' ? clash(path, made, directories) : path.problem;
    if (typeof path !== 'string' || problem !== undefined) {
      problems.add(`volume "${volume}": the path "${item.path}" of key "${item.key}" ${problem}`);
      continue;
    }
    const file = { path, data: found.bytes, mode: item.mode ?? mode };
    made.set(path, { file, digest: found.digest });
  }
  return [...made.values()];
}

/** The path without what changes nothing, or what is wrong with it. */
function cleaned(path: string): string | { readonly problem: string } {
  if (path.startsWith('/')) return { problem: 'must not begin with "/"' };
  if (path.includes('\0')) return { problem: 'must not hold a NUL byte' };
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) return { problem: 'names no file' };
  if (parts.includes('..')) return { problem: 'must not contain ".."' };
  // Names like `..data` are those of the switch that brings volumes up to date.
  if (parts[0]?.startsWith('..') === true) return { problem: 'must not begin with ".."' };
  if (parts.some((part) => Buffer.byteLength(part) > MAX_PART_BYTES)) {
    return { problem: `has a part of more than ${MAX_PART_BYTES} bytes` };
  }
  const clean = parts.join('/');
  return Buffer.byteLength(clean) > MAX_PATH_BYTES
    ? { problem: `has more than ${MAX_PATH_BYTES} bytes` }
    : clean;
}

/** Why the path cannot be beside those that are there; else its directories are taken note of. */
function clash(
  path: string,
  made: ReadonlyMap<string, Made>,
  directories: Map<string, string>,
): string | undefined {
  if (made.has(path)) return 'is there twice';
  const parts = path.split('/');
  const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
  const other = directories.get(path) ?? above.find((directory) => made.has(directory));
  if (other !== undefined) return `and "${other}" cannot both be: one is a directory of the other`;
  for (const directory of above) directories.set(directory, path);
  return undefined;
}
