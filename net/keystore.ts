/**
 * `KeyStore`: where a cluster's own keys are kept, whatever that is: a directory of one machine (`keydirectory.ts`), or
 * Secrets in the store that several servers share.
 *
 * Promises: what was kept is there for everybody who uses the same place; of several who keep an authority at once all
 * get the same one; adding never loses what somebody else adds at the same moment. Rejects with `PkiError`.
 */
import type { Credentials } from './certificates.ts';

/** What is wrong with what is kept, in one sentence that names the place. */
export class PkiError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PkiError';
  }
}

/** As it is found: a crash, or a hand, may have left half of it. PEM, both. */
export interface KeptAuthority {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface TokenRecords {
  /** PEM by name, `token-` and 17 digits of UTC time: the one with the last name signs. */
  readonly keys: ReadonlyMap<string, string>;
  /** When revoked tokens would have ended, Unix time in seconds, by their ids. */
  readonly revoked: ReadonlyMap<string, number>;
}

export interface KeyStore {
  /** What messages call it, such as `directory /srv/.gantry/pki`. */
  readonly place: string;
  /** What messages call the authority's two parts. */
  readonly authorityNames: { readonly certificate: string; readonly key: string };
  authority(): Promise<KeptAuthority>;
  /** Resolves to the authority that is kept from now on: another one, when somebody was faster. */
  keepAuthority(made: Credentials): Promise<Credentials>;
  /** `current` has everything kept before the call; `recent` is cheap, and behind by seconds at most. */
  tokens(how: 'current' | 'recent'): Promise<TokenRecords>;
  /** Rejects when the name is taken. */
  addTokenKey(name: string, key: string): Promise<void>;
  /** Content when it is gone already; so is `forgetRevoked`. */
  removeTokenKey(name: string): Promise<void>;
  addRevoked(id: string, expiresAt: number): Promise<void>;
  forgetRevoked(id: string): Promise<void>;
}

const KEY_NAME = /^token-(\d{17})$/;

export function isTokenKeyName(name: string): boolean {
  return KEY_NAME.test(name);
}

export function tokenKeyName(madeAtMs: number): string {
  return `token-${new Date(madeAtMs).toISOString().replaceAll(/\D/g, '')}`;
}

/** `token-20260131120000123` -> milliseconds; undefined for another name. */
export function tokenKeyMadeAtMs(name: string): number | undefined {
  const digits = KEY_NAME.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const [, date = '', time = '', ms = ''] = /^(\d{8})(\d{6})(\d{3})$/.exec(digits) ?? [];
  return Date.parse(
    `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}.${ms}Z`,
  );
}
