/**
 * Signed bearer tokens: JSON Web Tokens signed with ES256 by a key in the pki directory, with an issuer, an audience
 * and an end.
 *
 * Promises: the newest key signs and every key there verifies, so a rotation invalidates nothing; keys and revocations
 * that appear in the directory while a server runs are believed within a second; a token that was revoked, has ended,
 * is for another audience or was changed in one bit proves nothing.
 * Source: RFC 7519 (JWT), RFC 7638 (key ids); Kubernetes documentation, "Managing Service Accounts", for the claims.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, decodeProtectedHeader, errors, exportJWK, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../machinery/clock.ts';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import { type Random, systemRandom } from '../machinery/random.ts';
import { newKey, readPrivateKey } from './certificates.ts';

export const TOKEN_ISSUER = 'gantry';
/** Whom a token is for unless it says otherwise: this API. */
export const TOKEN_AUDIENCE = 'gantry';
/** No token lives longer, seconds: 365 days. */
export const MAX_TOKEN_SECONDS = 365 * 86_400;

const ALGORITHM = 'ES256';
const KEY_FILE = /^token-(\d{17})\.key$/;
const REVOKED_FILE = 'tokens-revoked';
const GROUPS_CLAIM = 'gantry.dev/groups';
/** As in Kubernetes, so that tools which look into tokens find what they look for. */
const BOUND_CLAIM = 'kubernetes.io';
/** The directory is looked at this often at most, milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** Tokens whose signature was checked, kept so that it is not checked for every request. */
const MAX_KNOWN = 4_096;

export interface ObjectRef {
  readonly name: string;
  readonly uid: string;
}

/** The objects a token is bound to: it proves nothing once one of them is gone. */
export interface TokenBinding {
  readonly namespace: string;
  readonly serviceAccount: ObjectRef;
  readonly secret?: ObjectRef;
}

export interface TokenClaims {
  readonly user: string;
  readonly groups: readonly string[];
  readonly audiences: readonly string[];
  /** Unix time, seconds. */
  readonly expiresAt: number;
  readonly bound?: TokenBinding;
}

export interface VerifiedToken extends TokenClaims {
  /** What a revocation names. */
  readonly id: string;
}

export interface SignedToken {
  readonly token: string;
  readonly id: string;
  readonly expiresAt: number;
}

/** What is wrong with a token or with the directory, in one sentence. */
export class TokenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenError';
  }
}

export interface TokenAuthorityOptions {
  /** The pki directory; made if absent, readable by its owner only. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random?: Random;
}

interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export class TokenAuthority {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #random: Random;
  /** By file name. */
  #keys = new Map<string, SigningKey>();
  #revoked = new Map<string, number>();
  #revokedStamp = '';
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** By digest, least recently used first. */
  readonly #known = new Map<string, VerifiedToken>();

