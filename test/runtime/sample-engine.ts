/** The real engine that tests run on: the one `DOCKER_HOST` names, or the default socket, with the sample image. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import { connectDocker } from '../../runtime/docker/connection.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { dockerEndpoint } from '../../runtime/open.ts';
import { TEST_LABEL } from './rig.ts';

export const IMAGE = 'gantry/hello:1';
export const isLeftOut = process.env['GANTRY_TEST_NO_DOCKER'] === '1';
export const endpoint = dockerEndpoint('docker:', process.env);
/** For what people do by hand. */
export const docker = connectDocker(endpoint);

export const shell = (script: string): string[] => ['/bin/sh', '-c', script];

/** Fails with a sentence when no engine answers; builds the sample image when it is missing. */
export async function prepareEngine(): Promise<void> {
  try {
    await new DockerRuntime(endpoint, systemClock).info(AbortSignal.timeout(5_000));
  } catch (error) {
    throw new Error(
      `no Docker Engine answers at ${JSON.stringify(endpoint)} (${messageOf(error)}): start one (hack/test.sh does), or leave these tests out with GANTRY_TEST_NO_DOCKER=1`,
      { cause: error },
    );
  }
  await promisify(execFile)(join(import.meta.dirname, '../../hack/sample-image.sh'));
}

/** Only what this process made: a run beside it keeps its own. */
export async function sweep(): Promise<void> {
  const found = await docker.listContainers({ all: true, filters: { label: [`${TEST_LABEL}=runtime`] } });
  for (const { Id, Names } of found) {
    if (Names.some((name) => name.startsWith(`/gantry-rttest-${process.pid}-`))) {
      await docker.getContainer(Id).remove({ force: true, v: true });
    }
  }
}
