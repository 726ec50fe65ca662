/**
 * `gantry certificate`: makes client certificates with the cluster's keys, as `gantry token` makes tokens: those of a data
 * directory, or those in a store that servers share. No server needs to run. Whoever can read the keys can be anybody, so
 * nothing more is asked than that. A certificate cannot be taken back before its time: who wants that takes tokens.
 */
import { join, resolve } from 'node:path';
import { parseDurationMs } from '../../machinery/duration.ts';
import { readCertificate } from '../../net/certificates.ts';
import { KeyDirectory } from '../../net/keydirectory.ts';
import type { KeyStore } from '../../net/keystore.ts';
import { signClient } from '../../net/pki.ts';
import { makePkiDirectory, openKey, writePkiFile } from '../../net/pkifiles.ts';
import { CommandError, type Io } from '../io.ts';
import { type KeyFlags, whereKeysAre } from '../keyplace.ts';

export interface CertificateCreateFlags {
  readonly user: string;
  readonly group?: readonly string[];
  readonly ttl: string;
  readonly out: string;
}

const SERVICE_ACCOUNT = 'system:serviceaccount:';
const LEAST_MS = 60_000;
const MOST_MS = 365 * 86_400_000;
/** RFC 5280, upper bounds of names. */
const LONGEST_NAME = 64;

/** Rejects with `CommandError` or `PkiError`. */
export async function runCertificateCreate(
  { user, group = [], ttl, out }: CertificateCreateFlags,
  where: KeyFlags,
  io: Io,
): Promise<void> {
  const lifetimeMs = parseDurationMs(ttl);
  if (lifetimeMs === undefined || lifetimeMs < LEAST_MS || lifetimeMs > MOST_MS) {
    throw new CommandError(`--ttl: found "${ttl}", wanted a duration from 1m to 365d, such as 30d`);
  }
  checkName('--user', user);
  for (const name of group) checkName('--group', name);
  if (user.startsWith(SERVICE_ACCOUNT)) {
    throw new CommandError(
      `--user: "${user}" is a service account, which proves itself with tokens: kubectl create token NAME -n NAMESPACE`,
    );
  }
  const directory = resolve(io.directory, out);
  const file = (name: string): string => join(directory, name);
  await makePkiDirectory(directory);
  // As with every renewal: a key that is there is kept.
  const key = await openKey(file('client.key'));
  const signed = await withKeys(where, io, (keys) =>
    signClient({ keys, clock: io.clock }, { user, groups: group, lifetimeMs }, key),
  );
  await writePkiFile(file('ca.crt'), signed.authority, { mode: 0o644 });
  await writePkiFile(file('client.crt'), signed.certificate, { mode: 0o644 });
  const end = readCertificate(signed.certificate).validToDate.toISOString();
  await io.stdout.write(`client.crt of user ${user} in ${directory}, good until ${end}\n`);
}

function checkName(flag: string, name: string): void {
  if (name === '') throw new CommandError(`${flag} wants a name`);
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (name.length <= LONGEST_NAME && !/[\u0000-\u001f\u007f]/.test(name)) return;
  throw new CommandError(
    `${flag}: found ${JSON.stringify(name)}, wanted at most ${LONGEST_NAME} characters that can be printed`,
  );
}

function withKeys<T>(where: KeyFlags, io: Io, work: (keys: KeyStore) => Promise<T>): Promise<T> {
  return whereKeysAre(where, io, {
    inStore: ({ keys }) => work(keys),
    async inDirectory(directory) {
      await makePkiDirectory(directory);
      return work(new KeyDirectory(directory));
    },
  });
}
