/** The part of the suite for `Client` that is about server-side apply and strategic merge. */
import { expect } from 'chai';
import type { Client } from '../machinery/client.ts';
import type { ObjectKey } from '../machinery/meta.ts';
import { namespaces, tasks } from '../schemas/kinds.ts';
import type { Task } from '../schemas/types.gen.ts';
import { taskManifest } from './builders.ts';
import { admin, type ClientWorld, refusalOf } from './client-conformance.ts';

const hello: ObjectKey = { namespace: 'default', name: 'hello' };

export function describePatches(name: string, open: () => Promise<ClientWorld>): void {
  describe(`Client: ${name}: apply and strategic merge`, () => {
    let world: ClientWorld;
    let client: Client;

    beforeEach(async () => {
      world = await open();
      client = world.client(admin);
    });
    afterEach(() => world.close());

    const apply = (fieldManager: string, image: string, isForced = false): Promise<Task> =>
      applied(client, fieldManager, image, isForced);

    it('applies: creates what is not there, changes what is, owns what it said', async () => {
      const made = await apply('me', 'one');
      expect(made.metadata.managedFields?.[0]).to.deep.include({ manager: 'me', operation: 'Apply' });
      const changed = await apply('me', 'two');
      expect(changed.spec.image).to.equal('two');
      expect(changed.metadata.uid).to.equal(made.metadata.uid);
      expect(await apply('me', 'two')).to.deep.equal(changed);
    });

    it('refuses to take a field from another manager, unless forced', async () => {
      await apply('one', 'one');
      const error = await refusalOf(apply('two', 'two'), 'Conflict');
      expect(error.message).to.equal('Apply failed with 1 conflict: conflict with "one": .spec.image');
      expect(error.details?.causes?.[0]).to.deep.include({
        reason: 'FieldManagerConflict',
        field: '.spec.image',
      });
      expect((await apply('two', 'two', true)).spec.image).to.equal('two');
    });

    it('shows what an apply would do, and stores nothing', async () => {
      const shown = await client.patch(
        tasks,
        hello,
        { type: 'apply', body: taskManifest('hello') },
        { fieldManager: 'me', dryRun: true },
      );
      expect(shown.spec.restartPolicy).to.equal('Always');
      await refusalOf(client.get(tasks, hello), 'NotFound');
    });

    it('merges strategically only what clients have compiled in', async () => {
      const made = await client.create(namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'n', labels: { a: '1', b: '2' } },
      });
      const body = { metadata: { labels: { a: null, c: '3' }, finalizers: ['x.dev/one'] } };
      const patched = await client.patch(namespaces, { name: 'n' }, { type: 'strategic', body });
      expect(patched.metadata.labels).to.include({ b: '2', c: '3' }).and.not.to.have.property('a');
      expect(patched.metadata.finalizers).to.include.members([
        ...(made.metadata.finalizers ?? []),
        'x.dev/one',
      ]);
      await client.create(tasks, taskManifest('hello'));
      await refusalOf(
        client.patch(tasks, hello, { type: 'strategic', body: { metadata: { labels: { a: 'b' } } } }),
        'UnsupportedMediaType',
      );
    });
  });
}

function applied(client: Client, fieldManager: string, image: string, isForced: boolean): Promise<Task> {
  const body = taskManifest('hello', { image });
  return client.patch(tasks, hello, { type: 'apply', body, isForced }, { fieldManager });
}
