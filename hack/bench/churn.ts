/** An hour of churn in seconds: a clock that runs with the writes, history of ten minutes, the file looked at as it goes. */
import { FakeClock } from '../../machinery/fakeclock.ts';
import { openStore } from '../../store/open.ts';
import type { Row } from './main.ts';
import { quantiles, VALUE_BYTES } from './storeload.ts';

const WRITES_PER_SECOND = 50;
const KEYS = 500;
const SECONDS = 3_600;
const HISTORY_SECONDS = 600;
/** The file has its working size by then. */
const SETTLED_SECONDS = 1_200;

export async function benchChurn(directory: string): Promise<readonly Row[]> {
  const clock = new FakeClock();
  const store = await openStore(`sqlite:${directory}`, {
    clock,
    retention: { historyMs: HISTORY_SECONDS * 1000, everyMs: 60_000 },
  });
  const latenciesMs: number[] = [];
  let settledBytes = 0;
  try {
    for (let second = 0; second < SECONDS; second++) {
      const startMs = performance.now();
      await Promise.all(
        Array.from({ length: WRITES_PER_SECOND }, (_, at) =>
          store.commit([
            {
              kind: 'put',
              key: `/registry/churn/${(second * WRITES_PER_SECOND + at) % KEYS}`,
              value: Buffer.alloc(VALUE_BYTES, second),
              precondition: { kind: 'none' },
            },
          ]),
        ),
      );
      latenciesMs.push(performance.now() - startMs);
      if (second === SETTLED_SECONDS) settledBytes = (await store.size()).bytes;
      clock.advance(1000);
    }
    const { bytes } = await store.size();
    const { p99Ms } = quantiles(latenciesMs);
    return [
      {
        name: `churn: file after an hour of ${WRITES_PER_SECOND} writes/s, history of 10 min`,
        value: bytes / 2 ** 20,
        unit: 'MiB',
        baseline: settledBytes / 2 ** 20,
        wanted: 'ratio 1.1 to the file after 20 min',
      },
      { name: 'churn: 50 writes at once while history is trimmed, p99', value: p99Ms, unit: 'ms' },
      { name: 'churn: the same, most', value: latenciesMs.at(-1) ?? 0, unit: 'ms' },
    ];
  } finally {
    await store.close();
  }
}
