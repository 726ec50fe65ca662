/**
 * The real API on a test world behind HTTPS, with certificates of its own authority for whoever is asked for: what the
 * HTTP client and the command talk to in tests.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Door } from '../../api/doors/door.ts';
import { tlsListener } from '../../api/server/listener.ts';
import { type HttpClient, newHttpClient } from '../../client/http.ts';
import { systemClock } from '../../machinery/clock.ts';
import type { Identity } from '../../machinery/identity.ts';
import { silentLog } from '../../machinery/log.ts';
import { systemRandom } from '../../machinery/random.ts';
import type { WorkerLink } from '../../machinery/workerlink.ts';
import { type Credentials, newKey, signLeaf } from '../../net/certificates.ts';
import { openPki, type Pki } from '../../net/pki.ts';
import { newTestApp } from '../api/server/harness.ts';
import type { World } from '../world.ts';

/** One authority for a whole test file: making keys is most of a server's start. */
export class Certificates {
  readonly #directory = mkdtempSync(join(tmpdir(), 'gantry-secure-'));
  readonly #issued = new Map<string, Promise<Credentials>>();
  #pki: Promise<Pki> | undefined;

  pki(): Promise<Pki> {
    this.#pki ??= openPki({
      directory: join(this.#directory, 'pki'),
      clock: systemClock,
      hostnames: [],
      addresses: [],
    });
    return this.#pki;
  }

  of(identity: Identity): Promise<Credentials> {
    const known = this.#issued.get(identity.name) ?? this.#issue(identity);
    this.#issued.set(identity.name, known);
    return known;
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #issue(identity: Identity): Promise<Credentials> {
    await this.pki();
    const read = (name: string): Promise<string> => readFile(join(this.#directory, 'pki', name), 'utf8');
    const authority = { certificate: await read('ca.crt'), key: await read('ca.key') };
    const key = await newKey();
    const organizations = identity.groups.filter((group) => group !== 'system:authenticated');
    const subject = { commonName: identity.name, organizations };
    const validity = { nowMs: systemClock.now(), days: 1 };
    return {
      certificate: await signLeaf(authority, { subject, usage: 'client' }, key, validity, systemRandom),
      key,
    };
  }
}

export interface SecureServer {
  /** `https://127.0.0.1:…` */
  readonly url: string;
  client(identity: Identity): Promise<HttpClient>;
  close(): Promise<void>;
}

export async function serveSecurely(
  world: World,
  certificates: Certificates,
  options: { readonly workerLink?: WorkerLink; readonly doors?: readonly Door[] } = {},
): Promise<SecureServer> {
  const pki = await certificates.pki();
  const listener = tlsListener(newTestApp(world, options), {
    host: '127.0.0.1',
    port: 0,
    cert: pki.server.certificate,
    key: pki.server.key,
    ca: pki.authority,
    clock: systemClock,
    log: silentLog,
  });
  const { port } = await listener.start();
  const url = `https://127.0.0.1:${port}`;
  const clients: HttpClient[] = [];
  return {
    url,
    async client(identity) {
      const { certificate, key } = await certificates.of(identity);
      const client = newHttpClient({ server: url, certificateAuthority: pki.authority, certificate, key });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      await listener.stop(0);
    },
  };
}
