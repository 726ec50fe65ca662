/** Delays until the next look, where there may be none. */

/** The shorter of two; the one there is; undefined without any. */
export function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
