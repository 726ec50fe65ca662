/** A real Prometheus on a real Gantry: all four jobs, as fast as tests need it, let in by a token as it would be anywhere. */
import type { GantryProcess } from '../walk/process.ts';
import { PrometheusProcess } from './prometheus.ts';

export const JOBS = ['gantry', 'gantry-state', 'gantry-containers'] as const;

/** Scrapes every second as group `gantry:monitoring`, so that what is not granted to it is not seen here either. */
export async function openPrometheusOn(gantry: GantryProcess): Promise<PrometheusProcess> {
  const { code, stdout, stderr } = await gantry.gantry(
    'token create --user prometheus --group gantry:monitoring --ttl 1h'.split(' '),
  );
  if (code !== 0) throw new Error(`no token: ${stderr}`);
  const server = `127.0.0.1:${gantry.securePort}`;
  // The type is the default of scraping; Prometheus 2.42 leaves it out where it asks for targets.
  const way =
    'scheme: https, tls_config: {insecure_skip_verify: true}, authorization: {type: Bearer, credentials_file: token}';
  const scraped = (name: string, more: string): string => `  - {job_name: ${name}, ${way}, ${more}}\n`;
  return PrometheusProcess.open({
    files: {
      token: stdout.trim(),
      'prometheus.yml': [
        'global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nscrape_configs:\n',
        scraped('gantry', `static_configs: [{targets: ['${server}']}]`),
        scraped(
          'gantry-state',
          `metrics_path: /metrics/state, honor_labels: true, static_configs: [{targets: ['${server}']}]`,
        ),
        scraped(
          'gantry-containers',
          `honor_labels: true, http_sd_configs: [{refresh_interval: 1s, url: 'https://${server}/discovery/prometheus/workers', ${way.replace('scheme: https, ', '')}}]`,
        ),
      ].join(''),
    },
  });
}
