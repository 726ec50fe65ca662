/** Every dashboard, and the files they are generated into. */
import { apiserver } from './apiserver.ts';
import { controllers } from './controllers.ts';
import { type Dashboard, toGrafana } from './dashboard.ts';
import { jobs } from './jobs.ts';
import { overview } from './overview.ts';
import { tasks } from './tasks.ts';
import { workers } from './workers.ts';

export const DASHBOARDS: readonly Dashboard[] = [overview, tasks, workers, apiserver, controllers, jobs];
const FOLDER = 'manifests/monitoring/grafana/dashboards';

/** Path beneath the house, and text: what `npm run gen` writes. */
export function dashboardFiles(): Record<string, string> {
  return Object.fromEntries(
    DASHBOARDS.map((dashboard) => [
      `${FOLDER}/${dashboard.uid}.json`,
      `${JSON.stringify(toGrafana(dashboard), null, 1)}\n`,
    ]),
  );
}
