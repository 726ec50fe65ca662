/**
 * `npm run bench [name…]`: measures the hot paths, each against a baseline of the same run, and prints ratios.
 * Figures are of this machine and this moment; only the ratios travel.
 */
import { benchApi } from './api.ts';
import { benchBackup } from './backup.ts';
import { benchDispatch } from './dispatch.ts';
import { benchDoors } from './doors.ts';
import { benchLogs } from './logs.ts';
import { benchPast } from './past.ts';
import { benchProbes } from './probes.ts';
import { benchProcess } from './process.ts';
import { benchRollout } from './rollout.ts';
import { benchSabotage } from './sabotage.ts';
import { benchSeen } from './seen.ts';
import { benchSettled } from './settled.ts';
import { benchSteps } from './steps.ts';
import { benchStore } from './store.ts';
import { benchWalk } from './walk.ts';
import { benchWatches } from './watches.ts';

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same work done barely, in the same run, in the same unit. */
  readonly baseline?: number;
  readonly wanted?: string;
}

const benches: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  store: benchStore,
  api: benchApi,
  past: benchPast,
  backup: benchBackup,
  walk: benchWalk,
  sabotage: benchSabotage,
  settled: benchSettled,
  process: benchProcess,
  logs: benchLogs,
  probes: benchProbes,
  watches: benchWatches,
  dispatch: benchDispatch,
  doors: benchDoors,
  steps: benchSteps,
  rollout: benchRollout,
  seen: benchSeen,
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benches);
for (const name of chosen) {
  const bench = benches[name];
  if (bench === undefined) {
    console.error(`error: no bench "${name}"; there are ${Object.keys(benches).join(', ')}`);
    process.exit(1);
  }
  console.log(`\n${name}`);
  for (const row of await bench()) {
    const figure = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
    const against =
      row.baseline === undefined
        ? ''
        : `  baseline ${figure(row.baseline)}, difference ${figure(row.value - row.baseline)}, ratio ${figure(row.value / row.baseline)}`;
    const wanted = row.wanted === undefined ? '' : `  (wanted: ${row.wanted})`;
    console.log(`  ${row.name.padEnd(56)} ${figure(row.value).padStart(8)} ${row.unit}${against}${wanted}`);
  }
}
