/** What a store's host and the tests that use it say to each other: values as text, everything else as the store says it. */
import type { StoreErrorReason } from '../../machinery/errors.ts';
import type { KeyValue, Precondition, StoreEvent, Write } from '../../store/store.ts';
import { bytes, text } from '../store/builders.ts';

export type HostItem = Omit<KeyValue, 'value'> & { readonly value: string };

export interface HostWrite {
  readonly kind: Write['kind'];
  readonly key: string;
  readonly value?: string;
  readonly precondition: Precondition;
}

export type HostCall = { readonly id: number } & (
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'range'; readonly prefix: string }
  | { readonly do: 'commit'; readonly write: HostWrite }
  | { readonly do: 'latest' }
  | { readonly do: 'watch'; readonly prefix: string; readonly afterRevision: number }
);

export type HostEvent = Omit<StoreEvent, 'current' | 'previous'> & {
  readonly current: HostItem | undefined;
  readonly previous: HostItem | undefined;
};

export interface HostLine {
  readonly id: number;
  readonly item?: HostItem | undefined;
  readonly page?: {
    readonly items: readonly (HostItem | undefined)[];
    readonly revision: number;
    readonly more: boolean;
  };
  readonly done?: {
    readonly revision: number;
    readonly modRevision: number | undefined;
    readonly writtenAtMs: number;
  };
  readonly refused?: { readonly revision: number; readonly current: HostItem | undefined };
  readonly revision?: number;
  readonly batch?: { readonly events: readonly HostEvent[]; readonly revision: number };
  readonly end?: true;
  /** `reason` is absent for what is no `StoreError`. */
  readonly error?: { readonly reason: StoreErrorReason | undefined; readonly message: string };
}

export function itemOf(item: KeyValue | undefined): HostItem | undefined {
  return item === undefined ? undefined : { ...item, value: text(item.value) ?? '' };
}

export function keyValueOf(item: HostItem | undefined): KeyValue | undefined {
  return item === undefined ? undefined : { ...item, value: bytes(item.value) };
}

export function hostWriteOf(write: Write): HostWrite {
  const { kind, key, precondition } = write;
  return write.kind === 'put'
    ? { kind, key, precondition, value: text(write.value) ?? '' }
    : { kind, key, precondition };
}

export function writeOf({ kind, key, value = '', precondition }: HostWrite): Write {
  return kind === 'put' ? { kind, key, value: bytes(value), precondition } : { kind, key, precondition };
}
