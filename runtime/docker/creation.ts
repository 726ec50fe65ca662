/**
 * The creation of a container, with the warnings of the engine's answer, which dockerode drops.
 *
 * An engine makes containers of images for other machines and only warns; their first process then cannot be started,
 * for a reason that nobody understands ("exec format error"). So such a container is removed before anybody starts it.
 */
import type Docker from 'dockerode';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';

/** The engine's words, the same from 20.10 on. */
const OTHER_PLATFORM = /image's platform \(([^)]+)\) does not match the detected host platform \(([^)]+)\)/;

/** Rejects `InvalidSpec` for an image of another platform, otherwise as the engine answers. */
export async function createContainer(
  docker: Docker,
  request: { readonly name: string; readonly image: string; readonly body: object },
  abortSignal: AbortSignal,
): Promise<{ readonly id: string }> {
  const { id, warnings } = await create(docker, request.name, request.body, abortSignal);
  const [, image, host] =
    warnings.map((text) => OTHER_PLATFORM.exec(text)).find((match) => match !== null) ?? [];
  if (image === undefined) return { id };
  await docker.getContainer(id).remove({ force: true, v: true, abortSignal });
  throw new RuntimeError('InvalidSpec', `image "${request.image}" is ${image}, this worker is ${host}`);
}

function create(
  docker: Docker,
  name: string,
  body: object,
  abortSignal: AbortSignal,
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: '/containers/create?',
        method: 'POST',
        // Left alone, the whole body goes into the query string as well.
        options: { _query: { name }, _body: body },
        abortSignal,
        statusCodes: {
          200: true,
          201: true,
          400: 'bad parameter',
          404: 'no such image',
          500: 'server error',
        },
      },
      (error: unknown, answer: unknown) => {
        if (error !== null && error !== undefined)
          return reject(error instanceof Error ? error : new Error(messageOf(error)));
        const id = isRecord(answer) ? answer['Id'] : undefined;
        const warnings = isRecord(answer) ? answer['Warnings'] : undefined;
        if (typeof id !== 'string') {
          return reject(new RuntimeError('Failed', 'the engine made a container and did not say its id'));
        }
        const texts = Array.isArray(warnings) ? warnings.filter((text) => typeof text === 'string') : [];
        resolve({ id, warnings: texts });
      },
    );
  });
}
