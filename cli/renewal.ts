/**
 * Certificates end while a server runs: they are looked at once a day, and those near their end are replaced without a
 * connection noticing. A look that fails is told, and made again in an hour.
 */
import type { Clock } from '../machinery/clock.ts';
import { sleep } from '../machinery/clock.ts';
import type { Log } from '../machinery/log.ts';
import type { Pki } from '../net/pki.ts';

const LOOK_EVERY_MS = 24 * 3_600_000;
const RETRY_MS = 3_600_000;

export interface RenewalOptions {
  /** As it is served now. */
  readonly pki: Pki;
  /** Makes what is due, and gives what is good now. */
  readonly reopen: () => Promise<Pki>;
  /** Puts it to use. */
  readonly use: (pki: Pki) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Resolves when the signal aborts; rejects never. */
export async function renewCertificates(options: RenewalOptions, signal: AbortSignal): Promise<void> {
  const { reopen, use, clock, log } = options;
  let used = options.pki;
  let delayMs = LOOK_EVERY_MS;
  for (;;) {
    await sleep(clock, delayMs, signal);
    if (signal.aborted) return;
    try {
      const pki = await reopen();
      const isRenewed = changed(used, pki);
      if (isRenewed) await use(pki);
      used = pki;
      delayMs = LOOK_EVERY_MS;
      if (isRenewed) log.info({ daysLeft: pki.daysLeft() }, 'certificates were renewed');
    } catch (error) {
      delayMs = RETRY_MS;
      log.error(
        { err: error, daysLeft: used.daysLeft() },
        'certificates could not be renewed, trying again in an hour',
      );
    }
  }
}

function changed(before: Pki, after: Pki): boolean {
  return (
    before.authority !== after.authority ||
    before.server.certificate !== after.server.certificate ||
    before.admin.certificate !== after.admin.certificate
  );
}
