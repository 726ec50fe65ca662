/** Discovery: what is there, and what it means. */
import { expect } from 'chai';
import type { Group } from '../table.ts';

export const discovery: Group = {
  name: 'discovery',
  rows: [
    {
      name: 'api-resources, also by group, verb and category',
      async run(kubectl) {
        const all = await kubectl.ok(['api-resources']);
        for (const line of [
          /^tasks\s+gt\s+gantry\.dev\/v1\s+true\s+Task$/m,
          /^nodes\s+no\s+v1\s+false\s+Node$/m,
          /^pods\s+po\s+v1\s+true\s+Pod$/m,
          /^configmaps\s+cm\s+v1\s+true\s+ConfigMap$/m,
          /^customresourcedefinitions\s+crds?(,crds)?\s+apiextensions\.k8s\.io\/v1\s+false/m,
          /^clusterroles\s+rbac\.authorization\.k8s\.io\/v1\s+false\s+ClusterRole$/m,
          /^selfsubjectaccessreviews\s+authorization\.k8s\.io\/v1\s+false/m,
        ]) {
          expect(all).to.match(line);
        }
        expect(await kubectl.ok(['api-resources', '--api-group=gantry.dev', '-o', 'name'])).to.equal(
          [
            'idempotencykeys.gantry.dev',
            'jobs.gantry.dev',
            'runs.gantry.dev',
            'schedulersettings.gantry.dev',
            'tasks.gantry.dev',
            'tasksets.gantry.dev',
            'tasktemplates.gantry.dev',
            'workers.gantry.dev',
            '',
          ].join('\n'),
        );
        expect(await kubectl.ok(['api-resources', '--verbs=deletecollection', '-o', 'name'])).to.match(
          /tasks/,
        );
      },
    },
    {
      name: 'api-versions',
      async run(kubectl) {
        const versions = (await kubectl.ok(['api-versions'])).trim().split('\n');
        expect(versions).to.include.members([
          'v1',
          'gantry.dev/v1',
          'apiextensions.k8s.io/v1',
          'rbac.authorization.k8s.io/v1',
          'coordination.k8s.io/v1',
        ]);
      },
    },
    {
      name: 'version',
      async run(kubectl) {
        expect(await kubectl.ok(['version'])).to.match(/Server Version.*v1\.\d+/);
      },
    },
    {
      name: 'cluster-info',
      async run(kubectl) {
        expect(await kubectl.ok(['cluster-info'])).to.match(/control plane.* is running at .*https:/);
      },
    },
    {
      name: 'explain, recursively too',
      async run(kubectl) {
        expect(await kubectl.ok(['explain', 'task.spec.image'])).to.match(/The image reference/);
        expect(await kubectl.ok(['explain', 'task', '--recursive'])).to.match(/stopSignal/);
        expect(await kubectl.ok(['explain', 'pod.spec.containers'])).to.match(/The one container/);
        expect(await kubectl.ok(['explain', 'configmap.data'])).to.match(/FIELD.*data/);
        expect(await kubectl.fails(['explain', 'task.spec.nothing'])).to.match(/does not exist/);
      },
    },
  ],
};
