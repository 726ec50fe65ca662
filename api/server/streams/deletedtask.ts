/**
 * When an object that is not there was deleted, as far as history tells. Some reads of single keys, each as the one who
 * asks; only for requests that fail anyway.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { type AppContext, requestContext } from '../context.ts';
import { keyOfTarget, type ObjectDeps, type Target } from '../objects/objects.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Looked at one after the other. What lived only between two of them is not found. */
const AGES_MS = [
  ...[1, 3, 10, 30].map((age) => age * SECOND_MS),
  ...[1, 2, 5, 10, 20, 40].map((age) => age * MINUTE_MS),
  ...[1, 2, 4, 8, 12, 18, 24].map((age) => age * HOUR_MS),
];

/** A time, to the second, at which it was still there, as `at` takes it. Undefined: nothing is known of it. */
export async function deletedWhen(
  ctx: AppContext,
  target: Target,
  { catalog, clock }: ObjectDeps,
): Promise<string | undefined> {
  const { origin: _origin, ...reader } = requestContext(ctx);
  const nowMs = clock.now();
  const timeOf = (ageMs: number): string =>
    new Date(Math.floor((nowMs - ageMs) / SECOND_MS) * SECOND_MS).toISOString();
  /** Undefined: history does not reach so far back. */
  const wasThere = async (ageMs: number): Promise<boolean | undefined> => {
    try {
      await catalog.get(reader, target.kind, keyOfTarget(target), { at: timeOf(ageMs) });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return error.reason === 'NotFound' ? false : undefined;
    }
  };
  let gone = 0;
  for (const ageMs of AGES_MS) {
    const found = await wasThere(ageMs);
    if (found === undefined) return undefined;
    if (!found) {
      gone = ageMs;
      continue;
    }
    let there = ageMs;
    while (there - gone > SECOND_MS) {
      const middle = Math.floor((there + gone) / 2 / SECOND_MS) * SECOND_MS;
      if (middle <= gone || middle >= there) break;
      if ((await wasThere(middle)) === true) there = middle;
      else gone = middle;
    }
    return timeOf(there);
  }
  return undefined;
}
