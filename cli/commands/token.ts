/**
 * `gantry token`: makes, ends and re-keys bearer tokens with the cluster's keys: those of a data directory, on the machine
 * that has it, or those in a store that servers share, from wherever that can be opened. No server needs to run; those
 * that do see every change within seconds. Whoever can read the keys can be anybody, so nothing more is asked than that.
 */
import { parseDurationMs } from '../../machinery/duration.ts';
import { KeyDirectory } from '../../net/keydirectory.ts';
import { MAX_TOKEN_SECONDS, TOKEN_AUDIENCE, TokenAuthority } from '../../net/tokens.ts';
import { CommandError, type Io } from '../io.ts';
import { type KeyFlags, whereKeysAre } from '../keyplace.ts';

export interface TokenCreateFlags {
  readonly user: string;
  readonly group?: readonly string[];
  readonly ttl: string;
  readonly audience?: readonly string[];
}

/** A service account's tokens are bound to its object, which only the server knows. */
const SERVICE_ACCOUNT = 'system:serviceaccount:';
const LEAST_MS = 1_000;

/** Rejects with `CommandError` or `TokenError`. */
export async function runTokenCreate(flags: TokenCreateFlags, where: KeyFlags, io: Io): Promise<void> {
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
  const signed = await withAuthority(where, io, (authority) =>
    authority.sign({ user, groups: group, audiences: audience }, Math.floor(lifetimeMs / 1000)),
  );
  const end = new Date(signed.expiresAt * 1000).toISOString();
  await io.stderr.write(`token ${signed.id} of user ${user}, good until ${end}\n`);
  await io.stdout.write(`${signed.token}\n`);
}

/** Takes the token itself: only what these keys signed can be ended here. */
export async function runTokenRevoke(text: string, where: KeyFlags, io: Io): Promise<void> {
  const { id, user } = await withAuthority(where, io, async (authority) => {
    const token = await authority.inspect(text);
    await authority.revoke(token.id, token.expiresAt);
    return token;
  });
  await io.stdout.write(`token ${id} of user ${user} is revoked\n`);
}

export async function runTokenRotate(where: KeyFlags, io: Io): Promise<void> {
  const key = await withAuthority(where, io, (authority) => authority.rotate());
  await io.stdout.write(`tokens are signed with key ${key} from now on\n`);
}

function withAuthority<T>(
  where: KeyFlags,
  io: Io,
  work: (authority: TokenAuthority) => Promise<T>,
): Promise<T> {
  return whereKeysAre(where, io, {
    inStore: ({ tokens }) => work(tokens),
    async inDirectory(directory) {
      const authority = new TokenAuthority({ keys: new KeyDirectory(directory), clock: io.clock });
      await authority.open();
      return work(authority);
    },
  });
}
