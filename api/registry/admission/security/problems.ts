/**
 * What a Task asks for beyond its namespace's security level. Pure, and total: it is also asked about specs that were
 * stored before a field had its present shape.
 * Source of the rules: Kubernetes documentation, "Pod Security Standards", baseline and restricted as of 1.34, as far as
 * a Task has the field; where Gantry differs and why is in docs/adr/0022.
 */
import { isRecord, readPath } from '../../../../machinery/json.ts';
import { isAllowedHostPath } from './hostpaths.ts';
import type { SecurityLevel } from './levels.ts';

export interface SecurityProblem {
  /** As a path from the object's root: `spec.volumes[0].hostPath`. */
  readonly field: string;
  /** Follows the field: `must not be true`. */
  readonly message: string;
}

export interface SecuritySettings {
  /** Paths of workers that baseline Tasks may mount, and what lies below them. */
  readonly allowedHostPaths: readonly string[];
}

/** Of Docker's default set those that Kubernetes' baseline names: they add nothing that is not there anyway. */
const BASELINE_CAPABILITIES: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];
const RESTRICTED_CAPABILITIES: readonly string[] = ['NET_BIND_SERVICE'];

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1)$/;

/** Where a probe or a hook may name somebody else to be asked. */
const ASKING: readonly (readonly string[])[] = [
  ...['livenessProbe', 'readinessProbe', 'startupProbe'].map((probe) => [probe]),
  ...['postStart', 'preStop'].map((hook) => ['lifecycle', hook]),
].flatMap((path) => ['httpGet', 'tcpSocket'].map((action) => [...path, action, 'host']));

/** @param spec the Task's. */
export function securityProblems(
  spec: unknown,
  level: SecurityLevel,
  settings: SecuritySettings,
): readonly SecurityProblem[] {
  switch (level) {
    case 'privileged':
      return [];
    case 'baseline':
      return baselineProblems(spec, BASELINE_CAPABILITIES, settings.allowedHostPaths);
    case 'restricted':
      return [...baselineProblems(spec, RESTRICTED_CAPABILITIES, 'none'), ...restrictedProblems(spec)];
  }
}

function baselineProblems(
  spec: unknown,
  capabilities: readonly string[],
  hostPaths: readonly string[] | 'none',
): SecurityProblem[] {
  const problems: SecurityProblem[] = [];
  const tell = (field: string, message: string): void =>
    void problems.push({ field: `spec.${field}`, message });
  const at = (...path: string[]): unknown => readPath(spec, path);

  if (at('securityContext', 'privileged') === true) tell('securityContext.privileged', 'must not be true');
  if (at('network', 'mode') === 'host') tell('network.mode', 'must not be "host"');
  if (at('hostPID') === true) tell('hostPID', 'must not be true');
  if (at('securityContext', 'seccompProfile', 'type') === 'Unconfined')
    tell('securityContext.seccompProfile.type', 'must not be "Unconfined"');
  const tooMuch = itemsOf(at('securityContext', 'capabilities', 'add')).filter(
    (name) => typeof name !== 'string' || !capabilities.includes(name),
  );
  if (tooMuch.length > 0) {
    tell(
      'securityContext.capabilities.add',
      `must not include ${tooMuch.map((name) => JSON.stringify(name)).join(', ')} (allowed: ${capabilities.join(', ')})`,
    );
  }
  itemsOf(at('volumes')).forEach((volume, index) => {
    const hostPath = isRecord(volume) ? volume['hostPath'] : undefined;
    if (hostPath === undefined) return;
    const path = isRecord(hostPath) && typeof hostPath['path'] === 'string' ? hostPath['path'] : '';
    if (hostPaths === 'none') tell(`volumes[${index}].hostPath`, 'must be absent');
    else if (!isAllowedHostPath(path, hostPaths)) {
      const allowed = hostPaths.length === 0 ? 'none is' : `allowed: ${hostPaths.join(', ')}`;
      tell(
        `volumes[${index}].hostPath.path`,
        `must be a path that the operator allows (found ${JSON.stringify(path)}, ${allowed})`,
      );
    }
  });
  itemsOf(at('ports')).forEach((port, index) => {
    const hostIP = isRecord(port) ? port['hostIP'] : undefined;
    if (hostIP === undefined || (typeof hostIP === 'string' && LOOPBACK.test(hostIP))) return;
    tell(
      `ports[${index}].hostIP`,
      `must be absent or a loopback address (found ${JSON.stringify(hostIP)}); absent is the worker's publish address`,
    );
  });
  itemsOf(at('ulimits')).forEach((limit, index) => {
    if (!isRecord(limit) || limit['name'] !== 'rtprio' || (limit['soft'] === 0 && limit['hard'] === 0))
      return;
    tell(`ulimits[${index}]`, 'must not raise rtprio: what runs in real time is held by no cpu limit');
  });
  for (const path of ASKING) {
    const host = at(...path);
    if (host !== undefined && host !== '')
      tell(path.join('.'), `must be absent (found ${JSON.stringify(host)})`);
  }
  return problems;
}

/** What restricted asks for on top. An absent seccompProfile is RuntimeDefault here, and an absent allowPrivilegeEscalation no. */
function restrictedProblems(spec: unknown): SecurityProblem[] {
  const problems: SecurityProblem[] = [];
  const tell = (field: string, message: string): void =>
    void problems.push({ field: `spec.securityContext.${field}`, message });
  const at = (...path: string[]): unknown => readPath(spec, ['securityContext', ...path]);

  if (at('allowPrivilegeEscalation') === true) tell('allowPrivilegeEscalation', 'must not be true');
  const user = at('runAsUser');
  if (user === 0) tell('runAsUser', 'must not be 0');
  else if (
    at('runAsNonRoot') !== true &&
    !(typeof user === 'number' && user > 0 && at('runAsNonRoot') !== false)
  )
    tell('runAsNonRoot', 'must be true, or runAsUser a number above 0');
  if (!itemsOf(at('capabilities', 'drop')).includes('ALL')) tell('capabilities.drop', 'must include "ALL"');
  return problems;
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
