/**
 * Time as an argument. Nothing outside this file reads the system's clock.
 *
 * `now` is wall time, for what people read; `monotonicMs` never jumps, for ages and timeouts.
 */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back, whatever happens to the wall clock. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the timer keeps no process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    // setTimeout fires at once for delays past 2^31-1 ms; a clamped timer fires early, which level-triggered code allows.
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), 2_147_483_647));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts: the caller looks at the signal. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** RFC 3339 with seconds: Kubernetes' metav1.Time. */
export function timestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with microseconds: Kubernetes' metav1.MicroTime. */
export function microTimestamp(epochMs: number): string {
  const text = new Date(epochMs).toISOString();
  return `${text.slice(0, 23)}000Z`;
}
