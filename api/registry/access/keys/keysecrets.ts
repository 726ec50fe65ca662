/**
 * The `KeyStore` of servers that share a store: Secrets of the namespace gantry-system, one for each thing kept.
 *
 *     gantry-authority             gantry.dev/authority          tls.crt, tls.key; protected from deletion
 *     gantry-token-<time>          gantry.dev/token-key          tls.key
 *     gantry-revoked-<token id>    gantry.dev/token-revocation   expires: Unix time in seconds
 *
 * They are made and never changed, so that servers which start or act at once need agree on names alone. The present is
 * read from the store, the recent past from the watch cache, which every server's store feeds. `keyaccess.ts` keeps them
 * from whoever is no administrator.
 */
import type { Client } from '../../../../machinery/client.ts';
import { isApiError, messageOf } from '../../../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../../../machinery/identity.ts';
import { ANNOTATION_PROTECT, NAMESPACE_SYSTEM } from '../../../../machinery/labels.ts';
import type { Credentials } from '../../../../net/certificates.ts';
import {
  isTokenKeyName,
  type KeptAuthority,
  type KeyStore,
  PkiError,
  type TokenRecords,
} from '../../../../net/keystore.ts';
import { secrets } from '../../../../schemas/kinds.ts';
import type { Secret } from '../../../../schemas/types.gen.ts';
import { KEY_TYPES } from './keyaccess.ts';

/** Whom a client for these must be of. */
export const KEYS_IDENTITY: Identity = { name: 'system:keys', groups: [GROUP_MASTERS] };

const NAMESPACE = NAMESPACE_SYSTEM;
const LABEL_KEYS = 'gantry.dev/keys';
const PREFIX = 'gantry-';
const REVOKED_PREFIX = 'gantry-revoked-';
const AUTHORITY = 'gantry-authority';
const CERTIFICATE = 'tls.crt';
const KEY = 'tls.key';
const EXPIRES = 'expires';

export class KeySecrets implements KeyStore {
  readonly place = `Secrets of namespace ${NAMESPACE}`;
  readonly authorityNames = {
    certificate: `${CERTIFICATE} of Secret ${NAMESPACE}/${AUTHORITY}`,
    key: `${KEY} of Secret ${NAMESPACE}/${AUTHORITY}`,
  };
  readonly #client: () => Client;

  /** @param client of `KEYS_IDENTITY`; asked for with every call. */
  constructor(client: () => Client) {
    this.#client = client;
  }

  async authority(): Promise<KeptAuthority> {
    const found = await this.#find(AUTHORITY);
    // Of this name alone it could be anybody's who may write Secrets: the type is what only members of system:masters give.
    const secret = found?.type === KEY_TYPES.authority ? found : undefined;
    return { certificate: dataOf(secret, CERTIFICATE), key: dataOf(secret, KEY) };
  }

  async keepAuthority(made: Credentials): Promise<Credentials> {
    const data = { [CERTIFICATE]: made.certificate, [KEY]: made.key };
    const isMade = await this.#create(AUTHORITY, KEY_TYPES.authority, data, { [ANNOTATION_PROTECT]: 'true' });
    if (isMade) return made;
    const { certificate, key } = await this.authority();
    if (certificate === undefined || key === undefined) {
      throw new PkiError(
        `Secret ${NAMESPACE}/${AUTHORITY} is there but holds no authority: delete it to have one made`,
      );
    }
    return { certificate, key };
  }

  /** Takes the authority away: what is left are keys and revocations without one. */
  async removeAuthority(): Promise<void> {
    const body = { metadata: { annotations: { [ANNOTATION_PROTECT]: null } } };
    const key = { namespace: NAMESPACE, name: AUTHORITY };
    await told(`cannot remove Secret ${NAMESPACE}/${AUTHORITY}`, async () => {
      try {
        await this.#client().patch(secrets, key, { type: 'merge', body });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    });
    await this.#remove(AUTHORITY);
  }

  async tokens(how: 'current' | 'recent'): Promise<TokenRecords> {
    const { items } = await told(`cannot read the ${this.place}`, () =>
      this.#client().list(secrets, {
        namespace: NAMESPACE,
        labelSelector: LABEL_KEYS,
        ...(how === 'recent' ? { resourceVersion: '0' } : {}),
      }),
    );
    const keys = new Map<string, string>();
    const revoked = new Map<string, number>();
    for (const secret of items) {
      const { name } = secret.metadata;
      if (secret.type === KEY_TYPES.tokenKey && isTokenKeyName(name.slice(PREFIX.length)))
        keys.set(name.slice(PREFIX.length), dataOf(secret, KEY) ?? '');
      if (secret.type === KEY_TYPES.revocation)
        revoked.set(name.slice(REVOKED_PREFIX.length), Number(dataOf(secret, EXPIRES)));
    }
    return { keys, revoked };
  }

  async addTokenKey(name: string, key: string): Promise<void> {
    if (await this.#create(PREFIX + name, KEY_TYPES.tokenKey, { [KEY]: key })) return;
    throw new PkiError(`Secret ${NAMESPACE}/${PREFIX}${name} is there already: try again`);
  }

  removeTokenKey(name: string): Promise<void> {
    return this.#remove(PREFIX + name);
  }

  async addRevoked(id: string, expiresAt: number): Promise<void> {
    // One that is there says the same.
    await this.#create(REVOKED_PREFIX + id, KEY_TYPES.revocation, { [EXPIRES]: String(expiresAt) });
  }

  forgetRevoked(id: string): Promise<void> {
    return this.#remove(REVOKED_PREFIX + id);
  }

  /** False when the name is taken. */
  #create(
    name: string,
    type: string,
    data: Readonly<Record<string, string>>,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const secret: Secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace: NAMESPACE,
        name,
        labels: { [LABEL_KEYS]: type.replace(/^.*\//, '') },
        ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      },
      type,
      immutable: true,
      data: Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    };
    return told(`cannot keep Secret ${NAMESPACE}/${name}`, async () => {
      try {
        await this.#client().create(secrets, secret);
        return true;
      } catch (error) {
        if (isApiError(error, 'AlreadyExists')) return false;
        throw error;
      }
    });
  }

  #find(name: string): Promise<Secret | undefined> {
    return told(`cannot read Secret ${NAMESPACE}/${name}`, async () => {
      try {
        return await this.#client().get(secrets, { namespace: NAMESPACE, name });
      } catch (error) {
        if (isApiError(error, 'NotFound')) return undefined;
        throw error;
      }
    });
  }

  #remove(name: string): Promise<void> {
    return told(`cannot remove Secret ${NAMESPACE}/${name}`, async () => {
      try {
        await this.#client().delete(secrets, { namespace: NAMESPACE, name });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    });
  }
}

function dataOf(secret: Secret | undefined, key: string): string | undefined {
  const encoded = secret?.data?.[key];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
}

async function told<T>(problem: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new PkiError(`${problem}: ${messageOf(error)}`, { cause: error });
  }
}
