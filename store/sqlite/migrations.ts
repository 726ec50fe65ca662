/**
 * From one format of `store.db` to the next: a list, run at open from where the file is, all of it in one transaction
 * together with the new format number. A crash or a full disk in the middle leaves the file as it was.
 *
 * A format grows when an older release could not read the file any more; that release says so itself (`schema.ts`).
 */
import type { DatabaseSync } from 'node:sqlite';

/** Entry n leads from format n + 1 to n + 2. Never changed once released, only added to. */
const STEPS: readonly string[] = [
  // Records may be encrypted. Which key each is encrypted with (0 is none) is in its envelope: found here without reading all.
  `CREATE INDEX log_encrypted ON log (substr(record, 5, 4)) WHERE substr(record, 5, 4) <> x'00000000';`,
];

/** The format this release writes. */
export const FORMAT = STEPS.length + 1;

/** Within the caller's transaction. */
export function migrate(db: DatabaseSync, from: number): void {
  if (from === FORMAT) return;
  for (const step of STEPS.slice(from - 1)) db.exec(step);
  db.exec(`PRAGMA user_version = ${FORMAT}`);
}
