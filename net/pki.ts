/**
 * The cluster's own certificate authority and what it has signed, kept in one directory.
 *
 * `openPki` makes what is missing and renews what is near its end or no longer covers the wanted names; calling it
 * again is how a long-running server renews. An authority that exists is never replaced. A crash at any point leaves a
 * directory that the next call completes: keys are written before certificates, and a renewal keeps its key.
 */
import type { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Gauge } from 'prom-client';
import type { Clock } from '../machinery/clock.ts';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { GROUP_MASTERS, workerIdentity } from '../machinery/identity.ts';
import type { Metrics } from '../machinery/metrics.ts';
import { subdomainProblem } from '../machinery/names.ts';
import { type Random, systemRandom } from '../machinery/random.ts';
import {
  type Credentials,
  coversName,
  daysLeft,
  type Leaf,
  makeAuthority,
  newKey,
  readCertificate,
  readPrivateKey,
  signLeaf,
} from './certificates.ts';

const SECONDS_PER_DAY = 86_400;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;
/** A leaf with less than this left is renewed. */
const RENEW_DAYS = 30;
const AUTHORITY_NAME = 'gantry-ca';

export interface PkiOptions {
  /** Made if absent, readable by its owner only. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random?: Random;
  /** DNS names the server certificate must cover, besides localhost. */
  readonly hostnames: readonly string[];
  /** IP addresses the server certificate must cover, besides 127.0.0.1 and ::1. */
  readonly addresses: readonly string[];
}

export interface Pki {
  /** The authority's certificate, PEM: what clients trust. */
  readonly authority: string;
  readonly server: Credentials;
  /** User `admin` of group system:masters. */
  readonly admin: Credentials;
  /** The client certificate of one worker, made on first asking. */
  issueWorker(worker: string): Promise<Credentials>;
  /** Every certificate in use and the whole days it has left. */
  daysLeft(): readonly { readonly certificate: string; readonly days: number }[];
}

/** What is wrong with the directory, in one sentence that names the file. */
export class PkiError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PkiError';
  }
}

/** Rejects with `PkiError`. */
export async function openPki(options: PkiOptions): Promise<Pki> {
  const { directory, clock } = options;
  const random = options.random ?? systemRandom;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new PkiError(`cannot make the directory ${directory}: ${fileProblem(error)}`, { cause: error });
  }
  const authority = await openAuthority(directory, clock, random);
  const inUse = new Map<string, X509Certificate>([['ca', readCertificate(authority.certificate)]]);
  const issue = async (file: string, leaf: Leaf): Promise<Credentials> => {
    const credentials = await openLeaf(directory, file, authority, leaf, clock, random);
    inUse.set(file, readCertificate(credentials.certificate));
    return credentials;
  };
  const names = new Set(['localhost', ...options.hostnames, '127.0.0.1', '::1', ...options.addresses]);
  const server = await issue('server', {
    subject: { commonName: 'gantry-server' },
    usage: 'server',
    names: [...names],
  });
  const admin = await issue('admin', {
    subject: { commonName: 'admin', organizations: [GROUP_MASTERS] },
    usage: 'client',
  });
  return {
    authority: authority.certificate,
    server,
    admin,
    async issueWorker(worker) {
      const problem = subdomainProblem(worker);
      if (problem !== undefined) throw new PkiError(`invalid worker name "${worker}": ${problem}`);
      const identity = workerIdentity(worker);
      // `system:authenticated` is what a verified certificate means; it is not written into one.
      const organizations = identity.groups.filter((group) => group !== 'system:authenticated');
      return issue(`worker-${worker}`, {
        subject: { commonName: identity.name, organizations },
        usage: 'client',
      });
    },
    daysLeft: () =>
      [...inUse].map(([certificate, read]) => ({ certificate, days: daysLeft(read, clock.now()) })),
  };
}

/** `gantry_certificate_remaining_seconds{certificate}`, read anew at every scrape, exact to a day. */
export function measurePki(metrics: Metrics, current: () => Pki): void {
  const gauge = new Gauge({
    name: 'gantry_certificate_remaining_seconds',
    help: 'Seconds until a certificate of this server ends, in whole days.',
    labelNames: ['certificate'],
    collect() {
      this.reset();
      // One label value for all workers: their number has no bound.
      const left = new Map<string, number>();
      for (const { certificate, days } of current().daysLeft()) {
        const label = certificate.startsWith('worker-') ? 'worker' : certificate;
        left.set(label, Math.min(days, left.get(label) ?? Number.POSITIVE_INFINITY));
      }
      for (const [certificate, days] of left) this.set({ certificate }, days * SECONDS_PER_DAY);
    },
    registers: [],
  });
  metrics.registerMetric(gauge);
}

