/**
 * What a Task takes from ConfigMaps, Secrets, itself and its worker. Pure: from the Task and from what is known of the
 * objects to its environment, the files of its volumes and its credentials for registries.
 *
 * Promises that the values of Secrets are in the answer only, never in a message or a note. Everything that stands in
 * the way is told at once.
 */
import type { RegistryAuth } from '../../../machinery/runtime.ts';
import type { Secret, Task } from '../../../schemas/types.gen.ts';
import { registryAuthsOf } from '../planning/registryauth.ts';
import type { TaskInputs } from '../services.ts';
import { environmentOf, type InputContext, type InputNote } from './environment.ts';
import { filesOf } from './files.ts';
import { type Find, Problems } from './found.ts';

export interface Resolved {
  readonly inputs: TaskInputs;
  readonly notes: readonly InputNote[];
}

/** @param find what is known of the objects of the Task's namespace. */
export function resolveInputs(task: Task, context: InputContext, find: Find): Resolved {
  const problems = new Problems();
  const { env, notes } = environmentOf(task, context, find, problems);
  const { files, filesVersion } = filesOf(task, find, problems);
  const pull = pullSecretsOf(task, find, problems);
  const { message } = problems;
  if (message !== undefined) return { inputs: { kind: 'missing', message }, notes };
  if (problems.isLoading) return { inputs: { kind: 'loading' }, notes: [] };
  return {
    inputs: { kind: 'ready', env, files, filesVersion, registryAuths: pull.auths },
    notes: [...notes, ...pull.notes],
  };
}

/**
 * Secrets that are missing or cannot be used are passed over and told, as in Kubernetes: the image may be there, or its
 * registry may want nothing. If not, the pull fails.
 */
function pullSecretsOf(
  { spec, metadata }: Task,
  find: Find,
  problems: Problems,
): { readonly auths: readonly RegistryAuth[]; readonly notes: readonly InputNote[] } {
  const auths: RegistryAuth[] = [];
  const unusable: string[] = [];
  for (const { name } of spec.imagePullSecrets ?? []) {
    const found = find('secrets', name);
    if (found.kind === 'unread') problems.wait();
    else if (found.kind === 'absent') unusable.push(`"${name}" is not there`);
    else if (found.kind === 'refused') unusable.push(`"${name}" cannot be read: ${found.reason}`);
    else {
      const secret: Secret = found.object;
      const read = registryAuthsOf(secret.data);
      if (typeof read === 'string') unusable.push(`"${name}" (type ${secret.type ?? 'Opaque'}): ${read}`);
      else auths.push(...read);
    }
  }
  if (unusable.length === 0) return { auths, notes: [] };
  const message = `Of the imagePullSecrets in namespace ${metadata.namespace ?? ''} some cannot be used, and pulling the image may fail: ${unusable.join('; ')}`;
  return { auths, notes: [{ reason: 'FailedToRetrieveImagePullSecret', message }] };
}
