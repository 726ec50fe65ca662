/** What a panel shows, as data, so that tests can ask its queries; and the one place where it becomes Grafana's. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel as GrafanaPanel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export interface Query {
  readonly expr: string;
  /** What a series is called: `{{task}}`. Of a table, the heading of its value: none where that is always 1. */
  readonly legend: string;
  /** When it is right that nothing comes. The description tells it; without it a test takes emptiness for an error. */
  readonly emptyWhile?: string;
  /** Shows the traces of single requests as points. */
  readonly exemplars?: true;
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

interface Shown {
  readonly title: string;
  /** What it says, what is bad, and the command that says more. */
  readonly description: string;
  /** One of Grafana's own: see `@grafana/grafana-foundation-sdk/units`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** From which value on it is worth a look, and from which on it is bad; growing or falling. */
  readonly limits?: Limits;
  /** Of the 24 columns of a dashboard. */
  readonly width?: number;
  readonly links?: readonly Link[];
}

/** Growing: bad is above. Falling: bad is below. Without: nothing of it is bad in itself. */
export type Limits =
  | { readonly warnFrom?: number; readonly badFrom: number }
  | { readonly warnBelow?: number; readonly badBelow: number };

export type Panel =
  | (Shown & { readonly kind: 'lines'; readonly isStacked?: true; readonly max?: number })
  | (Shown & { readonly kind: 'number'; readonly whenNone: string; readonly decimals?: number })
  | (Shown & { readonly kind: 'table' });

/** How many rows there are in a dashboard's grid for a panel of this kind. */
const HEIGHT = { lines: 8, number: 4, table: 8 } as const;
const WIDTH = { lines: 12, number: 4, table: 12 } as const;
/** Grafana's own letter for each query of a panel. */
const LETTERS = 'ABCDEFGH';
export const DATASOURCE = { type: 'prometheus', uid: '$' + '{datasource}' } as const;

/** A panel as Grafana reads it. */
export function panelBuilder(panel: Panel, id: number): Builder<GrafanaPanel> {
  const builder = ofKind(panel)
    .id(id)
    .title(panel.title)
    .description(descriptionOf(panel))
    .datasource(DATASOURCE)
    .unit(panel.unit)
    .span(panel.width ?? WIDTH[panel.kind])
    .height(HEIGHT[panel.kind])
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(panel.limits)));
  for (const [index, query] of panel.queries.entries()) builder.withTarget(target(panel, query, index));
  if (panel.links !== undefined && panel.kind !== 'table') builder.dataLinks(panel.links.map(dataLink));
  return builder;
}

function ofKind(panel: Panel): TimeseriesBuilder | StatBuilder | TableBuilder {
  switch (panel.kind) {
    case 'lines':
      return lines(panel);
    case 'number':
      return new StatBuilder()
        .colorMode(BigValueColorMode.Value)
        .graphMode(BigValueGraphMode.None)
        .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
        .noValue(panel.whenNone)
        .decimals(panel.decimals ?? 0);
    case 'table':
      return table(panel);
  }
}

function lines(panel: Panel & { kind: 'lines' }): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .min(0)
    .fillOpacity(panel.isStacked === true ? 40 : 8)
    .lineWidth(1)
    .axisPlacement(AxisPlacement.Auto)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(
        panel.limits === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed,
      ),
    );
  if (panel.max !== undefined) builder.max(panel.max);
  if (panel.isStacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  return builder;
}

/** Labels are columns under their own names, which links read; values are called what their queries say. */
function table(panel: Panel & { kind: 'table' }): TableBuilder {
  const isOne = panel.queries.length === 1;
  const fields = panel.queries.map(
    ({ legend }, index) => [isOne ? 'Value' : `Value #${LETTERS[index]}`, legend] as const,
  );
  const hidden = fields.filter(([, heading]) => heading === '').map(([field]) => [field, true] as const);
  const headings = fields.filter(([, heading]) => heading !== '');
  const builder = new TableBuilder().showHeader(true).filterable(true);
  if (!isOne) builder.withTransformation({ id: 'merge', options: {} });
  builder.withTransformation({
    id: 'organize',
    options: {
      excludeByName: { Time: true, ...Object.fromEntries(hidden) },
      indexByName: {},
      renameByName: Object.fromEntries(headings),
    },
  });
  if (panel.limits !== undefined)
    builder.overrideByFieldType('number', [{ id: 'custom.cellOptions', value: { type: 'color-text' } }]);
  // A link is told at every label of its row.
  if (panel.links !== undefined)
    builder.overrideByFieldType('string', [
      { id: 'links', value: panel.links.map((link) => ({ ...link, targetBlank: link.url.startsWith('$') })) },
    ]);
  return builder;
}

function target(panel: Panel, query: Query, index: number): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(LETTERS[index] ?? '')
    .expr(query.expr)
    .legendFormat(query.legend)
    .datasource(DATASOURCE);
  if (panel.kind === 'table') return builder.format(PromQueryFormat.Table).instant();
  if (panel.kind === 'number') return builder.format(PromQueryFormat.TimeSeries).instant();
  if (query.exemplars === true) builder.exemplar(true);
  return builder.format(PromQueryFormat.TimeSeries).range();
}

export function dataLink(link: Link): DashboardLinkBuilder {
  return new DashboardLinkBuilder(link.title)
    .type(DashboardLinkType.Link)
    .url(link.url)
    .targetBlank(link.url.startsWith('$'));
}

function descriptionOf(panel: Panel): string {
  const reasons = new Set(panel.queries.flatMap(({ emptyWhile }) => emptyWhile ?? []));
  return [panel.description, ...[...reasons].map((reason) => `Empty while ${reason}.`)].join('\n\n');
}

const COLOURS = { good: 'green', worth: 'orange', bad: 'red' } as const;

function steps(limits: Limits | undefined): Threshold[] {
  if (limits === undefined) return [{ value: null, color: COLOURS.good }];
  if ('badFrom' in limits)
    return [
      { value: null, color: COLOURS.good },
      ...(limits.warnFrom === undefined ? [] : [{ value: limits.warnFrom, color: COLOURS.worth }]),
      { value: limits.badFrom, color: COLOURS.bad },
    ];
  const from = limits.warnBelow ?? limits.badBelow;
  return [
    { value: null, color: COLOURS.bad },
    ...(limits.warnBelow === undefined ? [] : [{ value: limits.badBelow, color: COLOURS.worth }]),
    { value: from, color: COLOURS.good },
  ];
}
