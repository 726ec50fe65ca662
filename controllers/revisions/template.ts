/**
 * A TaskSet's template in the form in which it is compared and kept: what the API's defaults say is left out at every
 * depth, so that a field that is added to Task later, with a default, makes no new revision and rolls nothing. Pure.
 */
import { isRecord, isSameJson } from '../../machinery/json.ts';
import type { Schema } from '../../schemas/crd.ts';
import { builtinKinds, taskSets } from '../../schemas/kinds.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';

export type TaskSetTemplate = TaskSet['spec']['template'];

const schema = templateSchema();

export function normalizedTemplate(template: TaskSetTemplate): TaskSetTemplate {
  // The schema's own values are taken away, nothing is added.
  return withoutDefaults(template, schema) as TaskSetTemplate;
}

function withoutDefaults(value: unknown, part: Schema | undefined): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutDefaults(item, part?.items));
  if (!isRecord(value)) return value;
  const others = isRecord(part?.additionalProperties) ? part.additionalProperties : undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      if (item === undefined) return [];
      const inner = part?.properties?.[key] ?? others;
      const kept = withoutDefaults(item, inner);
      const isDefault =
        inner?.default !== undefined && isSameJson(kept, withoutDefaults(inner.default, inner));
      return isDefault ? [] : [[key, kept]];
    }),
  );
}

function templateSchema(): Schema {
  const document = builtinKinds.find(({ spec }) => spec.names.kind === taskSets.kind);
  const root = document?.spec.versions.find(({ storage }) => storage)?.schema.openAPIV3Schema;
  const template = root?.properties?.['spec']?.properties?.['template'];
  if (template === undefined) throw new Error('the document of TaskSet has no spec.template');
  return template;
}
