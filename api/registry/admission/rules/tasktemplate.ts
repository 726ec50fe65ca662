/** TaskTemplates: parameters that a JSON Schema describes, and a template that refers to these alone. */
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import { declaredIn, namesAll } from '../../../../schemas/parameters.ts';
import { type FieldProblem, invalid } from '../fielderrors.ts';
import { dialectProblems } from '../parameters/dialect.ts';
import { compiled, defaultProblems } from '../parameters/values.ts';
import type { KindRules } from './rules.ts';
import { templateProblems } from './taskspec.ts';
import { type JudgeReference, named, referenceProblems, templateTexts } from './texts.ts';

function specProblems(object: DynamicObject, before: DynamicObject | undefined): FieldProblem[] {
  const [spec, old] = [object['spec'], before?.['spec']];
  if (!isRecord(spec) || isSameJson(spec, old)) return [];
  const { parameters: schema, template } = spec;
  return [
    ...templateProblems(template, readPath(old, ['template']), 'spec.template'),
    ...schemaProblems(schema, readPath(old, ['parameters'])),
    ...referenceProblems(
      templateTexts(readPath(template, ['spec']), 'spec.template.spec'),
      referenceJudge(schema),
    ),
  ];
}

function schemaProblems(schema: unknown, before: unknown): FieldProblem[] {
  // What is no object is the kind's schema's to refuse.
  if (!isRecord(schema) || isSameJson(schema, before)) return [];
  const at = 'spec.parameters';
  const problems = dialectProblems(schema, at);
  if (problems.length > 0) return problems;
  try {
    compiled(schema);
  } catch (error) {
    return [
      invalid(
        at,
        'a schema',
        `cannot be compiled: ${error instanceof Error ? error.message : String(error)}`,
      ),
    ];
  }
  return defaultProblems(schema, at);
}

function referenceJudge(schema: unknown): JudgeReference {
  const names = Object.keys(declaredIn(schema));
  return (reference) => {
    switch (reference.kind) {
      case 'run':
        return undefined;
      case 'parameter':
        if (!namesAll(schema) || names.includes(reference.name)) return undefined;
        return `there is no parameter "${reference.name}" in spec.parameters.properties; ${named(names, 'there are none')}`;
      case 'config':
        return '$(config.…) is of the job that a step is in, and a TaskTemplate is run without one, too; make it a parameter, which the job gives as an argument';
      case 'task':
        return '$(tasks.…) is of other steps of a job, and a TaskTemplate is run without any, too; make it a parameter, which the job gives as an argument';
    }
  };
}

export const taskTemplateRules: KindRules = {
  // A Run of it has one step of its name, and steps' names are labels.
  nameProblem: dnsLabelProblem,
  onCreate: (object) => specProblems(object, undefined),
  onUpdate: (object, before, subresource) => (subresource === undefined ? specProblems(object, before) : []),
};
