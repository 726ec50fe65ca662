/**
 * What a namespace's security level says to a Task in it, to whoever writes a template of Tasks, and to whoever tightens
 * the level.
 *
 * Every way to a Task's spec comes through here: create, update, every patch, apply, dry runs, and so the Pod view and
 * the doors. A change is judged by the level as the caches hold it, which by then have caught up with every label that
 * was acknowledged before the request, on whichever server. What only lets a Task end, or changes nothing of its spec,
 * is never refused: a Task that runs beyond a level that came later can still be stopped, labelled and reported on.
 * Source of the wording and of the warning: Kubernetes' Pod Security admission.
 */
import { forbiddenObject } from '../../machinery/errors.ts';
import { isRecord, isSameJson, readPath } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject } from '../../machinery/meta.ts';
import { jobs, namespaces, taskSets, tasks, taskTemplates } from '../../schemas/kinds.ts';
import { isNamespace } from './admission/rules/namespace.ts';
import { isTaskKind } from './admission/rules/task.ts';
import { isTighter, type SecurityLevel, securityLevelOf } from './admission/security/levels.ts';
import {
  type SecurityProblem,
  type SecuritySettings,
  securityProblems,
} from './admission/security/problems.ts';
import type { CacheOf } from './cache/cacheof.ts';
import type { KindEntry } from './kindtable.ts';

/** Fields of a Task's spec by which nothing is gained from its worker. */
const HARMLESS: readonly string[] = [
  'activeDeadlineSeconds',
  'bindingEpoch',
  'terminationGracePeriodSeconds',
  'tolerations',
  'ttlSecondsAfterFinished',
  'workerName',
];

/** An answer that names more Tasks than this helps nobody. */
const MAX_TOLD = 10;

export class TaskSecurity {
  readonly #cacheOf: CacheOf;
  readonly #settings: SecuritySettings;

  constructor(cacheOf: CacheOf, settings: SecuritySettings) {
    this.#cacheOf = cacheOf;
    this.#settings = settings;
  }

  /** Throws `Forbidden` naming every field and the level. */
  require({ kind }: KindEntry, before: DynamicObject | undefined, after: DynamicObject): void {
    if (!isTaskKind(kind) || (before !== undefined && isHarmless(before, after))) return;
    const { name, namespace = '' } = after.metadata;
    const level = securityLevelOf(this.#cacheOf(namespaces)?.get(namespace)?.object);
    const problems = securityProblems(after['spec'], level, this.#settings);
    if (problems.length === 0) return;
    throw forbiddenObject(
      tasks,
      name,
      `violates level ${JSON.stringify(level)} of namespace ${JSON.stringify(namespace)}: ${told(problems)}`,
      problems.map(({ field, message }) => ({ reason: 'FieldValueForbidden', field, message })),
    );
  }

  /**
   * What whoever writes a template is told: that its Tasks would be refused; and whoever tightens a namespace's level:
   * which of its Tasks would not be let in now. `before` is undefined for a new object.
   */
  warnings(before: DynamicObject | undefined, after: DynamicObject): readonly string[] {
    const templates = templatesIn(after);
    if (templates.length > 0) return this.#templateWarnings(before, after, templates);
    if (before === undefined || !isNamespace(after)) return [];
    const level = securityLevelOf(after);
    if (!isTighter(level, securityLevelOf(before))) return [];
    const { name } = after.metadata;
    const violating = this.#violating(name, level);
    if (violating.length === 0) return [];
    const rest = violating.length - MAX_TOLD;
    return [
      `existing tasks in namespace "${name}" violate the new level "${level}"; they keep running`,
      ...violating.slice(0, MAX_TOLD),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ];
  }

  #templateWarnings(
    before: DynamicObject | undefined,
    after: DynamicObject,
    templates: readonly Template[],
  ): readonly string[] {
    if (before !== undefined && isSameJson(before['spec'], after['spec'])) return [];
    const { namespace = '' } = after.metadata;
    const level = securityLevelOf(this.#cacheOf(namespaces)?.get(namespace)?.object);
    const problems = templates.flatMap(({ at, spec }) =>
      securityProblems(spec, level, this.#settings).map(({ field, message }) => ({
        field: `${at}.${field}`,
        message,
      })),
    );
    if (problems.length === 0) return [];
    const rest = problems.length - MAX_TOLD;
    const more = rest > 0 ? `; and ${rest} more` : '';
    return [
      `would violate level ${JSON.stringify(level)} of namespace ${JSON.stringify(namespace)}: ${told(problems.slice(0, MAX_TOLD))}${more}`,
    ];
  }

  #violating(namespace: string, level: SecurityLevel): readonly string[] {
    const found: string[] = [];
    for (const { object } of this.#cacheOf(tasks)?.list(namespace) ?? []) {
      const problems = securityProblems(object['spec'], level, this.#settings);
      if (problems.length > 0) found.push(`${object.metadata.name}: ${told(problems)}`);
    }
    return found;
  }
}

interface Template {
  /** Where it stands. */
  readonly at: string;
  readonly spec: unknown;
}

/** What Tasks are made from an object of one of Gantry's kinds. */
function templatesIn({ apiVersion, kind, spec }: DynamicObject): readonly Template[] {
  if (apiVersion !== apiVersionOf(tasks) || !isRecord(spec)) return [];
  if (kind === taskSets.kind || kind === taskTemplates.kind)
    return [{ at: 'spec.template', spec: readPath(spec, ['template', 'spec']) }];
  if (kind !== jobs.kind || !Array.isArray(spec['tasks'])) return [];
  return spec['tasks'].flatMap((step: unknown, index) => {
    const template = readPath(step, ['template', 'spec']);
    return template === undefined ? [] : [{ at: `spec.tasks[${index}].template`, spec: template }];
  });
}

function told(problems: readonly SecurityProblem[]): string {
  return problems.map(({ field, message }) => `${field} ${message}`).join('; ');
}

/** Nothing of the spec changes but what is harmless, or being stopped. */
function isHarmless(before: DynamicObject, after: DynamicObject): boolean {
  if (before['spec'] === after['spec']) return true;
  return isSameJson(weighed(before, after), weighed(after, after));
}

function weighed({ spec }: DynamicObject, after: DynamicObject): Record<string, unknown> {
  if (!isRecord(spec)) return {};
  const isStopped = isRecord(after['spec']) && after['spec']['desiredState'] === 'Stopped';
  const ignored = isStopped ? [...HARMLESS, 'desiredState'] : HARMLESS;
  return Object.fromEntries(Object.entries(spec).filter(([field]) => !ignored.includes(field)));
}
