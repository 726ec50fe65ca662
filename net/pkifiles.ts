/** The files of a pki directory: read or absent, written whole, private keys readable by their owner only. */
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { newKey, readPrivateKey } from './certificates.ts';
import { PkiError } from './keystore.ts';

/** All of these reject with `PkiError` naming the file. */
export async function makePkiDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new PkiError(`cannot make the directory ${directory}: ${fileProblem(error)}`, { cause: error });
  }
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new PkiError(`cannot read ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

export async function writePkiFile(
  path: string,
  content: string,
  options: { readonly mode: number; readonly exclusive?: boolean },
): Promise<void> {
  try {
    await writeDurably(path, content, options);
  } catch (error) {
    throw new PkiError(`cannot write ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

/** The key at the path, undefined if absent; its permissions are put right. */
export async function readKey(path: string): Promise<string | undefined> {
  const key = await readIfThere(path);
  if (key === undefined) return undefined;
  checkKey(path, key);
  await keepToOwner(path);
  return key;
}

/** The same, made if absent. */
export async function openKey(path: string): Promise<string> {
  const old = await readKey(path);
  if (old !== undefined) return old;
  const key = await newKey();
  await writePkiFile(path, key, { mode: 0o600, exclusive: true });
  return key;
}

/** @param name what the message calls it. */
export function checkKey(name: string, key: string): void {
  try {
    readPrivateKey(key);
  } catch (error) {
    throw new PkiError(`${name} is not a private key (${messageOf(error)}): put the right one back`, {
      cause: error,
    });
  }
}

/** Takes away what others may do with a file that only its owner should read. */
export async function keepToOwner(path: string): Promise<void> {
  try {
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  } catch (error) {
    throw new PkiError(`${path} can be read by others, and that cannot be changed: ${fileProblem(error)}`, {
      cause: error,
    });
  }
}
