/** Seccomp profiles that the worker's operator keeps in a folder, by the names that Tasks give. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SeccompProfiles } from '../controllers/task/services.ts';
import { messageOf, RuntimeError } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';

/** @param folder absent: the worker has no profiles of its own. */
export function openSeccompProfiles(folder: string | undefined): SeccompProfiles {
  return {
    async read(name, signal) {
      if (folder === undefined) {
        throw new RuntimeError(
          'InvalidSpec',
          `seccomp profile "${name}": this worker has no folder of profiles; start it with --seccomp-dir`,
        );
      }
      if (name.split('/').some((part) => part === '' || part === '..' || part === '.')) {
        throw new RuntimeError(
          'InvalidSpec',
          `seccomp profile "${name}": wanted a path below the worker's folder of profiles, without "." and ".."`,
        );
      }
      const path = join(folder, name);
      let text: string;
      try {
        text = await readFile(path, { encoding: 'utf8', signal });
      } catch (error) {
        throw new RuntimeError(
          'InvalidSpec',
          `seccomp profile "${name}" cannot be read: ${messageOf(error)}; put it there or change seccompProfile`,
          { cause: error },
        );
      }
      if (!isProfile(text)) {
        throw new RuntimeError('InvalidSpec', `seccomp profile "${name}": ${path} is not a JSON object`);
      }
      return text;
    },
  };
}

function isProfile(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed);
  } catch {
    return false;
  }
}
