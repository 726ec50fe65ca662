/** Containers of the real engine for tests of probes and hooks, and their removal. */
import type { ProbeTarget } from '../../../controllers/task/services.ts';
import { systemClock } from '../../../machinery/clock.ts';
import type { ContainerSpec, Runtime } from '../../../machinery/runtime.ts';
import { DockerRuntime } from '../../../runtime/docker/docker.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';
import { endpoint, IMAGE, shell } from '../../runtime/sample-engine.ts';

const { signal } = new AbortController();

export class Containers {
  readonly runtime: Runtime = new DockerRuntime(endpoint, systemClock);
  readonly #made: string[] = [];

  /** Runs this script until it is stopped; `while` it goes on as given. */
  async run(
    script: string,
    spec: Partial<Task['spec']> = {},
    settings: Partial<ContainerSpec> = {},
  ): Promise<ProbeTarget> {
    const name = `gantry-probetest-${process.pid}-${this.#made.length}`;
    const { id } = await this.runtime.create(
      {
        name,
        image: IMAGE,
        command: shell(script),
        labels: { 'gantry-probetest': String(process.pid) },
        env: [],
        ports: [],
        resources: {},
        networkMode: spec.network?.mode ?? 'bridge',
        privileged: false,
        readOnlyRootFilesystem: false,
        capabilities: { add: [], drop: [] },
        ...settings,
      },
      signal,
    );
    this.#made.push(id);
    await this.runtime.start(id, signal);
    const detail = await this.runtime.inspect(id, signal);
    return {
      taskKey: `default/${name}`,
      task: newTask(name, spec),
      containerId: id,
      startedAtMs: systemClock.now(),
      ...(detail?.ip === undefined ? {} : { ip: detail.ip }),
    };
  }

  /** What a command in it writes. */
  async look(id: string, script: string): Promise<string> {
    const options = { stdin: false, stdout: true, stderr: true, tty: false };
    const session = await this.runtime.exec(id, shell(script), options, signal);
    const chunks: Uint8Array[] = [];
    for await (const { data } of session.output) chunks.push(data);
    return Buffer.concat(chunks).toString();
  }

  async remove(): Promise<void> {
    await Promise.all(this.#made.splice(0).map((id) => this.runtime.remove(id, signal)));
  }
}
