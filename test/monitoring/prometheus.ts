/**
 * A real Prometheus for tests: own directory, own port, the files it is given. What it says of queries, rules, alerts and
 * targets is read over its HTTP API; everything it made is removed by `dispose`, also after a test failed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { eventually, freePort } from '../walk/process.ts';

const READY_MS = 20_000;
const ANSWER_MS = 10_000;
const LOG_BYTES_MAX = 256 * 1024;

/** The tool that PROMETHEUS or PROMTOOL names, or the one on PATH. */
export function findTool(
  name: 'prometheus' | 'promtool',
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const named = env[name.toUpperCase()];
  if (named !== undefined && named !== '') return named;
  return (env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** For a suite's `before`: the tool, or a loud word that the suite is skipped for want of it. */
export function toolOrSkip(context: Mocha.Context, name: 'prometheus' | 'promtool'): string {
  const found = findTool(name);
  if (found !== undefined) return found;
  console.warn(`      no ${name} on PATH and none named by ${name.toUpperCase()}: hack/test.sh installs one`);
  return context.skip();
}

export type Labels = Readonly<Record<string, string>>;

/** One series at one moment. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One series over a time: moments in Unix seconds. */
export interface Series {
  readonly labels: Labels;
  readonly points: readonly (readonly [timeSeconds: number, value: number])[];
}

export interface Alert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly state: 'pending' | 'firing';
}

export interface Rule {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly query: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Of an alerting rule. */
  readonly state?: 'inactive' | 'pending' | 'firing';
  readonly alerts?: readonly Alert[];
}

export interface Target {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly labels: Labels;
  readonly health: 'up' | 'down' | 'unknown';
  /** Why it is down; empty otherwise. */
  readonly lastError: string;
}

/** What a query's answer holds, before it is made into samples or series. */
type Found =
  | { readonly resultType: 'vector'; readonly result: readonly RawSample[] }
  | { readonly resultType: 'matrix'; readonly result: readonly RawSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Point };
type Point = readonly [timeSeconds: number, value: string];
interface RawSample {
  readonly metric: Labels;
  readonly value: Point;
}
interface RawSeries {
  readonly metric: Labels;
  readonly values: readonly Point[];
}

/** Prometheus writes numbers as text, for JSON has no infinity. */
function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}

