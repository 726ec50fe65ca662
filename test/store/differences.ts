/** What an engine does otherwise than the suite says, each with its reason. */
export interface Differences {
  /** Keys under transient prefixes keep their history as long as all others. */
  readonly keepsTransient?: string;
  /** Commits that were made together are forgotten together. */
  readonly forgetsBatches?: string;
  /** Of commits made at once, one that is refused may be refused before an earlier one is made. */
  readonly refusesEarly?: string;
}
