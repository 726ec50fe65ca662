/**
 * Errors that are answers rather than faults, by name: each says in its message what is wrong and what to do, so the
 * message is all that is shown. By name, so that a command which never meets them need not load the rooms they live in.
 */
export const PROBLEMS: ReadonlySet<string> = new Set([
  'PkiError',
  'StoreError',
  'RuntimeError',
  'SettingsError',
  'StartError',
]);
