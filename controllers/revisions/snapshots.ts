/**
 * What the revision of a TaskSet holds: its template, and which ConfigMaps and Secrets, with which content, its tasks
 * read. Those are kept as snapshots: immutable copies that belong to the revision. Pure.
 *
 * A template may itself name a snapshot of one of the set's revisions: that is how an old revision comes back. It then
 * means the source as it was, so that the same revision follows from it as did before.
 */
import { isRecord, jsonHash } from '../../machinery/json.ts';
import { childName } from '../../machinery/names.ts';
import {
  type InputKind,
  type TaskReference,
  taskReferences,
  withRenamedReferences,
} from '../../schemas/taskreferences.ts';
import type { ControllerRevision } from '../../schemas/types.gen.ts';
import { revisionHash } from './revision.ts';
import { normalizedTemplate, type TaskSetTemplate } from './template.ts';

/** One ConfigMap or Secret as one revision has it. */
export interface SnapshotInput {
  readonly kind: InputKind;
  readonly name: string;
  /** Of its content. */
  readonly hash: string;
  /** The copy's name. */
  readonly snapshot: string;
}

export interface TaskSetRevisionData {
  readonly template: TaskSetTemplate;
  /** Those that were there; in the order of the template. */
  readonly inputs: readonly SnapshotInput[];
}

/** What a revision holds; undefined for one that is none of a TaskSet's. */
export function revisionData({ data }: ControllerRevision): TaskSetRevisionData | undefined {
  const held: Readonly<Record<string, unknown>> = data ?? {};
  const { template, inputs = [] } = held;
  if (!isTemplate(template) || !Array.isArray(inputs) || !inputs.every(isInput)) return undefined;
  return { template, inputs };
}

function isTemplate(value: unknown): value is TaskSetTemplate {
  return isRecord(value) && isRecord(value['spec']) && typeof value['spec']['image'] === 'string';
}

function isInput(value: unknown): value is SnapshotInput {
  if (!isRecord(value)) return false;
  const { kind, name, hash, snapshot } = value;
  const isKnown = kind === 'configmaps' || kind === 'secrets';
  return isKnown && typeof name === 'string' && typeof hash === 'string' && typeof snapshot === 'string';
}

/** What makes two revisions of a set different. Where snapshots are called does not. */
export function dataHash({ template, inputs }: TaskSetRevisionData): string {
  return revisionHash({ template, inputs: inputs.map(({ kind, name, hash }) => [kind, name, hash]) });
}

/** The copy of one content of one source, for one set: its revisions share it. */
export function snapshotName(set: string, { kind, name }: TaskReference, hash: string): string {
  return childName([name, jsonHash([set, kind, name, hash]).slice(0, 10)]);
}

/**
 * The template with the snapshots in the places of what they were made from: what tasks are made from, and what
 * `spec.template` becomes so that an old revision is the newest again.
 */
export function snapshotTemplate({ template, inputs }: TaskSetRevisionData): TaskSetTemplate {
  const snapshotOf = new Map(inputs.map(({ kind, name, snapshot }) => [`${kind}/${name}`, snapshot]));
  const spec = withRenamedReferences(template.spec, ({ kind, name }) => snapshotOf.get(`${kind}/${name}`));
  return spec === template.spec ? template : { ...template, spec };
}

/** A template, and what it refers to: sources by name, or one content of a source for good. */
export interface TemplateInputs {
  /** Normalized, and with the names of sources everywhere. */
  readonly template: TaskSetTemplate;
  readonly references: readonly (TaskReference & { readonly pinned?: SnapshotInput })[];
}

/** @param revisions of the set: their snapshots are known by name. */
export function templateInputs(
  template: TaskSetTemplate,
  revisions: readonly ControllerRevision[],
): TemplateInputs {
  const normalized = normalizedTemplate(template);
  const known = new Map<string, SnapshotInput>();
  for (const revision of revisions) {
    for (const input of revisionData(revision)?.inputs ?? [])
      known.set(`${input.kind}/${input.snapshot}`, input);
  }
  const named = inputReferences(normalized.spec);
  const pins = new Map<string, SnapshotInput>();
  for (const { kind, name } of named) {
    const input = known.get(`${kind}/${name}`);
    if (input === undefined) continue;
    const source = `${kind}/${input.name}`;
    // The source itself, or two of its contents, beside a snapshot: then each name means just what it says.
    const isAmbiguous =
      pins.has(source) || named.some((other) => other.kind === kind && other.name === input.name);
    if (isAmbiguous) return { template: normalized, references: named };
    pins.set(source, input);
  }
  if (pins.size === 0) return { template: normalized, references: named };
  const spec = withRenamedReferences(normalized.spec, ({ kind, name }) => known.get(`${kind}/${name}`)?.name);
  const references = inputReferences(spec).map((reference) => {
    const pinned = pins.get(`${reference.kind}/${reference.name}`);
    return pinned === undefined ? reference : { ...reference, pinned };
  });
  return { template: { ...normalized, spec }, references };
}

/** What a task reads while it runs: credentials for registries are the worker's business. */
function inputReferences(spec: TaskSetTemplate['spec']): readonly TaskReference[] {
  const { imagePullSecrets: _, ...rest } = spec;
  return taskReferences(rest);
}
