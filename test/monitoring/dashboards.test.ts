/** The dashboards, held without a Grafana: their form, their queries, their variables, their links. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Dashboard as GrafanaDashboard,
  Panel as GrafanaPanel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { TAG, VARIABLES } from '../../hack/dashboards/dashboard.ts';
import { DASHBOARDS, dashboardFiles } from '../../hack/dashboards/list.ts';
import type { Panel, Query } from '../../hack/dashboards/panel.ts';
import { run } from '../cli/terminal.ts';
import { fillIn, variablesOf } from './grafana.ts';
import { knownMetrics } from './knownmetrics.ts';
import { parsePromql } from './promql.ts';

const root = join(import.meta.dirname, '..', '..');
const grafana = join(root, 'manifests', 'monitoring', 'grafana');
const UNITS = new Set<unknown>(Object.values(units));
/** The grid of a dashboard, and the plugins every Grafana has. */
const COLUMNS = 24;
const PLUGINS = new Set(['timeseries', 'stat', 'table', 'row']);
const SLO = { window: '5m' };
/** Functions that make a rate of a counter; `resets` and the like would do as well. */
const RATES = new Set(['rate', 'increase', 'irate']);

interface Asked {
  readonly where: string;
  readonly dashboard: (typeof DASHBOARDS)[number];
  readonly panel: Panel;
  readonly query: Query;
}
const asked: readonly Asked[] = DASHBOARDS.flatMap((dashboard) =>
  dashboard.rows.flatMap(({ panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map((query) => ({
        where: `${dashboard.uid} / ${panel.title}: ${query.expr}`,
        dashboard,
        panel,
        query,
      })),
    ),
  ),
);
const files = Object.entries(dashboardFiles()).map(([path, text]) => ({
  path,
  text,
  dashboard: JSON.parse(text) as GrafanaDashboard,
}));
const panelsOf = (dashboard: GrafanaDashboard): GrafanaPanel[] =>
  (dashboard.panels ?? []).filter((panel): panel is GrafanaPanel => panel.type !== 'row');

/** One line for each breach, so that a failure reads as a list of what to mend. */
function none(breaches: readonly (string | false)[]): void {
  expect(breaches.filter((breach) => breach !== false)).to.deep.equal([]);
}

describe('Dashboards', () => {
  it('are what is generated, each in the file of its uid, and no other file is there', () => {
    expect(readdirSync(join(grafana, 'dashboards')).sort()).to.deep.equal(
      DASHBOARDS.map(({ uid }) => `${uid}.json`).sort(),
    );
    for (const { path, text } of files) expect(readFileSync(join(root, path), 'utf8'), path).to.equal(text);
  });

  it('have the form Grafana reads: ids once, panels side by side, known plugins, the variable datasource', () => {
    for (const { path, dashboard } of files) {
      const panels = dashboard.panels ?? [];
      expect(dashboard.schemaVersion, path).to.be.at.least(36);
      expect(dashboard.uid, path).to.match(/^[a-z-]{1,40}$/);
      expect(dashboard.tags, path).to.deep.equal([TAG]);
      none(panels.map(({ type, title }) => !PLUGINS.has(type) && `${path}: ${title} is a ${type}`));
      const ids = panels.map(({ id }) => id);
      expect(new Set(ids).size, `${path}: ids`).to.equal(ids.length);
      const titles = panelsOf(dashboard).map(({ title }) => title);
      expect(new Set(titles).size, `${path}: titles`).to.equal(titles.length);
      none(overlaps(panels.map(({ title = '', gridPos }) => ({ title, ...at(gridPos) }))));
      for (const panel of panelsOf(dashboard)) {
        expect(panel.datasource?.uid, `${path}: ${panel.title}`).to.equal('$' + '{datasource}');
        const letters = (panel.targets as Dataquery[]).map(({ refId }) => refId);
        expect(letters.length, `${path}: ${panel.title} asks nothing`).to.be.greaterThan(0);
        expect(letters, `${path}: ${panel.title}`).to.deep.equal(
          'ABCDEFGH'.slice(0, letters.length).split(''),
        );
      }
    }
  });

  it('say on every panel what it means, in which unit, from which value on it is bad', () => {
    for (const { path, dashboard } of files)
      none(
        panelsOf(dashboard).flatMap(({ title, description = '', fieldConfig }) => {
          const { unit, thresholds } = fieldConfig?.defaults ?? {};
          const [first, ...others] = thresholds?.steps ?? [];
          const values = others.map(({ value }) => value ?? Number.NaN);
          return [
            description.length < 30 && `${path}: ${title} is not described`,
            !UNITS.has(unit) && `${path}: ${title} has the unit ${unit}, which Grafana does not know`,
            (first === undefined || first.value !== null) &&
              `${path}: ${title} has no threshold to begin with`,
            values.some((value, index) => !(value > (values[index - 1] ?? Number.NEGATIVE_INFINITY))) &&
              `${path}: ${title}: thresholds ${values.join(', ')} do not grow`,
          ];
        }),
      );
  });

  it('ask PromQL, of metrics and labels that docs/metrics.md has, counters only for how they grow', () => {
    const known = knownMetrics();
    expect(known.size).to.be.greaterThan(150);
    none(
      asked.flatMap(({ where, query }) => {
        const { errors, selectors, grouping } = parsePromql(fillIn(query.expr, SLO));
        const all = new Set(selectors.flatMap(({ metric }) => [...(known.get(metric)?.labels ?? [])]));
        return [
          ...errors.map((error) => `${where}: no PromQL ${error}`),
          selectors.length === 0 && `${where}: asks of no metric`,
          ...grouping.map(
            (label) => !all.has(label) && `${where}: none of its metrics has the label ${label}`,
          ),
          ...selectors.flatMap(({ metric, labels, within }) => {
            const { type, labels: its } = known.get(metric) ?? {};
            if (type === undefined || its === undefined)
              return [`${where}: docs/metrics.md has no ${metric}`];
            const isRate = within.some((call) => RATES.has(call));
            return [
              ...labels.map((label) => !its.has(label) && `${where}: ${metric} has no label ${label}`),
              // Others have metrics of such names, too, and may be scraped by the same Prometheus.
              !/^(?:gantry_|ALERTS$)/.test(metric) &&
                !labels.includes('job') &&
                `${where}: ${metric} is not asked of Gantry's jobs alone`,
              type === 'counter' && !isRate && `${where}: the counter ${metric} is not asked how it grows`,
              type === 'gauge' &&
                isRate &&
                // A revision is a gauge to its store, and only grows.
                metric !== 'gantry_store_revision' &&
                `${where}: ${metric} is a gauge, which has no rate`,
            ];
          }),
        ];
      }),
    );
  });

  it('call series by labels they have', () => {
    none(
      asked.flatMap(({ where, query, panel }) => {
        if (panel.kind === 'table') return [];
        const { grouping, selectors } = parsePromql(fillIn(query.expr, SLO));
        const has = new Set([...grouping, ...(grouping.length === 0 ? ['instance'] : []), 'instance']);
        return [
          selectors.length === 0 && where,
          ...[...query.legend.matchAll(/\{\{(\w+)\}\}/g)].map(
            (match) => !has.has(match[1] ?? '') && `${where}: ${query.legend}`,
          ),
        ];
      }),
    );
  });

  it('name only variables they have, and link only to dashboards, variables and columns that are there', () => {
    const byUid = new Map(DASHBOARDS.map((dashboard) => [dashboard.uid, dashboard]));
    none(
      asked.flatMap(({ where, dashboard, panel, query }) => {
        const has = new Set<string>([...dashboard.variables, 'datasource', 'gantry']);
        const columns = new Set(parsePromql(fillIn(query.expr, SLO)).grouping);
        return [
          ...variablesOf(query.expr).map(
            (name) =>
              !has.has(name) &&
              name !== '__rate_interval' &&
              !/^\d+$/.test(name) &&
              `${where}: no variable ${name}`,
          ),
          ...(panel.links ?? []).flatMap(({ url }) => {
            const target = byUid.get(/^\/d\/([\w-]+)/.exec(url)?.[1] ?? '');
            return [
              url.startsWith('/d/') && target === undefined && `${where}: no dashboard ${url}`,
              ...[...url.matchAll(/var-(\w+)=/g)].map(
                ([, name = '']) =>
                  target?.variables.some((variable) => variable === name) !== true &&
                  `${where}: ${target?.uid} has no variable ${name}`,
              ),
              ...variablesOf(url).map((name) => {
                const column = /^__data\.fields\.(\w+)$/.exec(name)?.[1];
                if (column !== undefined)
                  return (panel.kind !== 'table' || !columns.has(column)) && `${where}: no column ${column}`;
                return !has.has(name) && name !== '__url_time_range' && `${where}: no variable ${name}`;
              }),
            ];
          }),
        ];
      }),
    );
  });

  it('are reached from the overview: each of the others by a panel, and from everywhere by the menu', () => {
    const [overview, ...others] = DASHBOARDS;
    const urls = (overview?.rows ?? []).flatMap(({ panels }) =>
      panels.flatMap(({ links }) => (links ?? []).map(({ url }) => url)),
    );
    const unreached = others.filter(({ uid }) => !urls.some((url) => url.startsWith(`/d/${uid}?`)));
    expect(unreached.map(({ uid }) => uid)).to.deep.equal([]);
    for (const { path, dashboard } of files)
      expect(dashboard.links?.[0], path).to.deep.include({
        type: 'dashboards',
        tags: [TAG],
        includeVars: true,
      });
  });

  it('fill their variables from metrics that are there', () => {
    const known = knownMetrics();
    none(
      Object.entries(VARIABLES).flatMap(([name, { query }]) => {
        const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
        const named = /__name__=~"([^"]+)"/.exec(selector)?.[1]?.split('|') ?? [
          /^\w+/.exec(selector)?.[0] ?? '',
        ];
        return named.map(
          (metric) =>
            known.get(metric)?.labels.has(label) !== true && `$${name}: ${metric} has no label ${label}`,
        );
      }),
    );
  });

  it('name only commands and flags that gantry has', async () => {
    const surroundings = { directory: root };
    const named = new Set(
      DASHBOARDS.flatMap(({ rows }) =>
        rows.flatMap(({ panels }) =>
          panels.flatMap(({ description }) =>
            [...description.matchAll(/`gantry ([^`]+)`/g)].map((match) => match[1] ?? ''),
          ),
        ),
      ),
    );
    expect(named.size).to.be.greaterThan(10);
    for (const line of named) {
      const words = line.split(' ');
      const [first = '', second = ''] = words;
      const { out } = await run([first, '--help'], surroundings);
      expect(out, line).to.include(`gantry ${first} `);
      const isGroup = out.includes('Available Commands:');
      if (isGroup) expect(out, line).to.match(new RegExp(`^ +${second}\\b`, 'm'));
      const help = isGroup ? (await run([first, second, '--help'], surroundings)).out : out;
      for (const flag of words.filter((word) => word.startsWith('--'))) expect(help, line).to.include(flag);
    }
  });

  it('are provisioned: the data source and the folder of the files, as Grafana reads them', () => {
    const read = (path: string): unknown => load(readFileSync(join(grafana, 'provisioning', path), 'utf8'));
    const sources = read('datasources/gantry.yaml') as {
      apiVersion: number;
      datasources: { type: string; access: string; uid: string; jsonData: { timeInterval: string } }[];
    };
    expect(sources.apiVersion).to.equal(1);
    expect(sources.datasources.map(({ type, access }) => [type, access])).to.deep.equal([
      ['prometheus', 'proxy'],
    ]);
    const dashboards = read('dashboards/gantry.yaml') as {
      apiVersion: number;
      providers: { type: string; allowUiUpdates: boolean; options: { path: string } }[];
    };
    expect(dashboards.apiVersion).to.equal(1);
    expect(dashboards.providers).to.have.length(1);
    expect(dashboards.providers[0]).to.deep.include({ type: 'file', allowUiUpdates: false });
    expect(dashboards.providers[0]?.options.path).to.equal('$' + '{GANTRY_DASHBOARDS}');
  });
});

interface Box {
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function at(place: GrafanaPanel['gridPos']): Omit<Box, 'title'> {
  const { x = 0, y = 0, w = 0, h = 0 } = place ?? {};
  return { x, y, w, h };
}

function overlaps(boxes: readonly Box[]): string[] {
  return boxes.flatMap((one, index) => [
    ...(one.w > 0 && one.h > 0 && one.x >= 0 && one.x + one.w <= COLUMNS
      ? []
      : [`${one.title} is off the grid`]),
    ...boxes
      .slice(index + 1)
      .filter(
        (other) =>
          one.x < other.x + other.w &&
          other.x < one.x + one.w &&
          one.y < other.y + other.h &&
          other.y < one.y + one.h,
      )
      .map((other) => `${one.title} lies on ${other.title}`),
  ]);
}
