/** The settings of what is told to Prometheus beside the process's own metrics: rows of the table in `settings.ts`. */
import type { SettingRow } from './settingrow.ts';
import { yesOrNo } from './settingvalues.ts';

export interface MonitoringRows {
  readonly stateMetrics: boolean;
  readonly containerMetrics: boolean;
}

export const MONITORING_SETTINGS: {
  readonly [Key in keyof MonitoringRows]: SettingRow<MonitoringRows[Key]>;
} = {
  stateMetrics: {
    name: 'stateMetrics',
    parse: yesOrNo,
    fallback: () => true,
    description: 'serve the objects as metrics at /metrics/state: some dozens of series for each',
  },
  containerMetrics: {
    name: 'containerMetrics',
    parse: yesOrNo,
    fallback: () => true,
    description: "serve what each worker's containers use as metrics, under cAdvisor's names",
  },
};
