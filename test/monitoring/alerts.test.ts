import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { dump, load } from 'js-yaml';
import { command } from '../walk/process.ts';
import { type AlertCase, alertCases, type Firing } from './alertcases.ts';
import { knownMetrics } from './knownmetrics.ts';
import { toolOrSkip } from './prometheus.ts';
import { parsePromql } from './promql.ts';
import {
  monitoringRoot,
  ruleFiles,
  type ShippedRule,
  shippedRules,
  shippedText,
  withCertificate,
} from './shipped.ts';

const runbooks = join(import.meta.dirname, '..', '..', 'docs', 'runbooks');
const rules = shippedRules();
const alerts = rules.filter((rule) => rule.alert !== undefined);
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
const HEADINGS = ['## What it means', '## See', '## Do', '## Prevent'];

describe('Alerts', () => {
  it('have a severity, a summary, a description and a page that says what to do, and no page is left over', () => {
    const faults = alerts.flatMap(({ alert = '', labels = {}, annotations = {} }) => {
      const page = join(runbooks, `${alert}.md`);
      const text = existsSync(page) ? readFileSync(page, 'utf8') : '';
      return [
        ...(['critical', 'warning'].includes(labels.severity ?? '')
          ? []
          : [`${alert}: severity ${labels.severity ?? 'none'}, wanted critical or warning`]),
        ...(['summary', 'description'] as const)
          .filter((name) => (annotations[name] ?? '') === '')
          .map((name) => `${alert}: no ${name}`),
        ...(annotations.runbook_url === `docs/runbooks/${alert}.md`
          ? []
          : [`${alert}: runbook_url ${annotations.runbook_url}`]),
        ...(text.startsWith(`# ${alert}\n`) ? [] : [`${alert}: no page of that heading in docs/runbooks`]),
        ...HEADINGS.filter((heading) => !text.includes(`\n${heading}\n`)).map(
          (heading) => `docs/runbooks/${alert}.md: no "${heading}"`,
        ),
      ];
    });
    expect(faults).to.deep.equal([]);
    const pages = readdirSync(runbooks).filter((name) => name !== 'README.md');
    expect(pages.toSorted()).to.deep.equal(alerts.map(({ alert }) => `${alert}.md`).toSorted());
  });

  it('are told of in docs/monitoring.md, with their severity and how long they wait', () => {
    const text = readFileSync(join(runbooks, '..', 'monitoring.md'), 'utf8');
    const told = [...text.matchAll(/^\| (Gantry\w+) \|.*\| ([^|]*) \| (\w+) \|$/gm)].map((match) =>
      match.slice(1),
    );
    expect(told).to.deep.equal(
      alerts.map(({ alert, labels, for: wait }) => [alert, waitWords(wait), labels?.severity]),
    );
  });

  it('are each tried where they fire and where they do not', () => {
    const untried = alerts.flatMap(({ alert }) => {
      const cases = alertCases.filter((each) => each.alert === alert);
      return cases.some(({ fires }) => fires.length > 0) && cases.some(({ fires }) => fires.length === 0)
        ? []
        : [alert];
    });
    expect(untried).to.deep.equal([]);
  });

  it('and recordings ask only for metrics and labels that are told of in docs/metrics.md, or are recorded', () => {
    const known = knownMetrics();
    const faults = rules.flatMap(({ alert, record, expr }) => {
      const name = alert ?? record ?? '';
      const { errors, selectors } = parsePromql(expr);
      return [
        ...errors.map((error) => `${name}: ${error}`),
        ...selectors.flatMap(({ metric, labels }) => {
          if (recorded.has(metric)) return [];
          const found = known.get(metric);
          if (found === undefined) return [`${name}: no metric ${metric}`];
          return labels
            .filter((label) => !found.labels.has(label))
            .map((label) => `${name}: ${metric} has no label ${label}`);
        }),
      ];
    });
    expect(faults).to.deep.equal([]);
    expect(alerts.length).to.be.greaterThan(10);
  });
});

interface ScrapeJob {
  readonly job_name: string;
  readonly metric_relabel_configs?: readonly { readonly regex: string; readonly action: string }[];
}

