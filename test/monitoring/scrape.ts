/** The Prometheus that is shipped, on a real Gantry: let in by a token of `gantry:monitoring`, asking every second. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GantryProcess } from '../walk/process.ts';
import { PrometheusProcess } from './prometheus.ts';
import { configurationFor } from './shipped.ts';

/** Those that have a target also where no Task asks to be scraped. */
const JOBS = ['gantry', 'gantry-state', 'gantry-containers'];

/** Gives it once everything it scrapes is up. Without the rules: what is recorded by them is not asked for here. */
export async function openPrometheusOn(gantry: GantryProcess): Promise<PrometheusProcess> {
  const { code, stdout, stderr } = await gantry.gantry(
    `token create --home ${gantry.home} --user prometheus --group gantry:monitoring --ttl 1h`.split(' '),
  );
  if (code !== 0) throw new Error(`no token: ${stderr}`);
  const prometheus = await PrometheusProcess.open({
    files: {
      'prometheus.yml': configurationFor(`127.0.0.1:${gantry.securePort}`),
      'gantry/ca.crt': readFileSync(join(gantry.home, 'pki', 'ca.crt'), 'utf8'),
      'gantry/token': stdout.trim(),
    },
  });
  try {
    await prometheus.untilUp(JOBS);
  } catch (error) {
    await prometheus.dispose();
    throw error;
  }
  return prometheus;
}
