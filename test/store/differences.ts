/** What an engine does otherwise than the suite says, each with its reason. */
export interface Differences {
  /** Keys under transient prefixes keep their history as long as all others. */
  readonly keepsTransient?: string;
  /** Commits that were made together are forgotten together. */
  readonly forgetsBatches?: string;
  /** Commits made at once may go in another order than they were made in. */
  readonly reorders?: string;
}
