/**
 * Keys that change their place with the data they belong to: from one machine's directory into a store that servers
 * share, and back into the directory of a machine that has the store for itself.
 *
 * The authority is what tells whose keys they are, so it is taken last and given up first: what a crash leaves half
 * taken is taken again.
 */
import { type KeptAuthority, type KeyStore, PkiError } from './keystore.ts';

/** A place that things can be taken out of. */
export interface EmptyableKeyStore extends KeyStore {
  removeAuthority(): Promise<void>;
}

/**
 * What the directory holds goes into the store, unless the store has an authority: then it is what counts, and must be
 * the same as the directory's, if that has one. The directory stays as it is. True when something was taken.
 */
export async function takeIntoStore(directory: KeyStore, store: KeyStore): Promise<boolean> {
  const [found, kept] = [await directory.authority(), await store.authority()];
  if (found.certificate === undefined) return false;
  if (kept.certificate !== undefined) {
    requireSame(directory, found, store, kept);
    return false;
  }
  const { certificate } = found;
  const { key } = found;
  if (key === undefined) throw missingKey(directory);
  const added = await copyTokens(directory, store);
  const winner = await store.keepAuthority({ certificate, key });
  if (winner.certificate !== certificate) {
    // Somebody else's cluster after all: it must not believe tokens of this directory.
    for (const name of added) await store.removeTokenKey(name);
    requireSame(directory, found, store, winner);
  }
  return true;
}

/** The opposite, and the store is left without: tokens are what the store says. */
export async function takeIntoDirectory(store: EmptyableKeyStore, directory: KeyStore): Promise<boolean> {
  const [found, kept] = [await store.authority(), await directory.authority()];
  const { certificate, key } = found;
  if (certificate !== undefined && key !== undefined) {
    if (kept.certificate !== undefined) requireSame(directory, kept, store, found);
    await copyTokens(store, directory);
    const wanted = (await store.tokens('current')).keys;
    for (const name of (await directory.tokens('current')).keys.keys()) {
      if (!wanted.has(name)) await directory.removeTokenKey(name);
    }
    if (kept.certificate === undefined) await directory.keepAuthority({ certificate, key });
    await store.removeAuthority();
  }
  const left = await store.tokens('current');
  for (const name of left.keys.keys()) await store.removeTokenKey(name);
  for (const id of left.revoked.keys()) await store.forgetRevoked(id);
  return certificate !== undefined;
}

/** Gives the names of the keys that were not there. */
async function copyTokens(from: KeyStore, to: KeyStore): Promise<readonly string[]> {
  const [found, kept] = [await from.tokens('current'), await to.tokens('current')];
  const added: string[] = [];
  for (const [name, key] of found.keys) {
    if (kept.keys.has(name)) continue;
    await to.addTokenKey(name, key);
    added.push(name);
  }
  for (const [id, end] of found.revoked) if (!kept.revoked.has(id)) await to.addRevoked(id, end);
  return added;
}

function requireSame(
  directory: KeyStore,
  inDirectory: KeptAuthority,
  store: KeyStore,
  inStore: KeptAuthority,
): void {
  if (inDirectory.certificate?.trim() === inStore.certificate?.trim()) return;
  throw new PkiError(
    `${directory.authorityNames.certificate} is one certificate authority and ${store.authorityNames.certificate} another: this data directory belongs to another cluster than the store; start with another --home, or move ${directory.place} away if nobody uses its certificates any more`,
  );
}

function missingKey(directory: KeyStore): PkiError {
  const { certificate, key } = directory.authorityNames;
  return new PkiError(
    `${certificate} is there but ${key} is missing: put the key back, or move ${directory.place} away`,
  );
}
