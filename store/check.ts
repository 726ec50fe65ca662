/** Checks a whole store by its address while no server uses it: what each engine can be asked. */
import { type CheckOptions, checkSqliteStore, type StoreCheck } from './sqlite/check.ts';

type CheckEngine = (address: string, options: CheckOptions) => Promise<StoreCheck>;

const engines: Readonly<Record<string, CheckEngine>> = { sqlite: checkSqliteStore };

/** Throws as the engine's check does; TypeError for an address whose engine keeps nothing that could be checked. */
export async function checkStore(url: string, options: CheckOptions): Promise<StoreCheck> {
  const [, scheme = '', address = ''] = /^([a-z]+):(.*)$/.exec(url) ?? [];
  const check = Object.hasOwn(engines, scheme) ? engines[scheme] : undefined;
  if (check === undefined) {
    throw new TypeError(
      `store "${url}" cannot be checked; wanted one of ${Object.keys(engines).join(':, ')}:`,
    );
  }
  return check(address, options);
}
