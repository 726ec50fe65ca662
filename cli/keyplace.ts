/** Where a cluster's keys are, for commands that are no server: in the data directory, or in the store that servers share. */
import { type ClusterKeys, keysIn } from './clusterkeys.ts';
import { resolveConfig } from './config.ts';
import type { Io } from './io.ts';
import { isSharedAddress } from './settingvalues.ts';

/** What says where the keys are. */
export interface KeyFlags {
  /** By setting name. */
  readonly settings: Readonly<Record<string, string | boolean | undefined>>;
  readonly file?: string;
}

export interface KeyWork<T> {
  /** Of a shared store, which is open meanwhile. */
  readonly inStore: (keys: ClusterKeys) => Promise<T>;
  /** Of a data directory: that of its keys. */
  readonly inDirectory: (directory: string) => Promise<T>;
}

/** Rejects with `SettingsError`, with what cannot be opened, and as the work does. */
export async function whereKeysAre<T>(
  { settings: flags, file }: KeyFlags,
  { env, directory, clock }: Io,
  { inStore, inDirectory }: KeyWork<T>,
): Promise<T> {
  const given = file === undefined ? {} : { file };
  const { settings } = await resolveConfig({ flags, env, directory, ...given });
  if (!isSharedAddress(settings.store)) return inDirectory(keysIn(settings.home));
  // Only here: it takes a store and a registry.
  const { withStoredKeys } = await import('./storedkeys.ts');
  return withStoredKeys(settings, clock, inStore);
}
