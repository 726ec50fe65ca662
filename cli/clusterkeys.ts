/**
 * Where a cluster's authority and token keys are: in the data directory when its store is one machine's, in the store
 * itself when servers share it, so that nothing in a server's directory matters.
 */
import { join } from 'node:path';
import { KEYS_IDENTITY, KeySecrets } from '../api/registry/access/keys/keysecrets.ts';
import type { Registry } from '../api/registry/types.ts';
import type { Clock } from '../machinery/clock.ts';
import { KeyDirectory } from '../net/keydirectory.ts';
import { takeIntoDirectory, takeIntoStore } from '../net/keymoves.ts';
import type { KeyStore } from '../net/keystore.ts';
import { TokenAuthority } from '../net/tokens.ts';

/** Where a data directory has its keys. */
export function keysIn(home: string): string {
  return join(home, 'pki');
}

export interface ClusterKeysOptions {
  readonly home: string;
  /** Whether other servers may use the store: `Store.isShared`. */
  readonly isShared: boolean;
  /** Asked for when the keys are used, which begins with `open`: a registry needs `tokens` before it is there. */
  readonly registry: () => Pick<Registry, 'as'>;
  readonly clock: Clock;
}

export class ClusterKeys {
  /** Where they are. */
  readonly keys: KeyStore;
  /** Not usable before `open`. */
  readonly tokens: TokenAuthority;
  readonly #isShared: boolean;
  readonly #directory: KeyDirectory;
  readonly #secrets: KeySecrets;

  constructor({ home, isShared, registry, clock }: ClusterKeysOptions) {
    this.#isShared = isShared;
    this.#directory = new KeyDirectory(keysIn(home));
    this.#secrets = new KeySecrets(() => registry().as(KEYS_IDENTITY));
    this.keys = isShared ? this.#secrets : this.#directory;
    this.tokens = new TokenAuthority({ keys: this.keys, clock });
  }

  /** Takes in what the data brought from where it was before. Rejects with `PkiError` or `TokenError`. */
  async open(): Promise<void> {
    if (this.#isShared) await takeIntoStore(this.#directory, this.#secrets);
    else await takeIntoDirectory(this.#secrets, this.#directory);
    await this.tokens.open();
  }
}