  constructor(options: TokenAuthorityOptions) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#random = options.random ?? systemRandom;
  }

  /** Rejects with `TokenError` when the directory cannot be used. Makes the first key when there is none. */
  async open(): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new TokenError(`cannot make the directory ${this.#directory}: ${fileProblem(error)}`, {
        cause: error,
      });
    }
    await this.#look();
    if (this.#keys.size === 0) await this.rotate();
  }

  /** From now on another key signs. Keys that no living token can have been signed with are removed. */
  async rotate(): Promise<string> {
    const nowMs = this.#clock.now();
    const name = `token-${new Date(nowMs).toISOString().replaceAll(/\D/g, '')}.key`;
    const path = join(this.#directory, name);
    try {
      await writeDurably(path, await newKey(), { mode: 0o600, exclusive: true });
    } catch (error) {
      throw new TokenError(`cannot write ${path}: ${fileProblem(error)}`, { cause: error });
    }
    await this.#look();
    for (const old of this.#supersededBefore(nowMs - MAX_TOKEN_SECONDS * 1000)) {
      await rm(join(this.#directory, old), { force: true });
      this.#keys.delete(old);
    }
    return this.#newest().id;
  }

  /** @param lifetimeSeconds cut to `MAX_TOKEN_SECONDS`. */
  async sign(claims: Omit<TokenClaims, 'expiresAt'>, lifetimeSeconds: number): Promise<SignedToken> {
    await this.#lookNow();
    const key = this.#newest();
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    const expiresAt = issuedAt + Math.min(lifetimeSeconds, MAX_TOKEN_SECONDS);
    const id = this.#random.uuid();
    const { user, groups, audiences, bound } = claims;
    const token = await new SignJWT({
      ...(groups.length === 0 ? {} : { [GROUPS_CLAIM]: [...groups] }),
      ...(bound === undefined
        ? {}
        : {
            [BOUND_CLAIM]: {
              namespace: bound.namespace,
              serviceaccount: bound.serviceAccount,
              ...(bound.secret === undefined ? {} : { secret: bound.secret }),
            },
          }),
    })
      .setProtectedHeader({ alg: ALGORITHM, kid: key.id })
      .setIssuer(TOKEN_ISSUER)
      .setSubject(user)
      .setAudience([...audiences])
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(id)
      .sign(key.privateKey);
    return { token, id, expiresAt };
  }

  /** Rejects with `TokenError` saying why the token proves nothing. */
  async verify(token: string, audiences: readonly string[] = [TOKEN_AUDIENCE]): Promise<VerifiedToken> {
    await this.#lookNow();
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    const verified = known ?? (await this.#verifySignature(token));
    this.#known.delete(digest);
    if (verified.expiresAt * 1000 <= this.#clock.now()) throw new TokenError('the token has expired');
    if (this.#revoked.has(verified.id)) throw new TokenError('the token has been revoked');
    this.#known.set(digest, verified);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    if (!verified.audiences.some((audience) => audiences.includes(audience))) {
      throw new TokenError(
        `token audiences ${JSON.stringify(verified.audiences)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
      );
    }
    return verified;
  }

  /** What a token says that a key of ours signed, whomever it is for. Rejects with `TokenError`. */
  async inspect(token: string): Promise<VerifiedToken> {
    await this.#lookNow();
    return this.#verifySignature(token);
  }

  /** Whether the text is a token of ours at all, so that others can look at it before it is refused. */
  isOurs(token: string): boolean {
    try {
      const { alg, kid } = decodeProtectedHeader(token);
      return alg === ALGORITHM && kid !== undefined;
    } catch {
      // Not a JSON Web Token: some other kind of token, for somebody else to judge.
      return false;
    }
  }

  /** The token proves nothing from now on, here, and within a second wherever this directory is used. */
  async revoke(id: string, expiresAt: number): Promise<void> {
    await this.#look();
    const nowSeconds = this.#clock.now() / 1000;
    const kept = [...this.#revoked].filter(([, end]) => end > nowSeconds);
    const lines = [...kept, [id, expiresAt] as const].map(([one, end]) => `${one} ${end}\n`);
    const path = join(this.#directory, REVOKED_FILE);
    try {
      await writeDurably(path, lines.join(''), { mode: 0o600 });
    } catch (error) {
      throw new TokenError(`cannot write ${path}: ${fileProblem(error)}`, { cause: error });
    }
    await this.#look();
  }

  async #verifySignature(token: string): Promise<VerifiedToken> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#publicKey(kid), {
        algorithms: [ALGORITHM],
        issuer: TOKEN_ISSUER,
        requiredClaims: ['sub', 'aud', 'exp', 'jti'],
        currentDate: new Date(this.#clock.now()),
      });
      const { sub = '', aud = [], exp = 0, jti = '' } = payload;
      const bound = readBound(payload[BOUND_CLAIM]);
      return {
        id: jti,
        user: sub,
        groups: strings(payload[GROUPS_CLAIM]),
        audiences: [aud].flat(),
        expiresAt: exp,
        ...(bound === undefined ? {} : { bound }),
      };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenError('the token has expired', { cause: error });
      throw new TokenError(`the token is not valid: ${messageOf(error)}`, { cause: error });
    }
  }

  #publicKey(id: string | undefined): KeyObject {
    const key = [...this.#keys.values()].find((candidate) => candidate.id === id);
    if (key === undefined) throw new TokenError('it was signed with a key that is not known here');
    return key.publicKey;
  }

  #newest(): SigningKey {
    const name = [...this.#keys.keys()].sort().at(-1);
    const key = name === undefined ? undefined : this.#keys.get(name);
    if (key === undefined) throw new TokenError(`there is no token key in ${this.#directory}`);
    return key;
  }

  /** Names of keys that another one took over from before the moment. */
  #supersededBefore(ms: number): string[] {
    const names = [...this.#keys.keys()].sort();
    return names.filter((_name, index) => {
      const digits = KEY_FILE.exec(names[index + 1] ?? '')?.[1];
      return digits !== undefined && madeAtMs(digits) < ms;
    });
  }

  /** Looks unless somebody did a moment ago. */
  async #lookNow(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    await this.#look();
  }

  async #look(): Promise<void> {
    try {
      const names = (await readdir(this.#directory)).filter((name) => KEY_FILE.test(name));
      const keys = new Map<string, SigningKey>();
      for (const name of names) {
        keys.set(name, this.#keys.get(name) ?? (await readKey(join(this.#directory, name))));
      }
      // A key that was taken away believes nothing any more, nor does what was believed because of it.
      if ([...this.#keys.keys()].some((name) => !keys.has(name))) this.#known.clear();
      this.#keys = keys;
      await this.#readRevoked();
    } catch (error) {
      if (error instanceof TokenError) throw error;
      throw new TokenError(`cannot read ${this.#directory}: ${fileProblem(error)}`, { cause: error });
    }
  }

  async #readRevoked(): Promise<void> {
    const path = join(this.#directory, REVOKED_FILE);
    const found = await stat(path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    });
    const stamp = found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`;
    if (stamp === this.#revokedStamp) return;
    const text = found === undefined ? '' : await readFile(path, 'utf8');
    this.#revoked = new Map(
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [id = '', end = ''] = line.split(' ');
          return [id, Number(end)];
        }),
    );
    this.#revokedStamp = stamp;
  }
}

async function readKey(path: string): Promise<SigningKey> {
  const text = await readFile(path, 'utf8');
  try {
    const privateKey = readPrivateKey(text);
    const publicKey = createPublicKey(privateKey);
    return { id: await calculateJwkThumbprint(await exportJWK(publicKey)), privateKey, publicKey };
  } catch (error) {
    throw new TokenError(
      `${path} is not a key (${messageOf(error)}): put the right one back, or remove it to give up the tokens it signed`,
      { cause: error },
    );
  }
}

/** `20260131120000123` -> milliseconds. */
function madeAtMs(digits: string): number {
  const [, date = '', time = '', ms = ''] = /^(\d{8})(\d{6})(\d{3})$/.exec(digits) ?? [];
  const iso = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}.${ms}Z`;
  return Date.parse(iso);
}

function readBound(claim: unknown): TokenBinding | undefined {
  if (!isRecord(claim)) return undefined;
  const serviceAccount = readRef(claim['serviceaccount']);
  const secret = readRef(claim['secret']);
  const { namespace } = claim;
  // Half a binding must not count as none: that token would outlive what it is bound to.
  if (typeof namespace !== 'string' || serviceAccount === undefined) {
    throw new TokenError('it is bound to something, but does not say to what');
  }
  return { namespace, serviceAccount, ...(secret === undefined ? {} : { secret }) };
}

function readRef(value: unknown): ObjectRef | undefined {
  if (!isRecord(value)) return undefined;
  const { name, uid } = value;
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
