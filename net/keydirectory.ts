/**
 * The `KeyStore` of one machine: files in its pki directory.
 *
 *     ca.crt, ca.key       the authority
 *     token-<time>.key     keys that sign tokens
 *     revoked/<id>.<end>   revoked tokens, an empty file each: two processes that revoke at once lose nothing
 *     tokens-revoked       those of earlier releases, a line each; read, and not written any more
 *
 * A crash at any point leaves a directory that the next call completes: the authority's key is written before its
 * certificate, and neither is ever replaced.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblem } from '../machinery/durablefile.ts';
import type { Credentials } from './certificates.ts';
import {
  isTokenKeyName,
  type KeptAuthority,
  type KeyStore,
  PkiError,
  type TokenRecords,
} from './keystore.ts';
import { makePkiDirectory, readIfThere, readKey, writePkiFile } from './pkifiles.ts';

const KEY_SUFFIX = '.key';
const REVOKED_DIRECTORY = 'revoked';
const OLD_REVOKED_FILE = 'tokens-revoked';
const REVOKED_ENTRY = /^([\w-]{1,128})\.(\d{1,15})$/;

export class KeyDirectory implements KeyStore {
  readonly place: string;
  readonly authorityNames: KeyStore['authorityNames'];
  readonly #directory: string;
  /** Keys never change under their names. */
  readonly #known = new Map<string, string>();

  /** @param directory made when something is kept in it, readable by its owner only. */
  constructor(directory: string) {
    this.#directory = directory;
    this.place = `directory ${directory}`;
    this.authorityNames = { certificate: join(directory, 'ca.crt'), key: join(directory, 'ca.key') };
  }

  async authority(): Promise<KeptAuthority> {
    const { certificate, key } = this.authorityNames;
    return { certificate: await readIfThere(certificate), key: await readKey(key) };
  }

  async keepAuthority(made: Credentials): Promise<Credentials> {
    await makePkiDirectory(this.#directory);
    const { certificate, key } = this.authorityNames;
    if ((await readKey(key)) !== made.key)
      await writePkiFile(key, made.key, { mode: 0o600, exclusive: true });
    await writePkiFile(certificate, made.certificate, { mode: 0o644, exclusive: true });
    return made;
  }

  async tokens(): Promise<TokenRecords> {
    const keys = new Map<string, string>();
    for (const file of await namesIn(this.#directory)) {
      const name = file.endsWith(KEY_SUFFIX) ? file.slice(0, -KEY_SUFFIX.length) : '';
      if (!isTokenKeyName(name)) continue;
      const key = this.#known.get(name) ?? (await readIfThere(join(this.#directory, file)));
      if (key !== undefined) keys.set(name, key);
    }
    this.#known.clear();
    for (const [name, key] of keys) this.#known.set(name, key);
    return { keys, revoked: await this.#revoked() };
  }

  async addTokenKey(name: string, key: string): Promise<void> {
    await makePkiDirectory(this.#directory);
    await writePkiFile(join(this.#directory, name + KEY_SUFFIX), key, { mode: 0o600, exclusive: true });
  }

  removeTokenKey(name: string): Promise<void> {
    return remove(join(this.#directory, name + KEY_SUFFIX));
  }

  async addRevoked(id: string, expiresAt: number): Promise<void> {
    const entry = `${id}.${expiresAt}`;
    if (!REVOKED_ENTRY.test(entry)) throw new PkiError(`a token cannot have the id "${id}"`);
    const directory = join(this.#directory, REVOKED_DIRECTORY);
    await makePkiDirectory(this.#directory);
    try {
      await mkdir(directory, { mode: 0o700, recursive: true });
    } catch (error) {
      throw new PkiError(`cannot make the directory ${directory}: ${fileProblem(error)}`, { cause: error });
    }
    await writePkiFile(join(directory, entry), '', { mode: 0o600 });
  }

  async forgetRevoked(id: string): Promise<void> {
    const directory = join(this.#directory, REVOKED_DIRECTORY);
    for (const entry of await namesIn(directory)) {
      if (REVOKED_ENTRY.exec(entry)?.[1] === id) await remove(join(directory, entry));
    }
  }

  async #revoked(): Promise<ReadonlyMap<string, number>> {
    const revoked = new Map<string, number>();
    const old = (await readIfThere(join(this.#directory, OLD_REVOKED_FILE))) ?? '';
    for (const line of old.split('\n')) {
      const [id = '', end = ''] = line.split(' ');
      if (id !== '') revoked.set(id, Number(end));
    }
    for (const entry of await namesIn(join(this.#directory, REVOKED_DIRECTORY))) {
      const [, id, end] = REVOKED_ENTRY.exec(entry) ?? [];
      if (id !== undefined) revoked.set(id, Number(end));
    }
    return revoked;
  }
}

/** None when there is no such directory. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new PkiError(`cannot read ${directory}: ${fileProblem(error)}`, { cause: error });
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw new PkiError(`cannot remove ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
