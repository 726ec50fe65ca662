/** One setting: its names, how its text is read, and its default. */
import type { LeasePreset } from './leasepresets.ts';

/** What a default may depend on. */
export interface DefaultContext {
  readonly home: string;
  /** The name this data directory's worker had before. */
  readonly keptWorkerName: string | undefined;
  readonly leasePreset: LeasePreset;
}

export interface SettingRow<T> {
  /** As in the configuration file; flag and variable are made from it. */
  readonly name: string;
  /** What the flag's value is called in the help; absent: the flag takes none. */
  readonly placeholder?: string;
  /** Variables looked at after `GANTRY_…`, in order. */
  readonly otherVariables?: readonly string[];
  /** Throws an Error that says what is wanted. */
  readonly parse: (text: string, directory: string) => T;
  readonly fallback: (context: DefaultContext) => T;
  /** What a default comes from, where that is another setting that was given. */
  readonly because?: (context: DefaultContext) => string;
  readonly show?: (value: T) => string;
  /** Where it is one of a few. */
  readonly values?: readonly string[];
  readonly description: string;
}
