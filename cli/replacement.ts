/** JSON merge patches (RFC 7386) that replace: a merge alone would leave behind what is no longer wanted. */
import { isRecord } from '../machinery/json.ts';

/** The patch that makes `now` be `wanted`; null where something has to go. Lists are values. */
export function replacement(
  now: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const gone = Object.keys(now).filter((key) => wanted[key] === undefined);
  const kept = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return Object.fromEntries<unknown>([
    ...gone.map((key) => [key, null] as const),
    ...kept.map(([key, value]) => {
      const before = now[key];
      return [key, isRecord(value) && isRecord(before) ? replacement(before, value) : value] as const;
    }),
  ]);
}
