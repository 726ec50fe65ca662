/** The objects beside the one that is asked about: whom it belongs to, what it made, what it waits for, where it is. */
import { isApiError } from '../../../machinery/errors.ts';
import { isRecord, readPath } from '../../../machinery/json.ts';
import { LABEL_JOB, LABEL_RUN, LABEL_TASKSET } from '../../../machinery/labels.ts';
import { type DynamicObject, type ObjectKey, qualifiedName, type Resource } from '../../../machinery/meta.ts';
import type { RelatedObject } from '../../../machinery/why.ts';
import { jobs, runs, taskSets, tasks, workers } from '../../../schemas/kinds.ts';
import type { ServedKind } from '../../registry/types.ts';
import type { Reader } from './reader.ts';

const LISTED = 500;
/** Of a Job: the newest runs. */
const RUNS = 20;
const DEPENDENCIES = 20;

/** Only what the asker may read; what not is told among `reader.unknown`. */
export async function readRelated(
  reader: Reader,
  kind: ServedKind,
  object: DynamicObject,
): Promise<readonly RelatedObject[]> {
  const owner = await readOwner(reader, object);
  switch (qualifiedName(kind)) {
    case qualifiedName(tasks):
      return [...owner, ...(await aroundTask(reader, object))];
    case qualifiedName(taskSets):
      return [...owner, ...(await readOwned(reader, tasks, LABEL_TASKSET, object))];
    case qualifiedName(runs):
      return [...owner, ...(await readOwned(reader, tasks, LABEL_RUN, object))];
    case qualifiedName(jobs):
      return (await readOwned(reader, runs, LABEL_JOB, object)).toSorted(newestFirst).slice(0, RUNS);
    case qualifiedName(workers):
      return readPlaced(reader, object);
    default:
      return owner;
  }
}

/** Undefined where there is none, or the asker may not know. */
async function readOne(
  { client, signal, unknown }: Reader,
  resource: Resource,
  key: ObjectKey,
  what: string,
): Promise<DynamicObject | undefined> {
  try {
    return await client.get(resource, key, { signal });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    if (!isApiError(error)) throw error;
    unknown.push(`${what}: ${error.message}`);
    return undefined;
  }
}

const OWNERS: readonly Resource[] = [taskSets, runs, jobs].map(
  ({ group, version, plural, kind, namespaced }) => ({
    group,
    version,
    plural,
    kind,
    namespaced,
  }),
);

async function readOwner(reader: Reader, { metadata }: DynamicObject): Promise<readonly RelatedObject[]> {
  const reference = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const resource = OWNERS.find(({ kind }) => kind === reference?.kind);
  if (reference === undefined || resource === undefined) return [];
  const key = { ...placeOf(metadata), name: reference.name };
  const owner = await readOne(reader, resource, key, `its owner ${reference.kind} ${reference.name}`);
  return owner === undefined || owner.metadata.uid !== reference.uid
    ? []
    : [{ role: 'owner', object: owner }];
}

async function aroundTask(reader: Reader, task: DynamicObject): Promise<readonly RelatedObject[]> {
  const related: RelatedObject[] = [];
  const worker = readPath(task, ['spec', 'workerName']) ?? readPath(task, ['status', 'workerName']);
  if (typeof worker === 'string') {
    const found = await readOne(reader, untyped(workers), { name: worker }, `the state of worker ${worker}`);
    if (found !== undefined) related.push({ role: 'worker', object: found });
  }
  const dependsOn = readPath(task, ['spec', 'dependsOn']);
  for (const dependency of Array.isArray(dependsOn) ? dependsOn.slice(0, DEPENDENCIES) : []) {
    const name: unknown = isRecord(dependency) ? dependency['name'] : undefined;
    if (typeof name !== 'string') continue;
    const key = { ...placeOf(task.metadata), name };
    const found = await readOne(
      reader,
      untyped(tasks),
      key,
      `the state of task ${name}, which it depends on`,
    );
    if (found !== undefined) related.push({ role: 'dependency', object: found });
  }
  return related;
}

async function readOwned(
  reader: Reader,
  resource: Pick<Resource, 'group' | 'version' | 'plural' | 'kind' | 'namespaced'>,
  label: string,
  { metadata, kind }: DynamicObject,
): Promise<readonly RelatedObject[]> {
  const labelSelector = `${label}=${metadata.name}`;
  const found = await readList(
    reader,
    resource,
    { ...placeOf(metadata), labelSelector },
    `the ${resource.plural} of ${kind.toLowerCase()} ${metadata.name}`,
  );
  return found.flatMap((object): RelatedObject[] =>
    object.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) === true
      ? [{ role: 'owned', object }]
      : [],
  );
}

async function readPlaced(reader: Reader, { metadata }: DynamicObject): Promise<readonly RelatedObject[]> {
  const what = `the tasks on worker ${metadata.name}`;
  const found = await readList(reader, tasks, { fieldSelector: `spec.workerName=${metadata.name}` }, what);
  return found.map((object) => ({ role: 'placed', object }));
}

async function readList(
  { client, signal, unknown }: Reader,
  resource: Pick<Resource, 'group' | 'version' | 'plural' | 'kind' | 'namespaced'>,
  where: { readonly namespace?: string; readonly labelSelector?: string; readonly fieldSelector?: string },
  what: string,
): Promise<readonly DynamicObject[]> {
  try {
    const found = await client.list(untyped(resource), { ...where, limit: LISTED, signal });
    if ((found.metadata.continue ?? '') !== '')
      unknown.push(`${what} beyond the first ${LISTED}: they were not read`);
    return found.items;
  } catch (error) {
    if (!isApiError(error)) throw error;
    unknown.push(`${what}: ${error.message}`);
    return [];
  }
}

/** Whatever type it has elsewhere: here only what any object has is read. */
function untyped({
  group,
  version,
  plural,
  kind,
  namespaced,
}: Pick<Resource, 'group' | 'version' | 'plural' | 'kind' | 'namespaced'>): Resource {
  return { group, version, plural, kind, namespaced };
}

function placeOf({ namespace }: DynamicObject['metadata']): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function newestFirst(a: RelatedObject, b: RelatedObject): number {
  return (
    Date.parse(b.object.metadata.creationTimestamp ?? '') -
      Date.parse(a.object.metadata.creationTimestamp ?? '') || 0
  );
}
