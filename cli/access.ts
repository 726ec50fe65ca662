/** Opens what decides who somebody is and what is told of them: tokens, the audit's policy and its file. */
import { readFile } from 'node:fs/promises';
import { type AuditPolicy, parseAuditPolicy } from '../api/registry/access/audit/policy.ts';
import { type AuditSink, AuditTrail } from '../api/registry/access/audit/trail.ts';
import type { TokenParts } from '../api/registry/access/authenticate.ts';
import type { Clock } from '../machinery/clock.ts';
import { fileProblem } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import { StaticTokens } from '../net/statictokens.ts';
import type { TokenAuthority } from '../net/tokens.ts';
import { SettingsError } from './config.ts';
import type { Settings } from './settings.ts';

export interface AccessContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly authority: TokenAuthority;
}

export interface Access {
  readonly tokens: TokenParts;
  readonly auditPolicy?: AuditPolicy;
  /** Absent: the log. Whoever takes it closes it. */
  readonly auditSink?: AuditSink;
}

/** Opens all of it but the authority. Rejects with `TokenError` or `SettingsError`, which name the file and what is wrong with it. */
export async function openAccess(settings: Settings, context: AccessContext): Promise<Access> {
  const { clock, log, metrics, authority } = context;
  const { tokenAuthFile, auditPolicyFile, auditLogPath } = settings;
  const staticTokens = tokenAuthFile === undefined ? undefined : new StaticTokens(tokenAuthFile, clock, log);
  await staticTokens?.open();
  const auditPolicy = auditPolicyFile === undefined ? undefined : await readPolicy(auditPolicyFile);
  const auditSink =
    auditLogPath === '-'
      ? undefined
      : await openTrail({
          path: auditLogPath,
          maxBytes: settings.auditLogMaxBytes,
          maxBackups: settings.auditLogMaxBackups,
          clock,
          log,
          metrics,
        });
  return {
    tokens: { authority, ...(staticTokens === undefined ? {} : { staticTokens }) },
    ...(auditPolicy === undefined ? {} : { auditPolicy }),
    ...(auditSink === undefined ? {} : { auditSink }),
  };
}

async function readPolicy(path: string): Promise<AuditPolicy> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`cannot read the audit policy ${path}: ${fileProblem(error)}`, { cause: error });
  }
  try {
    return parseAuditPolicy(text);
  } catch (error) {
    throw new SettingsError(`the audit policy ${path} is not understood: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function openTrail(options: Parameters<typeof AuditTrail.open>[0]): Promise<AuditTrail> {
  try {
    return await AuditTrail.open(options);
  } catch (error) {
    throw new SettingsError(messageOf(error), { cause: error });
  }
}
