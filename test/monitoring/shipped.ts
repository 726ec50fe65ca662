/** The files of manifests/monitoring that Prometheus reads, by their path beside prometheus.yml. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';

export const monitoringRoot = join(import.meta.dirname, '..', '..', 'manifests', 'monitoring');

export interface ShippedRule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Of the directory `rules`. */
export const ruleFiles: readonly string[] = readdirSync(join(monitoringRoot, 'rules')).toSorted();

export function shippedText(path: string): string {
  return readFileSync(join(monitoringRoot, path), 'utf8');
}

export function shippedRules(): ShippedRule[] {
  return ruleFiles.flatMap((file) => {
    const document = load(shippedText(`rules/${file}`)) as {
      readonly groups: readonly { readonly rules: readonly ShippedRule[] }[];
    };
    return document.groups.flatMap((group) => group.rules);
  });
}

/** The configuration that is shipped, for a Gantry at `address`, asking every second. */
export function configurationFor(address: string): string {
  return shippedText('prometheus.yml')
    .replaceAll('127.0.0.1:7443', address)
    .replace(/scrape_interval: 15s/, 'scrape_interval: 1s')
    .replace(/scrape_timeout: 10s/, 'scrape_timeout: 1s')
    .replace(/evaluation_interval: 15s/, 'evaluation_interval: 1s')
    .replaceAll('refresh_interval: 30s', 'refresh_interval: 1s');
}

/** The same, as its comments say for a client certificate: without the token, and with the two lines they name. */
export function withCertificate(configuration: string): string {
  return configuration
    .replaceAll(/^ *authorization:.*\n/gm, '')
    .replace('# cert_file:', 'cert_file:')
    .replace('# key_file:', 'key_file:');
}
