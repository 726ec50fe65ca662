/** Amounts of resources in metrics. Names and units as kube-state-metrics has them. Pure. */
import { parseQuantity } from '../../../machinery/quantity.ts';
import type { Tails } from './described.ts';
import { lineTail } from './family.ts';

type Amounts = Readonly<Partial<Record<'cpu' | 'memory' | 'ephemeral-storage', number | string>>>;

const RESOURCES = [
  { key: 'cpu', resource: 'cpu', unit: 'core' },
  { key: 'memory', resource: 'memory', unit: 'byte' },
  { key: 'ephemeral-storage', resource: 'ephemeral_storage', unit: 'byte' },
] as const;

/** One line for each resource that is told. */
export function amountTails(amounts: Amounts | undefined): Tails {
  return RESOURCES.flatMap(({ key, resource, unit }) => {
    const found = amounts?.[key];
    const value = found === undefined ? undefined : amountOf(found);
    if (value === undefined) return [];
    return [
      lineTail(value, [
        ['resource', resource],
        ['unit', unit],
      ]),
    ];
  });
}

/** Cores or bytes, or nothing for what is no quantity. */
export function amountOf(quantity: number | string): number | undefined {
  const nano = parseQuantity(quantity);
  return nano === undefined ? undefined : Number(nano) / 1e9;
}
