/**
 * Whether a container that must not run as root would. The words are the kubelet's ("verifyRunAsNonRoot"), so that
 * whoever knows them finds them here.
 */
import type { Task } from '../../../schemas/types.gen.ts';
import { identityOf } from './containerspec.ts';

/** @param imageUser `user[:group]` of the image. @returns a sentence, or undefined when all is well. */
export function nonRootProblem(task: Task, imageUser: string): string | undefined {
  const { runAsNonRoot, runAsUser } = task.spec.securityContext ?? {};
  if (runAsNonRoot !== true) return undefined;
  const { namespace, name } = identityOf(task);
  const whose = `(task: "${name}_${namespace}", container: ${name})`;
  if (runAsUser !== undefined) {
    return runAsUser === 0 ? `container's runAsUser breaks non-root policy ${whose}` : undefined;
  }
  const [user = ''] = imageUser.split(':');
  if (user === '' || user === 'root' || /^0+$/.test(user)) {
    return `container has runAsNonRoot and image will run as root ${whose}`;
  }
  if (!/^\d+$/.test(user)) {
    return `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${whose}`;
  }
  return undefined;
}
