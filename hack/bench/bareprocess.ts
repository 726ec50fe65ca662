/** Starts `bareserver.ts` beside a Gantry, with that one's own server certificate, so that both do the same TLS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint } from './wire.ts';

export interface BareServer {
  readonly endpoint: Endpoint;
  readonly child: ChildProcess;
}

/**
 * @param folder where it keeps its store
 * @param pki the folder of Gantry's certificates
 * @param endpoint Gantry's: the client is the same
 */
export async function startBare(folder: string, pki: string, endpoint: Endpoint): Promise<BareServer> {
  const own = join(folder, 'bare');
  mkdirSync(own);
  writeFileSync(join(own, 'ca.pem'), endpoint.ca);
  writeFileSync(join(own, 'cert.pem'), readFileSync(join(pki, 'server.crt')));
  writeFileSync(join(own, 'key.pem'), readFileSync(join(pki, 'server.key')));
  const script = join(import.meta.dirname, 'bareserver.ts');
  const child = spawn(process.execPath, [script, own, join(folder, 'bare-store')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { endpoint: { ...endpoint, port: Number(said.toString()) }, child };
}
