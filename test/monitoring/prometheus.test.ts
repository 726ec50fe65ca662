import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { eventually } from '../walk/process.ts';
import { findTool, PrometheusProcess, toolOrSkip } from './prometheus.ts';

describe('A Prometheus for tests', () => {
  let scraped: Server;
  let prometheus: PrometheusProcess;

  before(async function () {
    this.timeout(30_000);
    toolOrSkip(this, 'prometheus');
    scraped = createServer((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
        .end('# TYPE depth gauge\ndepth 7\n');
    });
    await new Promise<void>((resolve) => scraped.listen(0, '127.0.0.1', resolve));
    const { port } = scraped.address() as AddressInfo;
    prometheus = await PrometheusProcess.open({
      files: {
        'prometheus.yml': `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules/*.yml]
scrape_configs: [{job_name: sea, static_configs: [{targets: ['127.0.0.1:${port}']}]}]
`,
        'rules/deep.yml': `
groups:
  - name: sea
    rules:
      - {record: 'depth:double', expr: depth * 2}
      - {alert: Deep, expr: depth > 5, labels: {severity: page}, annotations: {summary: it is deep}}
`,
      },
    });
  });

  after(async () => {
    await prometheus?.dispose();
    scraped?.close();
  });

  it('tells targets, queries, ranges, rules and alerts, and its reason for refusing a query', async function () {
    this.timeout(30_000);
    const [target] = await prometheus.untilUp(['sea']);
    expect(target?.labels.job).to.equal('sea');
    await eventually('the alert fires and the rule is recorded', async () => {
      const [alert] = await prometheus.alerts();
      const recorded = await prometheus.query('depth:double');
      return alert?.state === 'firing' && recorded.length > 0 ? true : undefined;
    });
    expect((await prometheus.query('depth')).map(({ labels, value }) => [labels.job, value])).to.deep.equal([
      ['sea', 7],
    ]);
    expect(await prometheus.query('scalar(depth)')).to.deep.equal([{ labels: {}, value: 7 }]);
    expect((await prometheus.query('depth / 0'))[0]?.value).to.equal(Number.POSITIVE_INFINITY);
    const nowSeconds = (await prometheus.query('time()'))[0]?.value ?? 0;
    const [series] = await prometheus.queryRange('depth', {
      startSeconds: nowSeconds - 10,
      endSeconds: nowSeconds,
      stepSeconds: 1,
    });
    expect(series?.points.at(-1)?.[1]).to.equal(7);
    expect((await prometheus.rules()).map(({ name, health, state }) => [name, health, state])).to.deep.equal([
      ['depth:double', 'ok', undefined],
      ['Deep', 'ok', 'firing'],
    ]);
    const refused = await prometheus.query('depth +').catch((error: unknown) => String(error));
    expect(refused).to.match(/depth \+: bad_data: .*parse error/);
  });

  it('says what Prometheus logged when the configuration is wrong, and leaves nothing', async function () {
    this.timeout(30_000);
    const refused = await PrometheusProcess.open({ files: { 'prometheus.yml': 'scrape_confogs: []' } }).catch(
      (error: unknown) => String(error),
    );
    expect(refused).to.match(/prometheus ended with \d+:[^]*scrape_confogs/);
  });

  it('removes its directory at the end', async function () {
    this.timeout(30_000);
    const other = await PrometheusProcess.open({ files: { 'prometheus.yml': '{}' } });
    expect(existsSync(other.home)).to.equal(true);
    await other.dispose();
    expect(existsSync(other.home)).to.equal(false);
  });

  it('is the one that PROMETHEUS names before the one on PATH', () => {
    expect(findTool('prometheus', { PROMETHEUS: '/opt/prometheus', PATH: '/usr/bin' })).to.equal(
      '/opt/prometheus',
    );
    expect(findTool('promtool', { PATH: '/nowhere' })).to.equal(undefined);
  });
});
