/** The size of a store for metrics: one that cannot tell its size must not fail the whole scrape. */
import { messageOf } from '../machinery/errors.ts';
import type { Log } from '../machinery/log.ts';
import type { StoreSize } from './store.ts';

export async function sizeIfKnown(size: () => Promise<StoreSize>, log: Log): Promise<StoreSize | undefined> {
  try {
    return await size();
  } catch (error) {
    log.warn({ err: error }, `store: its size is not known: ${messageOf(error)}`);
    return undefined;
  }
}
