/** The one list of kinds with rules of their own, by `<group>/<plural>`. */
import type { Resource } from '../../../../machinery/meta.ts';
import { namespaceRules } from './namespace.ts';
import type { KindRules } from './rules.ts';
import { taskRules } from './task.ts';

const list: Readonly<Record<string, KindRules>> = {
  '/namespaces': namespaceRules,
  'gantry.dev/tasks': taskRules,
};

const NONE: KindRules = {};

export function rulesOf(kind: Pick<Resource, 'group' | 'plural'>): KindRules {
  return list[`${kind.group}/${kind.plural}`] ?? NONE;
}
