/** `kubectl get nodes`: the same columns and words as on Kubernetes. Source: kubectl's printer for nodes. */
import { isRecord, readPath } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

export const nodeTable: TablePrinter = {
  columns: [
    NAME_COLUMN,
    textColumn('Status', 'Whether the worker takes and keeps tasks.'),
    textColumn('Roles', `What labels ${ROLE_PREFIX}<role> say.`),
    textColumn('Age', 'Time since the worker joined.'),
    textColumn('Version', "The agent's version."),
    textColumn('Internal-IP', 'Where published ports are.', 1),
    textColumn('External-IP', 'Never set.', 1),
    textColumn('OS-Image', 'The operating system.', 1),
    textColumn('Kernel-Version', "The kernel's version.", 1),
    textColumn('Container-Runtime', "The engine's version.", 1),
  ],
  cells: (node, nowMs) => [
    node.metadata.name,
    statusOf(node),
    rolesOf(node),
    age(node.metadata.creationTimestamp, nowMs),
    infoOf(node, 'kubeletVersion'),
    addressOf(node, 'InternalIP'),
    addressOf(node, 'ExternalIP'),
    infoOf(node, 'osImage'),
    infoOf(node, 'kernelVersion'),
    infoOf(node, 'containerRuntimeVersion'),
  ],
};

function statusOf(node: DynamicObject): string {
  const ready = listAt(node, 'conditions').find((condition) => condition['type'] === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady'];
  if (readPath(node, ['spec', 'unschedulable']) === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function rolesOf(node: DynamicObject): string {
  const roles = Object.keys(node.metadata.labels ?? {})
    .filter((label) => label.startsWith(ROLE_PREFIX) && label.length > ROLE_PREFIX.length)
    .map((label) => label.slice(ROLE_PREFIX.length));
  return roles.length === 0 ? '<none>' : roles.sort().join(',');
}

function infoOf(node: DynamicObject, field: string): string {
  const value = readPath(node, ['status', 'nodeInfo', field]);
  return typeof value === 'string' && value !== '' ? value : '<unknown>';
}

function addressOf(node: DynamicObject, type: string): string {
  const found = listAt(node, 'addresses').find((address) => address['type'] === type);
  return typeof found?.['address'] === 'string' ? found['address'] : '<none>';
}

function listAt(node: DynamicObject, field: string): readonly Record<string, unknown>[] {
  const list = readPath(node, ['status', field]);
  return Array.isArray(list) ? list.filter(isRecord) : [];
}