describe('What a Task exports', () => {
  it('is none of what alerts and recordings go by, whatever it is called', () => {
    const { scrape_configs: all } = load(shippedText('prometheus.yml')) as {
      scrape_configs: readonly ScrapeJob[];
    };
    const [drop] = all.find(({ job_name }) => job_name === 'gantry-tasks')?.metric_relabel_configs ?? [];
    expect(drop?.action).to.equal('drop');
    // As Prometheus anchors it.
    const dropped = new RegExp(`^(?:${drop?.regex})$`);
    const let_in = rules
      .flatMap(({ expr }) => parsePromql(expr).selectors.map(({ metric }) => metric))
      // Prometheus' own word on each scrape.
      .filter((metric) => metric !== 'up' && !dropped.test(metric));
    expect(let_in).to.deep.equal([]);
    expect(dropped.test('http_requests_total')).to.equal(false);
  });
});

describe('Alerts, as promtool has them', () => {
  let promtool: string;
  let home: string;

  before(function () {
    promtool = toolOrSkip(this, 'promtool');
    home = mkdtempSync(join(tmpdir(), 'gantry-rules-'));
    for (const path of ['prometheus.yml', ...ruleFiles.map((file) => `rules/${file}`)]) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), shippedText(path));
    }
    mkdirSync(join(home, 'gantry'));
    for (const file of ['ca.crt', 'token', 'client.crt', 'client.key'])
      writeFileSync(join(home, 'gantry', file), '');
    writeFileSync(join(home, 'certificate.yml'), withCertificate(shippedText('prometheus.yml')));
  });

  after(() => {
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  it('are rules that it understands', async () => {
    const files = ruleFiles.map((file) => join(monitoringRoot, 'rules', file));
    const checked = await command(promtool, ['check', 'rules', ...files]);
    expect(checked.code, checked.stdout + checked.stderr).to.equal(0);
  });

  for (const file of ['prometheus.yml', 'certificate.yml']) {
    it(`belong to a configuration that it understands (${file === 'prometheus.yml' ? 'token' : 'client certificate'})`, async () => {
      const checked = await command(promtool, ['check', 'config', join(home, file)]);
      expect(checked.code, checked.stdout + checked.stderr).to.equal(0);
      expect(readFileSync(join(home, file), 'utf8').includes('authorization:')).to.equal(
        file === 'prometheus.yml',
      );
    });
  }

  it('fire in each of the worlds where they should and in no other', async function () {
    this.timeout(30_000);
    writeFileSync(join(home, 'cases.yml'), dump(promtoolTests(alertCases)));
    const tried = await command(promtool, ['test', 'rules', join(home, 'cases.yml')]);
    expect(tried.code, tried.stdout + tried.stderr).to.equal(0);
  });

  it('would be seen if one fired that should not, or did not that should', async function () {
    this.timeout(30_000);
    const few = alertCases.slice(0, 8);
    const turned = few.map(
      (each): AlertCase => ({
        ...each,
        fires: each.fires.length > 0 ? [] : [{ labels: { namespace: 'nobody' } }],
      }),
    );
    writeFileSync(join(home, 'turned.yml'), dump(promtoolTests(turned)));
    const tried = await command(promtool, ['test', 'rules', join(home, 'turned.yml')]);
    const words = tried.stdout + tried.stderr;
    expect(tried.code).to.equal(1);
    expect(words.split('alertname:').length - 1, words).to.equal(few.length);
  });
});

function waitWords(wait: string | undefined): string {
  return wait === undefined ? 'at once' : wait.replace(/m$/, ' min').replace(/h$/, ' h');
}

/** What `promtool test rules` reads, with every annotation as it will be read by somebody. */
function promtoolTests(cases: readonly AlertCase[]): object {
  return {
    rule_files: ruleFiles.map((file) => `rules/${file}`),
    evaluation_interval: '1m',
    tests: cases.map(({ alert, world, series, at, fires }) => {
      const rule = alerts.find((each) => each.alert === alert);
      if (rule === undefined) throw new Error(`there is no alert ${alert}`);
      return {
        name: `${alert}: ${world}`,
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          {
            eval_time: at,
            alertname: alert,
            exp_alerts: fires.map((firing) => ({
              exp_labels: { ...rule.labels, ...firing.labels },
              exp_annotations: rendered(rule, firing),
            })),
          },
        ],
      };
    }),
  };
}

function rendered({ annotations = {} }: ShippedRule, { labels, value }: Firing): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([name, text]) => [
      name,
      text
        .replaceAll(
          /\{\{ with \$labels\.(\w+) \}\}(.*?)\{\{ end \}\}/g,
          (_whole, label: string, inner: string) =>
            labels[label] === undefined ? '' : inner.replaceAll('{{ . }}', labels[label]),
        )
        .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_whole, label: string) => labels[label] ?? '')
        .replaceAll(/\{\{ \$value[^}]*\}\}/g, value ?? '(a value that the case does not tell)'),
    ]),
  );
}
