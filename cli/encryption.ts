/** The key file of a cluster: which values of the store are encrypted, and with which keys. */
import { readFile } from 'node:fs/promises';
import { fileProblem } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { type Encryption, KeyRing } from '../store/encryption.ts';
import { CommandError } from './io.ts';
import { ENCRYPTED_PREFIXES } from './storeprefixes.ts';

/** Undefined where there is no such file. Rejects with `CommandError` for one that is not a key file, or not readable. */
export async function readEncryption(keyFile: string): Promise<Encryption | undefined> {
  let text: string;
  try {
    text = await readFile(keyFile, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CommandError(`cannot read the key file ${keyFile}: ${fileProblem(error)}`, { cause: error });
  }
  try {
    return { keys: KeyRing.parse(text), prefixes: ENCRYPTED_PREFIXES, keyFile };
  } catch (error) {
    throw new CommandError(`${keyFile} is not a key file: ${messageOf(error)}`, { cause: error });
  }
}
