/** ConfigMaps and Secrets for workers: those that their Tasks refer to, one by one, now, and no others. */
import { expect } from 'chai';
import type { Client, WatchEvent } from '../../../../machinery/client.ts';
import { isApiError } from '../../../../machinery/errors.ts';
import { configMaps, secrets, tasks } from '../../../../schemas/kinds.ts';
import type { ConfigMap, Secret, Task } from '../../../../schemas/types.gen.ts';
import { taskManifest } from '../../../builders.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { openWorld, type World } from '../../../world.ts';

type Spec = Partial<Task['spec']>;

const key = (name: string, namespace = 'default') => ({ namespace, name });
const named = (name: string) => ({ namespace: 'default', fieldSelector: `metadata.name=${name}` });

describe('What a worker may read of ConfigMaps and Secrets', () => {
  let world: World;
  let w1: Client;
  let w2: Client;
  beforeEach(async () => {
    world = await openWorld();
    w1 = world.workerClient('w1');
    w2 = world.workerClient('w2');
    await world.addWorker('w1');
    await world.addWorker('w2');
    for (const name of ['used', 'other']) {
      const metadata = { name, namespace: 'default' };
      const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata, data: { k: 'djE=' } };
      const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { k: 'v1' } };
      await world.admin.create(secrets, secret);
      await world.admin.create(configMaps, map);
    }
  });
  afterEach(() => world.close());

  const bind = async (name: string, worker: string): Promise<void> => {
    const task = await world.admin.get(tasks, key(name));
    await world.admin.post(tasks, key(name), 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key(name),
      target: { name: worker },
      epoch: (task.spec.bindingEpoch ?? 0) + 1,
    });
  };
  const run = async (name: string, worker: string, spec: Spec): Promise<void> => {
    await world.admin.create(tasks, taskManifest(name, spec));
    await bind(name, worker);
  };
  const rotate = (data: string): Promise<Secret> =>
    world.admin.patch(secrets, key('used'), { type: 'merge', body: { data: { k: data } } });
  const unbind = async (name: string): Promise<void> => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: key(name) };
    await world.admin.post(tasks, key(name), 'eviction', body);
  };
  const tell = async (client: Client, name: string, worker: string): Promise<void> => {
    const status = { phase: 'Running', workerName: worker };
    await client.patch(tasks, key(name), { type: 'merge', body: { status } }, { subresource: 'status' });
  };
  const moveAway = async (name: string): Promise<void> => {
    await unbind(name);
    await bind(name, 'w2');
    await tell(w2, name, 'w2');
  };

  const inVolume: Spec = { volumes: [{ name: 'v', secret: { secretName: 'used' } }] };
  const ways: readonly (readonly [string, 'secrets' | 'configmaps', Spec])[] = [
    ['a volume of a Secret', 'secrets', inVolume],
    ['a volume of a ConfigMap', 'configmaps', { volumes: [{ name: 'v', configMap: { name: 'used' } }] }],
    [
      'a variable from a Secret',
      'secrets',
      { env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 'used', key: 'k' } } }] },
    ],
    [
      'a variable from a ConfigMap',
      'configmaps',
      { env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'used', key: 'k' } } }] },
    ],
    ['all variables of a Secret', 'secrets', { envFrom: [{ secretRef: { name: 'used' } }] }],
    ['all variables of a ConfigMap', 'configmaps', { envFrom: [{ configMapRef: { name: 'used' } }] }],
    ['credentials for a registry', 'secrets', { imagePullSecrets: [{ name: 'used' }] }],
  ];
  for (const [what, plural, spec] of ways) {
    it(`is what its Task has as ${what}, and not the other kind of that name`, async () => {
      const [mine, notMine] = plural === 'secrets' ? [secrets, configMaps] : [configMaps, secrets];
      await refusalOf(w1.get(mine, key('used')), 'Forbidden');
      await run('web', 'w1', spec);
      expect((await w1.get(mine, key('used'))).data).to.have.property('k');
      const listed = await w1.list(mine, named('used'));
      expect(listed.items.map(({ metadata }) => metadata.name)).to.deep.equal(['used']);
      await refusalOf(w1.get(notMine, key('used')), 'Forbidden');
      await refusalOf(w1.get(mine, key('other')), 'Forbidden');
    });
  }

  it('is nothing that another worker’s Task uses', async () => {
    await run('web', 'w2', inVolume);
    const said = await refusalOf(w1.get(secrets, key('used')), 'Forbidden');
    expect(said.message).to.equal(
      'secrets "used" is forbidden: User "system:worker:w1" cannot get resource "secrets" in API group "" in the namespace "default": no task of worker "w1" refers to it',
    );
    await refusalOf(w1.list(secrets, named('used')), 'Forbidden');
    await refusalOf(firstOf(w1, 'used'), 'Forbidden');
    expect(await w2.get(secrets, key('used'))).to.have.property('data');
  });

  it('cannot be given to another worker by naming it in a status', async () => {
    await run('web', 'w1', inVolume);
    const said = await refusalOf(tell(w1, 'web', 'w2'), 'Forbidden');
    expect(said.message).to.contain('may name only itself in status.workerName, found "w2"');
    await refusalOf(w2.get(secrets, key('used')), 'Forbidden');
    await tell(w1, 'web', 'w1');
  });

  it('is nothing that a Task refers to that is bound to none', async () => {
    await world.admin.create(tasks, taskManifest('web', inVolume));
    await refusalOf(w1.get(secrets, key('used')), 'Forbidden');
  });

  it('is nothing of another namespace', async () => {
    await run('web', 'w1', { envFrom: [{ secretRef: { name: 'elsewhere' } }] });
    const metadata = { name: 'elsewhere', namespace: 'gantry-system' };
    await world.admin.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata });
    await refusalOf(w1.get(secrets, key('elsewhere', 'gantry-system')), 'Forbidden');
    await refusalOf(w1.get(secrets, key('elsewhere')), 'NotFound');
  });

  it('is never a list of all, nor one that only looks like one name', async () => {
    await run('web', 'w1', inVolume);
    for (const options of [
      {},
      { namespace: 'default' },
      { fieldSelector: 'metadata.name=used' },
      { namespace: 'default', fieldSelector: 'metadata.name!=other' },
      { namespace: 'default', fieldSelector: 'type=Opaque' },
      { namespace: 'default', labelSelector: 'a' },
      { namespace: 'default', limit: 1 },
    ]) {
      const said = await refusalOf(w1.list(secrets, options), 'Forbidden');
      expect(said.message).to.include('may read secrets only one by one');
    }
    const both = { namespace: 'default', fieldSelector: 'metadata.name=used,metadata.name=other' };
    expect((await w1.list(secrets, both)).items).to.deep.equal([]);
  });

  it('is nothing that it could write', async () => {
    await run('web', 'w1', inVolume);
    const secret = await w1.get(secrets, key('used'));
    await refusalOf(w1.update(secrets, { ...secret, data: {} }), 'Forbidden');
    await refusalOf(w1.patch(secrets, key('used'), { type: 'merge', body: { data: {} } }), 'Forbidden');
    await refusalOf(w1.delete(secrets, key('used')), 'Forbidden');
    await refusalOf(
      w1.create(secrets, { ...secret, metadata: { name: 'new', namespace: 'default' } }),
      'Forbidden',
    );
  });

  it('follows the Task to its next worker', async () => {
    await run('web', 'w1', inVolume);
    await w1.get(secrets, key('used'));
    await refusalOf(w2.get(secrets, key('used')), 'Forbidden');
    await moveAway('web');
    await w2.get(secrets, key('used'));
    await refusalOf(w1.get(secrets, key('used')), 'Forbidden');
    await world.admin.patch(tasks, key('web'), { type: 'merge', body: { spec: { volumes: [] } } });
    await refusalOf(w2.get(secrets, key('used')), 'Forbidden');
  });

  it('lasts as long as the last Task that refers to it', async () => {
    await run('one', 'w1', inVolume);
    await run('two', 'w1', { imagePullSecrets: [{ name: 'used' }] });
    await moveAway('one');
    await w1.get(secrets, key('used'));
    await moveAway('two');
    await refusalOf(w1.get(secrets, key('used')), 'Forbidden');
  });

  it('lasts while it still tells of the Task, whose container it must end', async () => {
    await run('web', 'w1', inVolume);
    await tell(w1, 'web', 'w1');
    await unbind('web');
    await w1.get(secrets, key('used'));
  });

  it('cannot be got around by reading the past', async () => {
    const { metadata } = await world.admin.get(secrets, key('used'));
    const past = { resourceVersion: metadata.resourceVersion ?? '', resourceVersionMatch: 'Exact' };
    await run('web', 'w1', inVolume);
    expect((await w1.get(secrets, key('used'), past)).data).to.deep.equal({ k: 'djE=' });
    await moveAway('web');
    await refusalOf(w1.get(secrets, key('used'), past), 'Forbidden');
    await refusalOf(w1.get(secrets, key('used'), { at: '-0s' }), 'Forbidden');
    await refusalOf(w1.list(secrets, { ...named('used'), ...past }), 'Forbidden');
    await refusalOf(w1.list(secrets, { namespace: 'default', at: '-0s' }), 'Forbidden');
  });

  it('ends a watch with the right to it, before the next change is told', async () => {
    await run('web', 'w1', inVolume);
    const seen: string[] = [];
    let refused: unknown;
    const watching = (async () => {
      try {
        for await (const event of w1.watch(secrets, named('used'))) seen.push(told(event));
      } catch (error) {
        refused = error;
      }
    })();
    await world.settle();
    await rotate('djI=');
    await world.settle();
    await moveAway('web');
    await rotate('djM=');
    await watching;
    expect(seen).to.deep.equal(['ADDED djE=', 'MODIFIED djI=']);
    expect(isApiError(refused, 'Forbidden'), String(refused)).to.equal(true);
  });

  it('is what a review says', async () => {
    await run('web', 'w1', inVolume);
    const kind = world.registry.reviews().find((review) => review.kind.kind === 'SubjectAccessReview');
    const ask = async (name: string, user: string): Promise<unknown> => {
      const resourceAttributes = { verb: 'get', resource: 'secrets', namespace: 'default', name };
      const answer = await kind?.answer(
        { identity: { name: 'admin', groups: ['system:masters'] } },
        {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          metadata: { name: '' },
          spec: { resourceAttributes, user: `system:worker:${user}`, groups: ['system:workers'] },
        },
        undefined,
      );
      return answer?.['status'];
    };
    expect(await ask('used', 'w1')).to.have.property('allowed', true);
    expect(await ask('other', 'w1')).to.have.property('allowed', false);
    expect(await ask('used', 'w2')).to.have.property('allowed', false);
  });

  it('stays right while many more Tasks change than the cache remembers', async () => {
    await world.close();
    world = await openWorld({ cacheLimits: { maxChanges: 4, maxChangeBytes: 1024 * 1024 } });
    w1 = world.workerClient('w1');
    await world.addWorker('w1');
    await refusalOf(w1.get(secrets, key('used')), 'Forbidden');
    for (let at = 0; at < 10; at++) {
      await run(`t${at}`, 'w1', { imagePullSecrets: [{ name: `s${at}` }] });
    }
    for (let at = 0; at < 10; at++) await refusalOf(w1.get(secrets, key(`s${at}`)), 'NotFound');
    await world.admin.delete(tasks, key('t3'));
    await refusalOf(w1.get(secrets, key('s10')), 'Forbidden');
  });
});

function told(event: WatchEvent<Secret>): string {
  return event.type === 'BOOKMARK' ? event.type : `${event.type} ${event.object.data?.['k']}`;
}

async function firstOf(client: Client, name: string): Promise<unknown> {
  for await (const event of client.watch(secrets, named(name))) return event;
  return undefined;
}
