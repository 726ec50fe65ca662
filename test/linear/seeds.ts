/** Which schedules are played: a few in a normal run, many with GANTRY_TEST_LONG=1, one with GANTRY_LINEAR_SEED=N. */

export const isLong = process.env['GANTRY_TEST_LONG'] === '1';

export function seeds(normal: number, long: number): readonly number[] {
  const asked = process.env['GANTRY_LINEAR_SEED'];
  if (asked !== undefined) return [Number(asked)];
  return Array.from({ length: isLong ? long : normal }, (_, index) => index + 1);
}

/** The command that plays a schedule again. How calls fall together is the machine's: play it more than once. */
export function replayOf(file: string, seed: number): string {
  return `GANTRY_LINEAR_SEED=${seed} npx mocha --exit ${file}`;
}

/** The longest pause of a client between two operations, milliseconds: some schedules crowd, some leave room. */
export function paceOf(seed: number, pauseMs: number): number {
  return pauseMs * ([1, 0.2, 2][seed % 3] ?? 1);
}
