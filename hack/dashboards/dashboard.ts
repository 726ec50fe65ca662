/** A dashboard as data, and how it becomes Grafana's: its variables, its links to the others, its rows. */
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Dashboard as GrafanaDashboard,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, type Panel, panelBuilder } from './panel.ts';

/** What a dashboard can be narrowed to, and where its values come from. */
export const VARIABLES = {
  namespace: {
    label: 'Namespace',
    query:
      'label_values({__name__=~"gantry_task_info|gantry_taskset_created|gantry_job_info|gantry_run_info"}, namespace)',
  },
  worker: { label: 'Worker', query: 'label_values(gantry_worker_info, worker)' },
  task: { label: 'Task', query: 'label_values(gantry_task_info{namespace=~"$namespace"}, task)' },
  job: { label: 'Job', query: 'label_values(gantry_job_info{namespace=~"$namespace"}, job)' },
  server: { label: 'Server', query: 'label_values(gantry_build_info, instance)' },
} as const;
export type VariableName = keyof typeof VARIABLES;

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableName[];
  readonly rows: readonly Row[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** All of them carry it, and each links to all that do. */
export const TAG = 'gantry';
/** What `kubectl proxy` serves, as whoever runs it: a link to a log needs no password in a browser. */
const PROXY = 'http://127.0.0.1:8001';

export function toGrafana(dashboard: Dashboard): GrafanaDashboard {
  const builder = new DashboardBuilder(dashboard.title)
    .uid(dashboard.uid)
    .description(dashboard.description)
    .tags([TAG])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .link(
      new DashboardLinkBuilder('Gantry')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .annotation(
      new AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(DATASOURCE)
        .enable(true)
        .iconColor('red')
        .expr('ALERTS{alertname=~"Gantry.+", alertstate="firing"}'),
    )
    .withVariable(
      new DatasourceVariableBuilder('datasource')
        .label('Prometheus')
        .description('The Prometheus that scrapes Gantry.')
        .type('prometheus'),
    );
  for (const name of dashboard.variables) builder.withVariable(queryVariable(name));
  builder.withVariable(
    new TextBoxVariableBuilder('gantry')
      .label('Gantry')
      .description('Where links to logs lead: the address of the API, or what kubectl proxy serves.')
      .defaultValue(PROXY),
  );
  let id = 1;
  for (const row of dashboard.rows) {
    builder.withRow(new RowBuilder(row.title).id(id++));
    for (const panel of row.panels) builder.withPanel(panelBuilder(panel, id++));
  }
  return builder.build();
}

function queryVariable(name: VariableName): QueryVariableBuilder {
  const { label, query } = VARIABLES[name];
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}
