/**
 * `gantry token`: makes, ends and re-keys bearer tokens with the keys of a data directory, on the machine that has it.
 * No server needs to run; one that does sees every change within a second. Whoever can read the keys can be anybody,
 * so nothing more is asked than that.
 */
import { resolve } from 'node:path';
import { parseDurationMs } from '../../machinery/duration.ts';
import { KeyDirectory } from '../../net/keydirectory.ts';
import { MAX_TOKEN_SECONDS, TOKEN_AUDIENCE, TokenAuthority } from '../../net/tokens.ts';
import { keysIn } from '../access.ts';
import { resolveHome } from '../config.ts';
import { CommandError, type Io } from '../io.ts';

export interface TokenFlags {
  readonly home?: string;
}

export interface TokenCreateFlags extends TokenFlags {
  readonly user: string;
  readonly group?: readonly string[];
  readonly ttl: string;
  readonly audience?: readonly string[];
}

/** A service account's tokens are bound to its object, which only the server knows. */
const SERVICE_ACCOUNT = 'system:serviceaccount:';
const LEAST_MS = 1_000;

/** Rejects with `CommandError` or `TokenError`. */
export async function runTokenCreate(flags: TokenCreateFlags, io: Io): Promise<void> {
  const { user, group = [], ttl, audience = [TOKEN_AUDIENCE] } = flags;
  const lifetimeMs = parseDurationMs(ttl);
  if (lifetimeMs === undefined || lifetimeMs < LEAST_MS || lifetimeMs > MAX_TOKEN_SECONDS * 1000) {
    throw new CommandError(
      `--ttl: found "${ttl}", wanted a duration from 1s to ${MAX_TOKEN_SECONDS / 3600}h, such as 12h`,
    );
  }
  if (user === '') throw new CommandError('--user wants a name');
  if (user.startsWith(SERVICE_ACCOUNT)) {
    throw new CommandError(
      `--user: "${user}" is a service account; its tokens are made by the server: kubectl create token NAME -n NAMESPACE`,
    );
  }
  const authority = await openAuthority(flags, io);
  const signed = await authority.sign(
    { user, groups: group, audiences: audience },
    Math.floor(lifetimeMs / 1000),
  );
  const end = new Date(signed.expiresAt * 1000).toISOString();
  await io.stderr.write(`token ${signed.id} of user ${user}, good until ${end}\n`);
  await io.stdout.write(`${signed.token}\n`);
}

/** Takes the token itself: only what these keys signed can be ended here. */
export async function runTokenRevoke(text: string, flags: TokenFlags, io: Io): Promise<void> {
  const authority = await openAuthority(flags, io);
  const { id, user, expiresAt } = await authority.inspect(text);
  await authority.revoke(id, expiresAt);
  await io.stdout.write(`token ${id} of user ${user} is revoked\n`);
}

export async function runTokenRotate(flags: TokenFlags, io: Io): Promise<void> {
  const authority = await openAuthority(flags, io);
  await io.stdout.write(`tokens are signed with key ${await authority.rotate()} from now on\n`);
}

async function openAuthority({ home }: TokenFlags, io: Io): Promise<TokenAuthority> {
  const directory = home === undefined ? await resolveHome(io) : resolve(io.directory, home);
  const authority = new TokenAuthority({ keys: new KeyDirectory(keysIn(directory)), clock: io.clock });
  await authority.open();
  return authority;
}
