/**
 * Who pulls an image: what Secrets for registries hold, and which of it a reference calls for. Pure.
 *
 * Source of the rules: Kubernetes, "Images", config.json: a key of `auths` is `host[:port][/path]`, each part of the
 * host may hold wildcards of its own, ports are equal, paths are beginnings, and all that match are tried, the most
 * particular first.
 */
import { isRecord } from '../../../machinery/json.ts';
import type { RegistryAuth } from '../../../machinery/runtime.ts';
import { repositoryOf } from './image.ts';

/** The keys of a Secret, by its form: `kubernetes.io/dockerconfigjson` and the older `kubernetes.io/dockercfg`. */
const CONFIG_KEY = '.dockerconfigjson';
const OLD_CONFIG_KEY = '.dockercfg';

/** Names that Docker Hub goes by. */
const HUB_HOSTS: readonly string[] = ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/** @param data of a Secret: base64 by key. @returns a sentence about what is wrong with it, without its contents. */
export function registryAuthsOf(
  data: Readonly<Record<string, string>> | undefined,
): readonly RegistryAuth[] | string {
  const text = (key: string): string | undefined => {
    const value = data?.[key];
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  };
  const config = text(CONFIG_KEY);
  if (config !== undefined) return parseDockerConfig(config);
  const oldConfig = text(OLD_CONFIG_KEY);
  if (oldConfig !== undefined) return parseEntries(oldConfig, (all) => all);
  return `it has no key ${CONFIG_KEY}: make it with kubectl create secret docker-registry`;
}

/** A `config.json` of Docker. @returns its entries in their order, or a sentence about what is wrong with it. */
export function parseDockerConfig(text: string): readonly RegistryAuth[] | string {
  return parseEntries(text, (config) => config['auths'] ?? {});
}

/** Those of the credentials that are for this image, in the order in which they are tried; none for no reference. */
export function authsFor(reference: string, auths: readonly RegistryAuth[]): readonly RegistryAuth[] {
  const repository = repositoryOf(reference);
  if (repository === undefined) return [];
  return auths
    .filter(({ registry }) => isMatch(registry, repository))
    .toSorted((a, b) => (a.registry < b.registry ? 1 : a.registry > b.registry ? -1 : 0));
}

function parseEntries(
  text: string,
  entriesOf: (config: Readonly<Record<string, unknown>>) => unknown,
): readonly RegistryAuth[] | string {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    // The parser would quote what it read, and that is a secret.
    return 'it is not JSON';
  }
  const entries = isRecord(config) ? entriesOf(config) : undefined;
  if (!isRecord(entries)) return 'its auths are not an object of registries';
  const auths: RegistryAuth[] = [];
  for (const [key, entry] of Object.entries(entries)) {
    const parsed = isRecord(entry) ? credentialsOf(entry) : 'is not an object';
    if (typeof parsed === 'string') return `its entry for "${key}" ${parsed}`;
    if (parsed !== undefined) auths.push({ registry: patternOf(key), ...parsed });
  }
  const [unusable] = Object.keys(entries);
  if (auths.length > 0 || unusable === undefined) return auths;
  return `its entry for "${unusable}" has neither auth nor username nor identitytoken (a credential store of Docker has them)`;
}

/** `auth` goes before `username` and `password`, as in Docker. */
function credentialsOf(
  entry: Readonly<Record<string, unknown>>,
): Omit<RegistryAuth, 'registry'> | string | undefined {
  const { auth, username = '', password = '', identitytoken } = entry;
  const token = typeof identitytoken === 'string' && identitytoken !== '' ? identitytoken : undefined;
  const identity = token === undefined ? {} : { identityToken: token };
  if (typeof auth === 'string' && auth !== '') {
    const decoded = Buffer.from(auth, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    if (colon < 0) return 'has an auth that is not base64 of user:password';
    // Docker pads with NUL bytes.
    const secret = decoded.slice(colon + 1).replace(/\0+$/, '');
    return { username: decoded.slice(0, colon), password: secret, ...identity };
  }
  if (typeof username !== 'string' || typeof password !== 'string') {
    return 'has a username or password that is not text';
  }
  // What docker login leaves behind where it keeps passwords elsewhere.
  if (username === '' && token === undefined) return undefined;
  return { username, password, ...identity };
}

/** `https://index.docker.io/v1/` is how `docker login` calls `docker.io`. */
function patternOf(key: string): string {
  const bare = key
    .replace(/^https?:\/\//i, '')
    .replace(/^([^/]*)\/v[12](?=\/|$)/, '$1')
    .replace(/\/+$/, '');
  const [host = ''] = bare.split('/');
  const name = host.toLowerCase();
  return (HUB_HOSTS.includes(name) ? 'docker.io' : name) + bare.slice(host.length);
}

function isMatch(pattern: string, repository: { readonly domain: string; readonly path: string }): boolean {
  const slash = pattern.indexOf('/');
  const host = slash < 0 ? pattern : pattern.slice(0, slash);
  const path = slash < 0 ? '' : pattern.slice(slash);
  if (!`/${repository.path}`.startsWith(path)) return false;
  const wanted = splitPort(host);
  const found = splitPort(repository.domain);
  const parts = found.name.split('.');
  const globs = wanted.name.split('.');
  if (wanted.port !== found.port || globs.length !== parts.length) return false;
  return globs.every((glob, index) => isGlobMatch(glob, parts[index] ?? ''));
}

function splitPort(host: string): { readonly name: string; readonly port: string } {
  const [, name = host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  return { name: name.toLowerCase(), port };
}

/** `*`, `?` and `[a-z]`, `[^a-z]`, within one part of a host name; a pattern that is none matches nothing. */
function isGlobMatch(glob: string, part: string): boolean {
  if (glob.startsWith('[') && glob.includes(':')) return glob === part;
  const source = glob.replace(/\[\^?[\w-]+\]|[^\w-]/g, (token) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    return token.length > 1 ? token : `\\${token}`;
  });
  try {
    return new RegExp(`^${source}$`).test(part);
  } catch {
    return false;
  }
}
