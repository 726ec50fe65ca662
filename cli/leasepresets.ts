/**
 * How often a worker says that it is there, and how long after its last word it is taken for lost: pairs that go
 * together, by name. What is given for one of the figures itself wins.
 */

export interface LeaseTiming {
  readonly renewSeconds: number;
  readonly durationSeconds: number;
}

export const LEASE_PRESETS = {
  /** Lost work begins anew elsewhere within seconds. */
  default: { renewSeconds: 3, durationSeconds: 12 },
  /** What agents of the dispatch API are used to: few words over a network that is slow or costly. */
  dispatch: { renewSeconds: 60, durationSeconds: 180 },
} as const satisfies Readonly<Record<string, LeaseTiming>>;

export type LeasePreset = keyof typeof LEASE_PRESETS;

/** Throws an Error that says what is wanted. */
export function leasePreset(text: string): LeasePreset {
  if (text === 'default' || text === 'dispatch') return text;
  throw new Error(Object.keys(LEASE_PRESETS).join(' or '));
}
