/**
 * The token that etcd gives for a name and a password, fetched once for all who wait for it and again when etcd does not
 * take it any more. Without a user, calls go without a token.
 *
 * Source: etcd API reference v3.4, `Authenticate`; the token travels in the metadata `token`.
 */
import { Metadata } from '@grpc/grpc-js';
import type { Log } from '../../machinery/log.ts';
import type { EtcdEndpoints } from './client.ts';
import type { Endpoint } from './endpoints.ts';
import { isServiceError } from './errors.ts';
import { authenticateMethod } from './messages.ts';

/** etcd compares passwords with bcrypt, slow by design. */
const AUTHENTICATE_MS = 3000;

interface Credentials {
  /** For calls that any member may answer from what it has. */
  readonly plain: Metadata;
  /** For those that need a leader: a member without one refuses at once instead of letting us wait. */
  readonly withLeader: Metadata;
}

function credentialsOf(token: string | undefined): Credentials {
  const plain = new Metadata();
  if (token !== undefined) plain.set('token', token);
  const withLeader = plain.clone();
  withLeader.set('hasleader', 'true');
  return { plain, withLeader };
}

export class Tokens {
  readonly #user: EtcdEndpoints['user'];
  readonly #log: Log;
  #current: Credentials | undefined;
  #pending: Promise<Credentials> | undefined;

  constructor(user: EtcdEndpoints['user'], log: Log) {
    this.#user = user;
    this.#log = log;
    if (user === undefined) this.#current = credentialsOf(undefined);
  }

  get canRenew(): boolean {
    return this.#user !== undefined;
  }

  /** Rejects as a call to this endpoint does. */
  async credentials(endpoint: Endpoint): Promise<Credentials> {
    if (this.#current !== undefined) return this.#current;
    this.#pending ??= this.#authenticate(endpoint).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** The next call asks for a new token, unless somebody has one by now. */
  forget(stale: Metadata): void {
    const { plain, withLeader } = this.#current ?? {};
    if (this.canRenew && (stale === plain || stale === withLeader)) this.#current = undefined;
  }

  /** As `forget`, for who cannot say which token was refused. */
  forgetAny(): void {
    if (this.canRenew) this.#current = undefined;
  }

  async #authenticate(endpoint: Endpoint): Promise<Credentials> {
    const { name = '', password = '' } = this.#user ?? {};
    const metadata = credentialsOf(undefined).withLeader;
    let token: string | undefined;
    try {
      token = await endpoint.ask(
        authenticateMethod,
        { name, password },
        { metadata, silenceMs: AUTHENTICATE_MS },
      );
    } catch (error) {
      if (!isServiceError(error) || !/authentication is not enabled/.test(error.details)) throw error;
      this.#log.warn(
        { user: name },
        'etcd has authentication switched off: anybody who reaches it may write',
      );
    }
    this.#current = credentialsOf(token);
    return this.#current;
  }
}
