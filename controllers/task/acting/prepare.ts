/**
 * What a container needs before it can be created, added to the spec that was planned: its network, its volumes, the
 * file for its outputs, its seccomp profile; and the look at the image that `runAsNonRoot` asks for. Doing it twice is doing it once.
 */

import { RuntimeError } from '../../../machinery/errors.ts';
import { NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import type { ContainerSpec, Runtime } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { nonRootProblem } from '../planning/nonroot.ts';
import type { TaskServices } from '../services.ts';
import type { Action } from '../types.ts';

/** What is made ready before the engine is asked failed: the container itself was not refused. */
export class PreparationError extends Error {
  readonly error: RuntimeError;

  constructor(error: RuntimeError) {
    super(error.message, { cause: error });
    this.name = 'PreparationError';
    this.error = error;
  }
}

export type PreparingServices = Pick<TaskServices, 'volumes' | 'outputs' | 'networks' | 'seccompProfiles'>;

/** Throws `PreparationError`, and `RuntimeError('ImageNotFound')` where the image must be looked at and is not there. */
export async function prepareContainer(
  runtime: Runtime,
  { volumes, outputs, networks, seccompProfiles }: PreparingServices,
  task: Task,
  { spec, files, attempt }: Action & { readonly kind: 'create' },
  signal: AbortSignal,
): Promise<ContainerSpec> {
  const { namespace = NAMESPACE_DEFAULT } = task.metadata;
  try {
    await assertNonRoot(runtime, task, spec, signal);
    const profile = task.spec.securityContext?.seccompProfile?.localhostProfile;
    const seccomp =
      profile === undefined || spec.privileged
        ? undefined
        : { profile: await seccompProfiles.read(profile, signal) };
    const mode = spec.networkMode;
    const networkMode =
      mode === 'host' || mode === 'none' ? mode : await networks.ensure(namespace, mode, signal);
    const mounts = [
      ...(await volumes.prepare(task, files, signal)),
      ...(task.spec.outputs === undefined ? [] : [await outputs.prepare(task, attempt, signal)]),
    ];
    const { networkAliases, ...rest } = spec;
    // The engine's own network knows no names.
    const hasNames = networkAliases !== undefined && !['host', 'none', 'bridge'].includes(networkMode);
    return {
      ...rest,
      networkMode,
      ...(hasNames ? { networkAliases } : {}),
      ...(mounts.length === 0 ? {} : { mounts }),
      ...(seccomp === undefined ? {} : { seccomp }),
    };
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.reason === 'ImageNotFound') throw error;
    throw new PreparationError(error);
  }
}

/** With a user in the spec that is not root the image need not be looked at. */
async function assertNonRoot(
  runtime: Runtime,
  task: Task,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<void> {
  const { runAsNonRoot, runAsUser } = task.spec.securityContext ?? {};
  if (runAsNonRoot !== true || (runAsUser !== undefined && runAsUser !== 0)) return;
  const image = await runtime.image(spec.image, signal);
  if (image === undefined) {
    throw new RuntimeError('ImageNotFound', `image "${spec.image}" is not on the engine`);
  }
  const problem = nonRootProblem(task, image.user);
  if (problem !== undefined) throw new RuntimeError('InvalidSpec', problem);
}
