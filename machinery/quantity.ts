/**
 * Kubernetes quantities (`500m`, `64Mi`, `1e3`), exact: a value is a bigint count of nanounits.
 * Source: apimachinery `resource.Quantity` (suffixes, rounding up below the smallest unit).
 */
const NANO = 1_000_000_000n;

const MULTIPLIERS: Readonly<Record<string, readonly [numerator: bigint, denominator: bigint]>> = {
  n: [1n, NANO],
  u: [1n, 1_000_000n],
  m: [1n, 1_000n],
  '': [1n, 1n],
  k: [10n ** 3n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [2n ** 10n, 1n],
  Mi: [2n ** 20n, 1n],
  Gi: [2n ** 30n, 1n],
  Ti: [2n ** 40n, 1n],
  Pi: [2n ** 50n, 1n],
  Ei: [2n ** 60n, 1n],
};

const PATTERN = /^([+-]?)(\d{1,30})?(?:\.(\d{0,30}))?(?:([eE])([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?$/;

/** Nanounits, rounded up; undefined when the text is not a quantity. */
export function parseQuantity(text: string | number): bigint | undefined {
  const match = PATTERN.exec(String(text));
  if (match === null) return undefined;
  const [, sign, whole, fraction, , exponent, suffix] = match;
  if ((whole ?? '') === '' && (fraction ?? '') === '') return undefined;
  const digits = BigInt(`${whole ?? ''}${fraction ?? ''}`);
  const shift = Number(exponent ?? 0) - (fraction ?? '').length;
  const [numerator, denominator] = MULTIPLIERS[suffix ?? ''] ?? [1n, 1n];
  let over = digits * numerator * NANO;
  let under = denominator;
  if (shift >= 0) over *= 10n ** BigInt(shift);
  else under *= 10n ** BigInt(-shift);
  const rounded = (over + under - 1n) / under;
  return sign === '-' ? -rounded : rounded;
}

export function isQuantity(text: string | number): boolean {
  return parseQuantity(text) !== undefined;
}

/** Thousandths of a core (or of anything), rounded up. For values that passed validation. */
export function milliUnits(text: string | number): number {
  const nano = parseQuantity(text) ?? 0n;
  return Number((nano + 999_999n) / 1_000_000n);
}

/** Whole units (bytes), rounded up. For values that passed validation. */
export function wholeUnits(text: string | number): number {
  const nano = parseQuantity(text) ?? 0n;
  return Number((nano + NANO - 1n) / NANO);
}

export function formatMilli(milli: number): string {
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
}

/** The largest binary suffix that keeps the figure whole, as `kubectl` prints memory. */
export function formatBytes(bytes: number): string {
  for (const [suffix, size] of [
    ['Ti', 2 ** 40],
    ['Gi', 2 ** 30],
    ['Mi', 2 ** 20],
    ['Ki', 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${suffix}`;
  }
  return String(bytes);
}
