/** How whoever decides finds what is there. */
import type { WatchCache } from './watchcache.ts';

/** The cache of a kind, undefined for one that is not served. */
export type CacheOf = (kind: { readonly group: string; readonly plural: string }) => WatchCache | undefined;
