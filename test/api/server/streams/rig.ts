/** A Task that runs, in a container that is this machine, behind the real server with TLS; and a kubeconfig for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeKubeconfig } from '../../../../client/kubeconfig.ts';
import { tasks } from '../../../../schemas/kinds.ts';
import type { Task } from '../../../../schemas/types.gen.ts';
import { taskManifest } from '../../../builders.ts';
import { Certificates, type SecureServer, serveSecurely } from '../../../client/secureserver.ts';
import { adminIdentity, openWorld, type World } from '../../../world.ts';
import { LocalContainer } from './localcontainer.ts';

export interface Rig {
  readonly world: World;
  readonly container: LocalContainer;
  readonly server: SecureServer;
  readonly kubeconfig: string;
  /** A directory of the test's own. */
  readonly directory: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Binds a Task to the worker `w1` and says that it runs. */
export async function runTask(world: World, name: string, status: Task['status'] = { phase: 'Running' }) {
  await world.admin.create(tasks, taskManifest(name));
  await world.admin.post(tasks, { namespace: 'default', name }, 'binding', {
    apiVersion: 'gantry.dev/v1',
    kind: 'Binding',
    metadata: { name, namespace: 'default' },
    target: { name: 'w1' },
    epoch: 1,
  });
  const task = await world.admin.get(tasks, { namespace: 'default', name });
  await world.admin.update(tasks, { ...task, status: status ?? {} }, { subresource: 'status' });
}

export const running: NonNullable<Task['status']> = {
  phase: 'Running',
  container: {
    id: 'abc',
    name: 'hello',
    image: 'busybox',
    state: 'running',
    startedAt: '2026-01-01T00:00:00Z',
  },
};

export async function openRig(): Promise<Rig> {
  const world = await openWorld();
  const container = new LocalContainer();
  const certificates = new Certificates();
  const directory = mkdtempSync(join(tmpdir(), 'gantry-streams-'));
  await world.addWorker('w1');
  await runTask(world, 'hello', running);
  const server = await serveSecurely(world, certificates, { workerLink: container });
  const pki = await certificates.pki();
  const { certificate, key } = await certificates.of(adminIdentity);
  const kubeconfig = join(directory, 'kubeconfig');
  await writeKubeconfig(kubeconfig, { server: server.url, authority: pki.authority, certificate, key });
  return {
    world,
    container,
    server,
    kubeconfig,
    directory,
    port: Number(new URL(server.url).port),
    async close() {
      container.stop();
      await server.close();
      await world.close();
      certificates.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
