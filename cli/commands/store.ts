/** `gantry store check`: looks at everything in the store of this machine while no server uses it. */
import { checkStore } from '../../store/check.ts';
import { showKeyId } from '../../store/envelope.ts';
import type { StoreCheck } from '../../store/sqlite/check.ts';
import { resolveConfig } from '../config.ts';
import { readEncryption } from '../encryption.ts';
import { CommandError, type Io } from '../io.ts';

export interface StoreCheckFlags {
  /** By setting name. */
  readonly settings: Readonly<Record<string, string | boolean | undefined>>;
  readonly file?: string;
}

const MAX_FINDINGS = 20;

/** Rejects with `CommandError` that holds every finding, `SettingsError` or `StoreError`. */
export async function runStoreCheck(flags: StoreCheckFlags, io: Io): Promise<void> {
  const { env, directory, clock, signal } = io;
  const file = flags.file === undefined ? {} : { file: flags.file };
  const { settings } = await resolveConfig({ flags: flags.settings, env, directory, ...file });
  if (settings.store === 'memory:')
    throw new CommandError('--store memory: keeps nothing that could be checked');
  if (settings.store.startsWith('etcd:')) {
    throw new CommandError(
      `${settings.store}: only an embedded store is checked here; gantry backup reads and checks every value of one on etcd`,
    );
  }
  const encryption = await readEncryption(settings.encryptionKeyFile);
  const startMs = clock.monotonicMs();
  const checked = await checkStore(settings.store, {
    maxFindings: MAX_FINDINGS,
    signal,
    ...(encryption === undefined ? {} : { encryption }),
  });
  await io.stdout.write(`${describe(settings.store, checked, clock.monotonicMs() - startMs)}\n`);
  const { findings, findingCount } = checked;
  if (findingCount === 0) {
    await io.stdout.write('the store is sound\n');
    return;
  }
  const more = findingCount - findings.length;
  throw new CommandError([
    ...findings,
    ...(more > 0 ? [`and ${more} more`] : []),
    `the store is damaged (${findingCount} ${findingCount === 1 ? 'finding' : 'findings'}): restore it from a backup`,
  ]);
}

function describe(url: string, checked: StoreCheck, tookMs: number): string {
  const { keys, rows, bytes, revision, encrypted, clusterId, format } = checked;
  const count = (value: number): string => value.toLocaleString('en-US');
  const keysUsed = [...encrypted].map(([keyId, values]) => `${count(values)} with key ${showKeyId(keyId)}`);
  return [
    `${url}: cluster ${clusterId ?? 'unknown'}${format === undefined ? '' : `, format ${format}`}, revision ${revision}`,
    `checked ${count(keys)} keys and ${count(rows)} values of the present and the past, ${count(bytes)} bytes, in ${(tookMs / 1000).toFixed(1)} s`,
    `encrypted: ${keysUsed.length === 0 ? 'none' : keysUsed.join(', ')}`,
  ].join('\n');
}
