/**
 * Signed bearer tokens: JSON Web Tokens signed with ES256 by a key of the cluster's `KeyStore`, with an issuer, an
 * audience and an end.
 *
 * Promises: the newest key signs and every key there verifies, so a rotation invalidates nothing; keys and revocations
 * that appear there while a server runs are believed within a second of their being told; a token that was revoked, has
 * ended, is for another audience or was changed in one bit proves nothing.
 * Source: RFC 7519 (JWT), RFC 7638 (key ids); Kubernetes documentation, "Managing Service Accounts", for the claims.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, decodeProtectedHeader, errors, exportJWK, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../machinery/clock.ts';
import { messageOf } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import { type Random, systemRandom } from '../machinery/random.ts';
import { newKey, readPrivateKey } from './certificates.ts';
import { type KeyStore, PkiError, tokenKeyMadeAtMs, tokenKeyName } from './keystore.ts';

export const TOKEN_ISSUER = 'gantry';
/** Whom a token is for unless it says otherwise: this API. */
export const TOKEN_AUDIENCE = 'gantry';
/** No token lives longer, seconds: 365 days. */
export const MAX_TOKEN_SECONDS = 365 * 86_400;

const ALGORITHM = 'ES256';
const GROUPS_CLAIM = 'gantry.dev/groups';
/** As in Kubernetes, so that tools which look into tokens find what they look for. */
const BOUND_CLAIM = 'kubernetes.io';
/** The keys are looked at this often at most, milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** The same when a token names a key that is not known yet: another server may have made it a moment ago. */
const LOOK_FOR_KEY_EVERY_MS = 100;
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

/** What is wrong with a token or with the keys, in one sentence. */
export class TokenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenError';
  }
}

export interface TokenAuthorityOptions {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly random?: Random;
}

interface SigningKey {
  readonly id: string;
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export class TokenAuthority {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #random: Random;
  /** By name. */
  #keys: ReadonlyMap<string, SigningKey> = new Map();
  #revoked: ReadonlyMap<string, number> = new Map();
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** By digest, least recently used first. */
  readonly #known = new Map<string, VerifiedToken>();

  constructor(options: TokenAuthorityOptions) {
    this.#store = options.keys;
    this.#clock = options.clock;
    this.#random = options.random ?? systemRandom;
  }

  /** Rejects with `TokenError` when the keys cannot be used. Makes the first key when there is none. */
  async open(): Promise<void> {
    await this.#look('current');
    if (this.#keys.size === 0) await this.rotate();
  }

  /** From now on another key signs. Keys that no living token can have been signed with are removed. */
  async rotate(): Promise<string> {
    const nowMs = this.#clock.now();
    const key = await newKey();
    await kept(() => this.#store.addTokenKey(tokenKeyName(nowMs), key));
    await this.#look('current');
    for (const old of this.#supersededBefore(nowMs - MAX_TOKEN_SECONDS * 1000)) {
      await kept(() => this.#store.removeTokenKey(old));
    }
    await this.#look('current');
    return this.#newest().id;
  }

  /** @param lifetimeSeconds cut to `MAX_TOKEN_SECONDS`. */
  async sign(claims: Omit<TokenClaims, 'expiresAt'>, lifetimeSeconds: number): Promise<SignedToken> {
    await this.#lookNow();
    const key = this.#newest();
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    const expiresAt = this.endOf(lifetimeSeconds);
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

  /** When a token signed now would end, Unix time in seconds. */
  endOf(lifetimeSeconds: number): number {
    return Math.floor(this.#clock.now() / 1000) + Math.min(lifetimeSeconds, MAX_TOKEN_SECONDS);
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

  /** The token proves nothing from now on, here, and within seconds wherever these keys are used. */
  async revoke(id: string, expiresAt: number): Promise<void> {
    await kept(() => this.#store.addRevoked(id, expiresAt));
    await this.#look('current');
    const nowSeconds = this.#clock.now() / 1000;
    for (const [old, end] of this.#revoked) {
      if (end <= nowSeconds) await kept(() => this.#store.forgetRevoked(old));
    }
  }

  async #verifySignature(token: string): Promise<VerifiedToken> {
    try {
      const { payload } = await jwtVerify(token, async ({ kid }) => this.#publicKey(kid), {
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

  async #publicKey(id: string | undefined): Promise<KeyObject> {
    if (this.#keyOf(id) === undefined) await this.#lookAfter(LOOK_FOR_KEY_EVERY_MS);
    const key = this.#keyOf(id);
    if (key === undefined) throw new TokenError('it was signed with a key that is not known here');
    return key.publicKey;
  }

  #keyOf(id: string | undefined): SigningKey | undefined {
    return [...this.#keys.values()].find((candidate) => candidate.id === id);
  }

  #newest(): SigningKey {
    const name = [...this.#keys.keys()].sort().at(-1);
    const key = name === undefined ? undefined : this.#keys.get(name);
    if (key === undefined) throw new TokenError(`there is no token key in ${this.#store.place}`);
    return key;
  }

  /** Names of keys that another one took over from before the moment. */
  #supersededBefore(ms: number): string[] {
    const names = [...this.#keys.keys()].sort();
    return names.filter((_name, index) => {
      const madeAtMs = tokenKeyMadeAtMs(names[index + 1] ?? '');
      return madeAtMs !== undefined && madeAtMs < ms;
    });
  }

  #lookNow(): Promise<void> {
    return this.#lookAfter(LOOK_EVERY_MS);
  }

  /** Looks unless somebody did less than so long ago. */
  async #lookAfter(ms: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs < ms) return;
    this.#lookedAtMs = nowMs;
    await this.#look('recent');
  }

  async #look(how: 'current' | 'recent'): Promise<void> {
    const records = await kept(() => this.#store.tokens(how));
    const keys = new Map<string, SigningKey>();
    for (const [name, pem] of records.keys) {
      const known = this.#keys.get(name);
      keys.set(name, known?.pem === pem ? known : await readKey(name, pem, this.#store.place));
    }
    // A key that was taken away believes nothing any more, nor does what was believed because of it.
    if ([...this.#keys].some(([name, { pem }]) => keys.get(name)?.pem !== pem)) this.#known.clear();
    this.#keys = keys;
    this.#revoked = records.revoked;
  }
}

/** Problems of the place are problems of the tokens in it. */
async function kept<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PkiError) throw new TokenError(error.message, { cause: error });
    throw error;
  }
}

async function readKey(name: string, pem: string, place: string): Promise<SigningKey> {
  try {
    const privateKey = readPrivateKey(pem);
    const publicKey = createPublicKey(privateKey);
    return { id: await calculateJwkThumbprint(await exportJWK(publicKey)), pem, privateKey, publicKey };
  } catch (error) {
    throw new TokenError(
      `${name} in ${place} is not a key (${messageOf(error)}): put the right one back, or remove it to give up the tokens it signed`,
      { cause: error },
    );
  }
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
