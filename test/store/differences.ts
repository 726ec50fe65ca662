/** What an engine does otherwise than the suite says, each with its reason. */
export interface Differences {
  /** Keys under transient prefixes keep their history as long as all others. */
  readonly keepsTransient?: string;
  /** Commits that were made together are forgotten together. */
  readonly forgetsBatches?: string;
}
