/** Deleting. */
import { expect } from 'chai';
import { eventually } from '../../walk/process.ts';
import { configMap } from '../manifests.ts';
import type { Group } from '../table.ts';

export const removing: Group = {
  name: 'delete',
  rows: [
    {
      name: 'delete: dry run, by name, by label, all',
      async run(kubectl) {
        expect(await kubectl.ok(['delete', 'task', 'one', '--dry-run=server'])).to.match(
          /deleted \(server dry run\)/,
        );
        await kubectl.ok(['get', 'task', 'one']);
        expect(await kubectl.ok(['delete', 'task', 'one'])).to.match(/task\.gantry\.dev "one" deleted/);
        await kubectl.ok(['delete', 'tasks', '-l', 'app=two']);
        expect(await kubectl.fails(['delete', 'task', 'two'])).to.match(/NotFound/);
        await kubectl.ok(['delete', 'task', 'two', '--ignore-not-found']);
        await kubectl.ok(['delete', 'task', 'talks', '--grace-period=0', '--force']);
        await kubectl.ok(['delete', 'tasks', '--all', '--timeout=60s']);
        expect((await kubectl.run(['get', 'tasks'])).stderr).to.match(/No resources found/);
      },
    },
    {
      name: 'delete with each propagation policy',
      async run(kubectl) {
        for (const [policy, survives] of [
          ['background', false],
          ['foreground', false],
          ['orphan', true],
        ] as const) {
          await kubectl.ok(['create', 'configmap', `owner-${policy}`]);
          const uid = await kubectl.ok(['get', 'cm', `owner-${policy}`, '-o', 'jsonpath={.metadata.uid}']);
          const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: `owner-${policy}`, uid };
          const owned = configMap(`owned-${policy}`, {}, { ownerReferences: [owner] });
          await kubectl.ok(['create', '-f', '-'], owned);
          await kubectl.ok(['delete', 'cm', `owner-${policy}`, `--cascade=${policy}`, '--timeout=30s']);
          await eventually(`what ${policy} leaves`, async () => {
            const { code, stdout } = await kubectl.run(['get', 'cm', `owned-${policy}`, '-o', 'json']);
            if (!survives) return code === 1 ? true : undefined;
            return code === 0 && !/ownerReferences/.test(stdout) ? true : undefined;
          });
        }
      },
    },
    {
      name: 'delete namespace',
      async run(kubectl) {
        await kubectl.ok(['delete', 'namespace', kubectl.namespace, '--timeout=90s']);
        expect(await kubectl.fails(['get', 'namespace', kubectl.namespace])).to.match(/NotFound/);
      },
    },
  ],
};