async function openAuthority(directory: string, clock: Clock, random: Random): Promise<Credentials> {
  const certificatePath = join(directory, 'ca.crt');
  const keyPath = join(directory, 'ca.key');
  let certificate = await readIfThere(certificatePath);
  if (certificate !== undefined && !(await exists(keyPath))) {
    throw new PkiError(
      `${certificatePath} is there but ${keyPath} is missing: put the key back, or move ${directory} away to start with a new authority`,
    );
  }
  const key = await openKey(keyPath);
  if (certificate === undefined) {
    // The same name and key: whatever an earlier certificate of this authority signed still verifies.
    certificate = await makeAuthority(
      AUTHORITY_NAME,
      key,
      { nowMs: clock.now(), days: AUTHORITY_DAYS },
      random,
    );
    await write(certificatePath, certificate, { mode: 0o644, exclusive: true });
  }
  const read = parseCertificate(certificatePath, certificate);
  checkPair(certificatePath, read, keyPath, key);
  if (!read.ca)
    throw new PkiError(`${certificatePath} is not the certificate of an authority: put the right one back`);
  if (daysLeft(read, clock.now()) < 0) {
    throw new PkiError(
      `${certificatePath} ended on ${read.validTo}: move ${directory} away to have a new authority made, then give clients the new kubeconfig`,
    );
  }
  return { certificate, key };
}

async function openLeaf(
  directory: string,
  file: string,
  authority: Credentials,
  leaf: Leaf,
  clock: Clock,
  random: Random,
): Promise<Credentials> {
  const certificatePath = join(directory, `${file}.crt`);
  const keyPath = join(directory, `${file}.key`);
  const old = await readIfThere(certificatePath);
  if (old !== undefined && !(await exists(keyPath))) {
    throw new PkiError(
      `${certificatePath} is there but ${keyPath} is missing: remove ${certificatePath} to have both made anew`,
    );
  }
  const key = await openKey(keyPath);
  if (old !== undefined) {
    const read = parseCertificate(certificatePath, old);
    checkPair(certificatePath, read, keyPath, key);
    const issuer = readCertificate(authority.certificate);
    if (!read.checkIssued(issuer) || !read.verify(issuer.publicKey)) {
      throw new PkiError(
        `${certificatePath} was not signed by ${join(directory, 'ca.crt')}: remove it to have a new one signed`,
      );
    }
    const isCovering = (leaf.names ?? []).every((name) => coversName(read, name));
    if (isCovering && daysLeft(read, clock.now()) >= Math.min(RENEW_DAYS, daysLeft(issuer, clock.now()))) {
      return { certificate: old, key };
    }
  }
  const certificate = await signLeaf(authority, leaf, key, { nowMs: clock.now(), days: LEAF_DAYS }, random);
  await write(certificatePath, certificate, { mode: 0o644 });
  return { certificate, key };
}

/** The key at the path, made if absent; its permissions are put right. */
async function openKey(path: string): Promise<string> {
  const old = await readIfThere(path);
  if (old === undefined) {
    const key = await newKey();
    await write(path, key, { mode: 0o600, exclusive: true });
    return key;
  }
  try {
    readPrivateKey(old);
  } catch (error) {
    throw new PkiError(`${path} is not a private key (${messageOf(error)}): put the right one back`, {
      cause: error,
    });
  }
  try {
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  } catch (error) {
    throw new PkiError(`${path} can be read by others, and that cannot be changed: ${fileProblem(error)}`, {
      cause: error,
    });
  }
  return old;
}

function parseCertificate(path: string, pem: string): X509Certificate {
  try {
    return readCertificate(pem);
  } catch (error) {
    throw new PkiError(`${path} is not a certificate (${messageOf(error)}): put the right one back`, {
      cause: error,
    });
  }
}

function checkPair(
  certificatePath: string,
  certificate: X509Certificate,
  keyPath: string,
  key: string,
): void {
  if (certificate.checkPrivateKey(readPrivateKey(key))) return;
  throw new PkiError(
    `${certificatePath} and ${keyPath} do not belong together: put back the one that was changed`,
  );
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new PkiError(`cannot read ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await readIfThere(path)) !== undefined;
}

async function write(
  path: string,
  content: string,
  options: { mode: number; exclusive?: boolean },
): Promise<void> {
  try {
    await writeDurably(path, content, options);
  } catch (error) {
    throw new PkiError(`cannot write ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
