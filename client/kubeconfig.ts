/**
 * Kubeconfig files: the one written for the cluster's own administrator, and whatever a user brings.
 *
 * Finding and merging follow Kubernetes' "Organizing Cluster Access Using kubeconfig Files". Plain entries are read
 * here; those that need more (exec plugins, auth providers, proxies) are left to `@kubernetes/client-node`, which is
 * loaded only then because loading it takes most of a second.
 */
import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { dump, load, YAMLException } from 'js-yaml';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import type { TransportOptions } from './transport.ts';

export interface AdminKubeconfig {
  readonly server: string;
  /** PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  /** Of cluster, user and context alike; default `gantry`. */
  readonly name?: string;
}

/** What is wrong with a kubeconfig, in one sentence that names the file. */
export class KubeconfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubeconfigError';
  }
}

/** Replaces the file as a whole; readable by its owner only, since it holds a key. Rejects with `KubeconfigError`. */
export async function writeKubeconfig(path: string, admin: AdminKubeconfig): Promise<void> {
  const name = admin.name ?? 'gantry';
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: admin.server, 'certificate-authority-data': base64(admin.authority) } },
    ],
    users: [
      {
        name,
        user: { 'client-certificate-data': base64(admin.certificate), 'client-key-data': base64(admin.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  };
  try {
    await writeDurably(path, dump(document, { lineWidth: -1 }), { mode: 0o600 });
  } catch (error) {
    throw new KubeconfigError(`cannot write the kubeconfig ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

export interface KubeconfigChoice {
  /** `--kubeconfig`: this file and no other. */
  readonly path?: string;
  /** `--context` instead of the file's current one. */
  readonly context?: string;
  /** The value of KUBECONFIG: a list of paths; those that do not exist are passed over. */
  readonly variable?: string;
  /** Looked at in order when neither is given; the first that exists is taken. */
  readonly defaults: readonly string[];
  /** What relative paths are relative to. */
  readonly directory: string;
}

export interface ClusterAccess extends TransportOptions {
  /** The context's namespace. */
  readonly namespace: string;
  readonly context: string;
  /** The files it came from. */
  readonly files: readonly string[];
}

/** A named entry with its paths made absolute. */
type Entry = Record<string, unknown>;

interface Merged {
  readonly files: string[];
  readonly clusters: Map<string, Entry>;
  readonly users: Map<string, Entry>;
  readonly contexts: Map<string, Entry>;
  currentContext: string | undefined;
}

const PATHS = {
  cluster: ['certificate-authority'],
  user: ['client-certificate', 'client-key', 'tokenFile'],
} as const;

/** Rejects with `KubeconfigError`. */
export async function loadKubeconfig(choice: KubeconfigChoice): Promise<ClusterAccess> {
  const merged = await readAll(choice);
  const shown = merged.files.join(', ');
  const context = choice.context ?? merged.currentContext;
  if (context === undefined) {
    throw new KubeconfigError(
      `${shown} has no current-context: choose one with --context (there are: ${known(merged.contexts)})`,
    );
  }
  const chosen = merged.contexts.get(context);
  if (chosen === undefined) {
    throw new KubeconfigError(`${shown} has no context "${context}": there are ${known(merged.contexts)}`);
  }
  const clusterName = textOf(chosen, 'cluster') ?? '';
  const cluster = merged.clusters.get(clusterName);
  const server = cluster === undefined ? undefined : textOf(cluster, 'server');
  if (cluster === undefined || server === undefined) {
    throw new KubeconfigError(
      `context "${context}" of ${shown} names the cluster "${clusterName}", ${cluster === undefined ? 'which is not there' : 'which has no server'}`,
    );
  }
  const userName = textOf(chosen, 'user') ?? '';
  const user = userName === '' ? {} : merged.users.get(userName);
  if (user === undefined) {
    throw new KubeconfigError(
      `context "${context}" of ${shown} names the user "${userName}", which is not there`,
    );
  }
  const certificateAuthority = await dataOrFile(cluster, 'certificate-authority');
  const serverName = textOf(cluster, 'tls-server-name');
  const isExotic =
    isRecord(user.exec) || isRecord(user['auth-provider']) || textOf(cluster, 'proxy-url') !== undefined;
  return {
    server,
    namespace: textOf(chosen, 'namespace') ?? 'default',
    context,
    files: merged.files,
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(isExotic ? await exoticCredentials(merged, context) : await plainCredentials(user)),
  };
}

type CredentialOptions = Pick<TransportOptions, 'certificate' | 'key' | 'headers' | 'agent'>;

async function plainCredentials(user: Entry): Promise<CredentialOptions> {
  const certificate = await dataOrFile(user, 'client-certificate');
  const key = await dataOrFile(user, 'client-key');
  const token = textOf(user, 'token');
  const tokenFile = textOf(user, 'tokenFile');
  const [name, password] = [textOf(user, 'username'), textOf(user, 'password')];
  const impersonated: Record<string, string> = {};
  const as = textOf(user, 'as');
  if (as !== undefined) impersonated['impersonate-user'] = as;
  const headers = async (): Promise<Record<string, string>> => {
    // A token file is read anew each time: whoever keeps it may renew it.
    const bearer = tokenFile === undefined ? token : (await read(tokenFile, 'token file')).trim();
    if (bearer !== undefined) return { ...impersonated, authorization: `Bearer ${bearer}` };
    if (name === undefined) return impersonated;
    return {
      ...impersonated,
      authorization: `Basic ${Buffer.from(`${name}:${password ?? ''}`).toString('base64')}`,
    };
  };
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    headers,
  };
}

/** Exec plugins, auth providers and proxies, as `@kubernetes/client-node` resolves them. */
async function exoticCredentials(merged: Merged, context: string): Promise<CredentialOptions> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(dump(toDocument(merged, context)));
  const resolved = async (): Promise<{
    headers: Record<string, string>;
    cert?: unknown;
    key?: unknown;
    agent?: unknown;
  }> => {
    const options: Parameters<typeof config.applyToHTTPSOptions>[0] = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new KubeconfigError(
        `cannot get credentials for context "${context}" of ${merged.files.join(', ')}: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    const { cert, key, agent } = options;
    return { headers, cert, key, agent };
  };
  const first = await resolved();
  const isMaterial = (value: unknown): value is string | Buffer =>
    typeof value === 'string' || Buffer.isBuffer(value);
  return {
    ...(isMaterial(first.cert) ? { certificate: first.cert } : {}),
    ...(isMaterial(first.key) ? { key: first.key } : {}),
    ...(isAgent(first.agent) ? { agent: first.agent } : {}),
    // client-node keeps what a plugin gave until it ends, and asks again then.
    headers: async () => (await resolved()).headers,
  };
}

function isAgent(value: unknown): value is Agent {
  return isRecord(value) && typeof value.destroy === 'function' && 'sockets' in value;
}

async function readAll(choice: KubeconfigChoice): Promise<Merged> {
  const absolute = (path: string): string => resolve(choice.directory, path);
  const merged: Merged = {
    files: [],
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
    currentContext: undefined,
  };
  if (choice.path !== undefined) {
    mergeFile(merged, absolute(choice.path), await read(absolute(choice.path), 'kubeconfig'));
    return merged;
  }
  const listed = (choice.variable ?? '').split(delimiter).filter((path) => path !== '');
  for (const path of listed.length > 0 ? listed : choice.defaults) {
    const text = await readIfThere(absolute(path));
    if (text === undefined) continue;
    mergeFile(merged, absolute(path), text);
    if (listed.length === 0) break;
  }
  if (merged.files.length > 0) return merged;
  const looked = (listed.length > 0 ? listed : choice.defaults).map(absolute).join(', ');
  throw new KubeconfigError(
    `no kubeconfig found (looked for ${looked}): start Gantry with "gantry up", or name one with --kubeconfig or KUBECONFIG`,
  );
}

/** The first file to name something wins. */
function mergeFile(into: Merged, path: string, text: string): void {
  let document: unknown;
  try {
    document = load(text, { filename: path, maxAliases: 100 });
  } catch (error) {
    const at =
      error instanceof YAMLException && error.mark !== undefined
        ? `:${error.mark.line + 1}:${error.mark.column + 1}`
        : '';
    const reason = error instanceof YAMLException ? error.reason : messageOf(error);
    throw new KubeconfigError(`${path}${at} is not a kubeconfig: ${reason}`, { cause: error });
  }
  if (!isRecord(document))
    throw new KubeconfigError(
      `${path} is not a kubeconfig: wanted a mapping with clusters, users and contexts`,
    );
  into.files.push(path);
  const directory = dirname(path);
  for (const kind of ['cluster', 'user', 'context'] as const) {
    const list = document[`${kind}s`] ?? [];
    if (!Array.isArray(list))
      throw new KubeconfigError(`${path} is not a kubeconfig: ${kind}s is not a list`);
    for (const item of list as unknown[]) {
      if (!isRecord(item) || typeof item.name !== 'string') {
        throw new KubeconfigError(`${path} is not a kubeconfig: an entry of ${kind}s has no name`);
      }
      const entry = isRecord(item[kind]) ? { ...item[kind] } : {};
      for (const field of kind === 'context' ? [] : PATHS[kind]) {
        const value = entry[field];
        if (typeof value === 'string' && value !== '' && !isAbsolute(value))
          entry[field] = join(directory, value);
      }
      const known = into[`${kind}s`];
      if (!known.has(item.name)) known.set(item.name, entry);
    }
  }
  into.currentContext ??= textOf(document, 'current-context');
}

/** The merged entries as one kubeconfig again. */
function toDocument(merged: Merged, context: string): Record<string, unknown> {
  const list = (kind: 'cluster' | 'user' | 'context'): unknown[] =>
    [...merged[`${kind}s`]].map(([name, entry]) => ({ name, [kind]: entry }));
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: list('cluster'),
    users: list('user'),
    contexts: list('context'),
    'current-context': context,
  };
}

async function dataOrFile(entry: Entry, field: string): Promise<string | undefined> {
  const data = textOf(entry, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  const path = textOf(entry, field);
  return path === undefined ? undefined : read(path, field);
}

function textOf(entry: Entry, field: string): string | undefined {
  const value = entry[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function known(entries: ReadonlyMap<string, Entry>): string {
  return [...entries.keys()].join(', ') || 'none';
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`cannot read the ${what} ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new KubeconfigError(`cannot read the kubeconfig ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
