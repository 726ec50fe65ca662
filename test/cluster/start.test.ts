/** Several servers that start at the same moment on one store: none minds the others. */
import { expect } from 'chai';
import { pino } from 'pino';
import { bootstrapControllerRoles } from '../../api/registry/access/bootstrap/controllers.ts';
import { PERMANENT_NAMESPACES } from '../../api/registry/admission/rules/namespace.ts';
import type { Log } from '../../machinery/log.ts';
import { clusterRoleBindings, clusterRoles, namespaces } from '../../schemas/kinds.ts';
import { openServers, type Servers } from './servers.ts';

describe('Several servers start at once', () => {
  let servers: Servers;
  const lines: string[] = [];
  const log: Log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });

  beforeEach(async () => {
    lines.splice(0);
    servers = await openServers();
  });

  afterEach(() => servers.close());

  async function startAll(count: number): Promise<Awaited<ReturnType<Servers['add']>>[]> {
    const starting = Promise.all(Array.from({ length: count }, () => servers.add({ log })));
    let isStarting = true;
    const ended = starting.finally(() => {
      isStarting = false;
    });
    while (isStarting) await servers.advance(10);
    return ended;
  }

  it('on an empty store: each thing is made once, all see it, and nobody complains', async () => {
    const started = await startAll(3);
    await servers.advance(1_000);
    const seen = await Promise.all(
      started.map(async ({ admin }) => {
        const roles = (await admin.list(clusterRoles)).items;
        const bindings = (await admin.list(clusterRoleBindings)).items;
        const spaces = (await admin.list(namespaces)).items;
        return [...roles, ...bindings, ...spaces].map(
          ({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`,
        );
      }),
    );
    expect(seen[1]).to.deep.equal(seen[0]);
    expect(seen[2]).to.deep.equal(seen[0]);
    for (const name of PERMANENT_NAMESPACES)
      expect(seen[0]?.filter((line) => line.startsWith(`Namespace ${name} `))).to.have.length(1);
    for (const { name } of bootstrapControllerRoles)
      expect(seen[0]?.filter((line) => line.startsWith(`ClusterRole ${name} `))).to.have.length(1);
    expect(lines).to.deep.equal([]);
  });

  it('on a store that lost a role and has a wrong binding: all is put right, once', async () => {
    const [first] = await startAll(1);
    const name = 'system:controller:scheduler';
    await first?.admin.delete(clusterRoles, { name });
    const binding = await first?.admin.get(clusterRoleBindings, { name });
    await first?.admin.delete(clusterRoleBindings, { name });
    const { uid: _uid, resourceVersion: _version, ...metadata } = binding?.metadata ?? { name };
    await first?.admin.create(clusterRoleBindings, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [],
    });
    const [one, two, three] = await startAll(3);
    for (const server of [first, one, two, three]) {
      expect((await server?.admin.get(clusterRoles, { name }))?.rules).to.have.length.greaterThan(0);
      const found = await server?.admin.get(clusterRoleBindings, { name });
      expect(found?.roleRef.name).to.equal(name);
      expect(found?.subjects).to.have.length(1);
    }
    expect(lines).to.deep.equal([]);
  });
});