export class PrometheusProcess {
  readonly home: string;
  readonly port: number;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(home: string, port: number, child: ChildProcess) {
    this.home = home;
    this.port = port;
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-LOG_BYTES_MAX);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /**
   * Starts Prometheus on a copy of `files`, which are named by their path beside `prometheus.yml` (one of them), and
   * waits until it is ready. Paths inside the configuration are relative to it, as everywhere.
   */
  static async open(options: {
    readonly files: Readonly<Record<string, string>>;
    readonly flags?: readonly string[];
  }): Promise<PrometheusProcess> {
    const tool = findTool('prometheus');
    if (tool === undefined) throw new Error('no prometheus on PATH and none named by PROMETHEUS');
    const home = mkdtempSync(join(tmpdir(), 'gantry-prometheus-'));
    for (const [path, text] of Object.entries(options.files)) {
      const file = join(home, 'config', path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode: 0o600 });
    }
    const port = await freePort();
    const child = spawn(
      tool,
      [
        `--config.file=${join(home, 'config', 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(home, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
        // Targets are otherwise taken up only every 5 seconds.
        '--scrape.discovery-reload-interval=100ms',
        ...(options.flags ?? []),
      ],
      { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const prometheus = new PrometheusProcess(home, port, child);
    try {
      await prometheus.#untilReady();
    } catch (error) {
      await prometheus.dispose();
      throw error;
    }
    return prometheus;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The last of what it logged. */
  get log(): string {
    return this.#log;
  }

  /** What `expression` is now, or at `timeSeconds`. A scalar is one sample without labels. */
  async query(expression: string, timeSeconds?: number): Promise<Sample[]> {
    const found = await this.#found('/api/v1/query', {
      query: expression,
      ...(timeSeconds === undefined ? {} : { time: String(timeSeconds) }),
    });
    if (found.resultType === 'vector') {
      return found.result.map(({ metric, value }) => ({ labels: metric, value: numberOf(value[1]) }));
    }
    if (found.resultType === 'scalar') return [{ labels: {}, value: numberOf(found.result[1]) }];
    throw new Error(`"${expression}" is a ${found.resultType}, wanted a vector or a scalar`);
  }

  async queryRange(
    expression: string,
    range: { readonly startSeconds: number; readonly endSeconds: number; readonly stepSeconds: number },
  ): Promise<Series[]> {
    const found = await this.#found('/api/v1/query_range', {
      query: expression,
      start: String(range.startSeconds),
      end: String(range.endSeconds),
      step: String(range.stepSeconds),
    });
    if (found.resultType !== 'matrix') {
      throw new Error(`"${expression}" is a ${found.resultType}, wanted a matrix`);
    }
    return found.result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([time, value]) => [time, numberOf(value)] as const),
    }));
  }

  /** Every rule of every group, in order. */
  async rules(): Promise<Rule[]> {
    const { groups } = (await this.#data('/api/v1/rules', {})) as {
      readonly groups: readonly { readonly rules: readonly Rule[] }[];
    };
    return groups.flatMap((group) => group.rules);
  }

  /** The alerts that are pending or firing now. */
  async alerts(): Promise<Alert[]> {
    const { alerts } = (await this.#data('/api/v1/alerts', {})) as { readonly alerts: readonly Alert[] };
    return [...alerts];
  }

  async targets(): Promise<Target[]> {
    const { activeTargets } = (await this.#data('/api/v1/targets', { state: 'active' })) as {
      readonly activeTargets: readonly Target[];
    };
    return [...activeTargets];
  }

  /** Waits until every job named has a target, and every target was scraped with success; gives them. */
  async untilUp(jobs: readonly string[], timeoutMs = 30_000): Promise<Target[]> {
    let last: readonly Target[] = [];
    return eventually(
      `targets of ${jobs.join(', ')} are up`,
      async () => {
        const targets = await this.targets();
        last = targets;
        const all = jobs.every((job) => targets.some((target) => target.labels.job === job));
        return all && targets.every((target) => target.health === 'up') ? targets : undefined;
      },
      timeoutMs,
    ).catch((error: unknown) => {
      const found = last.map(
        ({ labels, health, scrapeUrl, lastError }) => `${labels.job} ${scrapeUrl} ${health} ${lastError}`,
      );
      throw new Error(`${String(error)}\n${found.join('\n')}\n${this.#log}`, { cause: error });
    });
  }

  async dispose(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    let failed: Error | undefined;
    this.#child.once('error', (error) => {
      failed = error;
    });
    await eventually(
      'prometheus is ready',
      async () => {
        if (failed !== undefined) throw failed;
        if (this.#child.exitCode !== null) {
          throw new Error(`prometheus ended with ${this.#child.exitCode}:\n${this.#log}`);
        }
        const answer = await fetch(`${this.url}/-/ready`).catch(() => undefined);
        await answer?.text();
        return answer?.status === 200 ? true : undefined;
      },
      READY_MS,
    );
  }

  async #found(path: string, parameters: Readonly<Record<string, string>>): Promise<Found> {
    return (await this.#data(path, parameters)) as Found;
  }

  /** The `data` of an answer; what Prometheus refuses is an error with its words and the query. */
  async #data(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.url}${path}?${new URLSearchParams(parameters).toString()}`, {
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const answer = (await response.json()) as {
      readonly status: string;
      readonly data?: unknown;
      readonly errorType?: string;
      readonly error?: string;
    };
    if (answer.status !== 'success') {
      throw new Error(
        `${path} ${parameters.query ?? ''}: ${answer.errorType ?? response.status}: ${answer.error ?? 'no reason given'}`,
      );
    }
    return answer.data;
  }
}
