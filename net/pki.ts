/**
 * The cluster's own certificate authority, kept in a `KeyStore`, and what it has signed for this machine, kept in a
 * directory.
 *
 * `openPki` makes what is missing and renews what is near its end or no longer covers the wanted names; calling it
 * again is how a long-running server renews. An authority that exists is never replaced. A crash at any point leaves a
 * directory that the next call completes: keys are written before certificates, and a renewal keeps its key.
 */
import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Gauge } from 'prom-client';
import type { Clock } from '../machinery/clock.ts';
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
import { KeyDirectory } from './keydirectory.ts';
import { type KeyStore, PkiError } from './keystore.ts';
import { checkKey, makePkiDirectory, openKey, readIfThere, writePkiFile } from './pkifiles.ts';

const SECONDS_PER_DAY = 86_400;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;
/** A leaf with less than this left is renewed. */
const RENEW_DAYS = 30;
const AUTHORITY_NAME = 'gantry-ca';

export interface PkiOptions {
  /** Made if absent, readable by its owner only. */
  readonly directory: string;
  /** Where the authority is; the same directory unless given. */
  readonly keys?: KeyStore;
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

/** A client's certificate that is kept nowhere here. */
export interface ClientWish {
  readonly user: string;
  readonly groups: readonly string[];
  readonly lifetimeMs: number;
}

/**
 * Signs a certificate for the holder of `key`, of the authority in `keys`, which is made if there is none yet. It never
 * outlives the authority. Rejects with `PkiError`.
 */
export async function signClient(
  {
    keys,
    clock,
    random = systemRandom,
  }: Required<Pick<PkiOptions, 'keys' | 'clock'>> & Pick<PkiOptions, 'random'>,
  { user, groups, lifetimeMs }: ClientWish,
  key: string,
): Promise<{ readonly authority: string; readonly certificate: string }> {
  const authority = await openAuthority(keys, clock, random);
  const subject = { commonName: user, organizations: groups };
  const validity = { nowMs: clock.now(), days: lifetimeMs / (SECONDS_PER_DAY * 1000) };
  const certificate = await signLeaf(authority, { subject, usage: 'client' }, key, validity, random);
  return { authority: authority.certificate, certificate };
}

/** Rejects with `PkiError`. */
export async function openPki(options: PkiOptions): Promise<Pki> {
  const { directory, clock } = options;
  const random = options.random ?? systemRandom;
  const keys = options.keys ?? new KeyDirectory(directory);
  await makePkiDirectory(directory);
  const authority = await openAuthority(keys, clock, random);
  const signer = { ...authority, name: keys.authorityNames.certificate };
  const inUse = new Map<string, X509Certificate>([['ca', readCertificate(authority.certificate)]]);
  const issue = async (file: string, leaf: Leaf): Promise<Credentials> => {
    const credentials = await openLeaf(directory, file, signer, leaf, clock, random);
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

async function openAuthority(keys: KeyStore, clock: Clock, random: Random): Promise<Credentials> {
  const names = keys.authorityNames;
  const kept = await keys.authority();
  if (kept.certificate !== undefined && kept.key === undefined) {
    throw new PkiError(
      `${names.certificate} is there but ${names.key} is missing: put the key back, or move what is in ${keys.place} away to start with a new authority`,
    );
  }
  if (kept.certificate !== undefined && kept.key !== undefined) {
    return checkAuthority({ certificate: kept.certificate, key: kept.key }, keys, clock);
  }
  const key = kept.key ?? (await newKey());
  // The same name and key: whatever an earlier certificate of this authority signed still verifies.
  const validity = { nowMs: clock.now(), days: AUTHORITY_DAYS };
  const certificate = await makeAuthority(AUTHORITY_NAME, key, validity, random);
  return checkAuthority(await keys.keepAuthority({ certificate, key }), keys, clock);
}

/** The same, as soon as it is known to be good for something. */
function checkAuthority(authority: Credentials, keys: KeyStore, clock: Clock): Credentials {
  const names = keys.authorityNames;
  const read = parseCertificate(names.certificate, authority.certificate);
  checkKey(names.key, authority.key);
  checkPair(names.certificate, read, names.key, authority.key);
  if (!read.ca) {
    throw new PkiError(`${names.certificate} is not the certificate of an authority: put the right one back`);
  }
  if (daysLeft(read, clock.now()) < 0) {
    throw new PkiError(
      `${names.certificate} ended on ${read.validTo}: move what is in ${keys.place} away to have a new authority made, then give clients the new kubeconfig`,
    );
  }
  return authority;
}

async function openLeaf(
  directory: string,
  file: string,
  authority: Credentials & { readonly name: string },
  leaf: Leaf,
  clock: Clock,
  random: Random,
): Promise<Credentials> {
  const certificatePath = join(directory, `${file}.crt`);
  const keyPath = join(directory, `${file}.key`);
  const old = await readIfThere(certificatePath);
  if (old !== undefined && (await readIfThere(keyPath)) === undefined) {
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
        `${certificatePath} was not signed by ${authority.name}: remove it to have a new one signed`,
      );
    }
    const isCovering = (leaf.names ?? []).every((name) => coversName(read, name));
    if (isCovering && daysLeft(read, clock.now()) >= Math.min(RENEW_DAYS, daysLeft(issuer, clock.now()))) {
      return { certificate: old, key };
    }
  }
  const certificate = await signLeaf(authority, leaf, key, { nowMs: clock.now(), days: LEAF_DAYS }, random);
  await writePkiFile(certificatePath, certificate, { mode: 0o644 });
  return { certificate, key };
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
