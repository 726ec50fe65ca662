/** What every command that talks to a server begins with: the server, the namespace, the kinds. */
import { join } from 'node:path';
import { type HttpClient, newHttpClient } from '../client/http.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { resolveHome } from './config.ts';
import { type ApiKind, discoverKinds } from './discovery.ts';
import type { Io } from './io.ts';

export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

export interface Session {
  readonly client: HttpClient;
  /** From the flag, else from the context. */
  readonly namespace: string;
  readonly isNamespaceGiven: boolean;
  /** Asked once. */
  kinds(): Promise<readonly ApiKind[]>;
}

/** Runs `work` with a session and closes its connections afterwards, whatever happens. */
export async function withSession<T>(
  flags: ConnectionFlags,
  io: Io,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const access = await loadKubeconfig({
    ...(flags.kubeconfig === undefined ? {} : { path: flags.kubeconfig }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    ...(io.env.KUBECONFIG === undefined ? {} : { variable: io.env.KUBECONFIG }),
    defaults: [join(await resolveHome(io), 'kubeconfig'), join(io.userHome, '.kube', 'config')],
    directory: io.directory,
  });
  const warnings: Promise<void>[] = [];
  const client = newHttpClient({
    ...access,
    clock: io.clock,
    userAgent: 'gantry-cli',
    onWarning: (text) => void warnings.push(io.stderr.write(`Warning: ${text}\n`)),
  });
  try {
    return await work(newSession(client, io, flags.namespace, access.namespace));
  } finally {
    client.close();
    await Promise.all(warnings);
  }
}

export function newSession(client: HttpClient, io: Io, given: string | undefined, fallback: string): Session {
  let kinds: Promise<readonly ApiKind[]> | undefined;
  return {
    client,
    namespace: given ?? fallback,
    isNamespaceGiven: given !== undefined,
    kinds: () => (kinds ??= discoverKinds(client, io.signal)),
  };
}
