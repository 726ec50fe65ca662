/**
 * Which kubectls there are to test with: the one of this machine (KUBECTL, or the one on PATH) and those that lie
 * beside it as `kubectl.<version>`. The normal run takes the oldest and the newest, the long one all.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export interface Kubectl {
  readonly path: string;
  /** Minor version: 33 is 1.33. */
  readonly minor: number;
}

/** Oldest first. */
export function allKubectls(env: NodeJS.ProcessEnv = process.env): readonly Kubectl[] {
  const own = env.KUBECTL ?? findOnPath('kubectl', env.PATH ?? '');
  if (own === undefined) return [];
  const folder = dirname(realpathSync(own));
  const beside = readdirSync(folder)
    .filter((file) => /^kubectl\.1\.\d+$/.test(file))
    .map((file) => join(folder, file));
  return (beside.length === 0 ? [own] : beside)
    .map((path) => ({ path, minor: minorOf(path) }))
    .sort((a, b) => a.minor - b.minor);
}

/** Those that this run is for. */
export function kubectls(env: NodeJS.ProcessEnv = process.env): readonly Kubectl[] {
  const found = allKubectls(env);
  if (env.GANTRY_TEST_LONG !== undefined) return found;
  const [oldest] = found;
  const newest = found.at(-1);
  return oldest === undefined || newest === undefined || oldest === newest ? found : [oldest, newest];
}

function minorOf(path: string): number {
  const text = execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const version: unknown = JSON.parse(text);
  const minor = /"minor":\s*"(\d+)/.exec(JSON.stringify(version))?.[1];
  if (minor === undefined) throw new Error(`${path} does not say which version it is: ${text}`);
  return Number(minor);
}

function findOnPath(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((candidate) => {
      try {
        return realpathSync(candidate) !== '';
      } catch {
        return false;
      }
    });
}
