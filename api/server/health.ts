/**
 * `/livez`, `/readyz` and `/healthz`: is the process alive, and may it be asked. Public, so a failure's reason goes to
 * the log and not into the answer.
 * Source: Kubernetes documentation, "Kubernetes API health endpoints" (`?verbose`, `?exclude=`, one check by path).
 */
import type { Clock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { AppContext } from './context.ts';
import { arrivalOf } from './middleware/arrival.ts';

export interface HealthCheck {
  /** One word, for example `etcd`. */
  readonly name: string;
  /** Throws, or rejects, when something is wrong. The signal aborts when nobody waits any more. */
  check(signal: AbortSignal): void | Promise<void>;
  /** What `?verbose` says beside "ok". For everybody to read. */
  note?(): string;
}

export interface HealthDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/** A check that has not answered by then has failed. */
const CHECK_TIMEOUT_MS = 5_000;

interface CheckResult {
  readonly name: string;
  readonly isExcluded: boolean;
  readonly problem: string | undefined;
  readonly note?: string | undefined;
}

const ping: HealthCheck = { name: 'ping', check: () => undefined };
const SHUTDOWN = 'shutdown';

export interface HealthChecks {
  readonly live: readonly HealthCheck[];
  readonly ready: readonly HealthCheck[];
}

/** The answer for one endpoint: `livez`, `readyz` or `healthz`; `only` names a single check of it. */
export async function answerHealth(
  ctx: AppContext,
  endpoint: 'livez' | 'readyz' | 'healthz',
  checks: HealthChecks,
  deps: HealthDeps,
  only?: string,
): Promise<boolean> {
  const isReadiness = endpoint === 'readyz';
  const { stopping } = arrivalOf(ctx.req);
  const all = [ping, ...checks.live, ...(isReadiness ? checks.ready : [])];
  const isChosen = (name: string): boolean => only === undefined || only === name;
  const chosen = all.filter((check) => isChosen(check.name));
  const tellsShutdown = isReadiness && isChosen(SHUTDOWN);
  if (chosen.length === 0 && !tellsShutdown) return false;
  const excluded = new Set([ctx.query.exclude ?? []].flat());
  const results = await Promise.all(
    chosen.map(async (check): Promise<CheckResult> => {
      const isExcluded = excluded.has(check.name);
      return {
        name: check.name,
        isExcluded,
        problem: isExcluded ? undefined : await problemOf(check, deps.clock),
        note: check.note?.(),
      };
    }),
  );
  if (tellsShutdown) {
    // Looked at last: it may have begun while the others were running.
    const isExcluded = excluded.has(SHUTDOWN);
    const problem = stopping.aborted && !isExcluded ? 'the server is shutting down' : undefined;
    results.push({ name: SHUTDOWN, isExcluded, problem });
  }
  const failed = results.filter((result) => result.problem !== undefined);
  for (const { name, problem } of failed)
    deps.log.warn({ endpoint, check: name, problem }, 'health check failed');

  ctx.set('Content-Type', 'text/plain; charset=utf-8');
  ctx.set('Cache-Control', 'no-cache, no-store');
  ctx.set('X-Content-Type-Options', 'nosniff');
  const lines = results.map(({ name, isExcluded, problem, note }) => {
    if (problem !== undefined) return `[-]${name} failed: reason withheld`;
    const told = note === undefined ? '' : `: ${note}`;
    return isExcluded ? `[+]${name} excluded: ok` : `[+]${name} ok${told}`;
  });
  const known = new Set(results.map(({ name }) => name));
  const unknown = [...excluded].filter((name) => name !== '' && !known.has(name));
  if (unknown.length > 0) {
    const names = unknown.map((name) => JSON.stringify(name)).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (failed.length > 0) {
    // Load balancers read 503 as "not now"; a check that fails while serving is Kubernetes' 500.
    ctx.status = failed.some(({ name }) => name === SHUTDOWN) ? 503 : 500;
    ctx.body = `${lines.join('\n')}\n${endpoint} check failed\n`;
    return true;
  }
  ctx.status = 200;
  ctx.body = ctx.query.verbose === undefined ? 'ok' : `${lines.join('\n')}\n${endpoint} check passed\n`;
  return true;
}

async function problemOf(check: HealthCheck, clock: Clock): Promise<string | undefined> {
  const controller = new AbortController();
  const late = Promise.withResolvers<string>();
  const timer = clock.after(CHECK_TIMEOUT_MS, () => late.resolve(`no answer within ${CHECK_TIMEOUT_MS} ms`));
  const answer = (async (): Promise<string | undefined> => {
    try {
      await check.check(controller.signal);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  })();
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    timer.cancel();
    controller.abort();
  }
}
