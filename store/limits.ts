/** What a store lets pile up in memory before it sends writers or readers away. */
import type { FeedLimits } from './feed.ts';
import type { GroupCommitLimits } from './groupcommit.ts';

export interface StoreLimits extends GroupCommitLimits {
  readonly feed: FeedLimits;
  readonly recentBytes: number;
}

export const DEFAULT_LIMITS: StoreLimits = {
  maxQueuedCommits: 16_384,
  maxQueuedBytes: 64 * 1024 ** 2,
  maxBatchCommits: 1024,
  maxBatchBytes: 8 * 1024 ** 2,
  feed: { maxEvents: 16_384, maxBytes: 64 * 1024 ** 2 },
  recentBytes: 16 * 1024 ** 2,
};
