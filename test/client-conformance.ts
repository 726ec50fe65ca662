/**
 * The one suite for `Client`: the in-process client and the HTTP client keep the same promise, so they run the same
 * tests. `open` gives a fresh world with namespaces `default` and `gantry-system`, and clients of identities on it.
 */
import { expect } from 'chai';
import type { Client, GetOptions, ReadMoment, WatchEvent, WatchOptions } from '../machinery/client.ts';
import { type ApiError, isApiError, type StatusReason } from '../machinery/errors.ts';
import { GROUP_MASTERS, type Identity, workerIdentity } from '../machinery/identity.ts';
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import { events, leases, namespaces, secrets, tasks, workers } from '../schemas/kinds.ts';
import type { Lease, Task } from '../schemas/types.gen.ts';
import { taskManifest } from './builders.ts';

export interface ClientWorld {
  client(identity: Identity): Client;
  close(): Promise<void>;
}

export const admin: Identity = { name: 'admin', groups: [GROUP_MASTERS, 'system:authenticated'] };
const dev: Identity = { name: 'dev', groups: ['system:dev'] };
const hello: ObjectKey = { namespace: 'default', name: 'hello' };

/** The ApiError that the promise rejects with; fails when it does not, or with anything else. */
export async function refusalOf(promise: Promise<unknown>, reason: StatusReason): Promise<ApiError> {
  try {
    const value = await promise;
    expect.fail(`wanted ${reason}, got ${JSON.stringify(value)}`);
  } catch (error) {
    if (!isApiError(error)) throw error;
    expect(error.reason, error.message).to.equal(reason);
    return error;
  }
}

/** Events as they come, taken one at a time. */
export class EventReader<T extends KubeObject> {
  readonly #iterator: AsyncIterator<WatchEvent<T>>;
  readonly #controller = new AbortController();

  constructor(client: Client, resource: Resource<T>, options: Omit<WatchOptions, 'signal'> = {}) {
    const watch = client.watch(resource, { ...options, signal: this.#controller.signal });
    this.#iterator = watch[Symbol.asyncIterator]();
  }

  async next(): Promise<WatchEvent<T>> {
    const result = await this.#iterator.next();
    if (result.done === true) throw new Error('the watch ended');
    return result.value;
  }

  /** `ADDED hello` for each of the next events. */
  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < count) {
      const event = await this.next();
      taken.push(event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.metadata.name}`);
    }
    return taken;
  }

  /** Aborts and waits for the end, which must be quiet. */
  async stop(): Promise<void> {
    this.#controller.abort();
    for (let isOver = false; !isOver; ) isOver = (await this.#iterator.next()).done === true;
  }
}

export function describeClient(name: string, open: () => Promise<ClientWorld>): void {
  describe(`Client: ${name}`, () => {
    let world: ClientWorld;
    let client: Client;

    beforeEach(async () => {
      world = await open();
      client = world.client(admin);
    });
    afterEach(() => world.close());

    const create = (task: Task): Promise<Task> => client.create(tasks, task);
    const edit = (task: Task, spec: Partial<Task['spec']>): Task => ({
      ...task,
      spec: { ...task.spec, ...spec },
    });

    describe('create', () => {
      it('answers with the object as stored: defaults in, identity stamped', async () => {
        const made = await create(taskManifest('hello'));
        expect(made.metadata.uid).to.match(/^[0-9a-f-]{36}$/);
        expect(made.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(made.metadata.generation).to.equal(1);
        expect(Number(made.metadata.resourceVersion)).to.be.greaterThan(0);
        expect(made.spec).to.include({ restartPolicy: 'Always', desiredState: 'Running' });
        expect(await client.get(tasks, hello)).to.deep.equal(made);
      });

      it('refuses a second object of the same name', async () => {
        await create(taskManifest('hello'));
        const error = await refusalOf(create(taskManifest('hello')), 'AlreadyExists');
        expect(error.message).to.equal('tasks.gantry.dev "hello" already exists');
        expect(error.details).to.deep.equal({ name: 'hello', group: 'gantry.dev', kind: 'tasks' });
      });

      it('makes up a name after generateName', async () => {
        const manifest = taskManifest('', {}, { generateName: 'web-' });
        const names = await Promise.all([create(manifest), create(manifest)]);
        for (const { metadata } of names) expect(metadata.name).to.match(/^web-[a-z0-9]{5}$/);
        expect(names[0]?.metadata.name).not.to.equal(names[1]?.metadata.name);
      });

      it('needs the namespace to be there', async () => {
        const error = await refusalOf(
          create(taskManifest('hello', {}, { namespace: 'nowhere' })),
          'NotFound',
        );
        expect(error.message).to.equal('namespaces "nowhere" not found');
        await client.create(namespaces, {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: 'nowhere' },
        });
        expect(
          (await create(taskManifest('hello', {}, { namespace: 'nowhere' }))).metadata.namespace,
        ).to.equal('nowhere');
      });

      it('stores nothing on a dry run', async () => {
        const made = await client.create(tasks, taskManifest('hello'), { dryRun: true });
        expect(made.spec.restartPolicy).to.equal('Always');
        await refusalOf(client.get(tasks, hello), 'NotFound');
      });

      it('names every field that is wrong, found and wanted', async () => {
        const { image: _image, ...spec } = taskManifest('hello', { restartPolicy: 'Always' }).spec;
        const error = await refusalOf(
          create({ ...taskManifest('hello'), spec: { ...spec, stopSignal: 'SIGNOPE' } as Task['spec'] }),
          'Invalid',
        );
        expect(error.message).to.match(
          /^Task\.gantry\.dev "hello" is invalid: \[spec\.image: Required value, /,
        );
        expect(error.details?.causes?.map((cause) => cause.field)).to.deep.equal([
          'spec.image',
          'spec.stopSignal',
        ]);
      });

      it('refuses unknown fields when asked to be strict, and drops them otherwise', async () => {
        const body = { ...taskManifest('hello'), spec: { image: 'x', imagee: 'y', zap: 1 } } as Task;
        const error = await refusalOf(
          client.create(tasks, body, { fieldValidation: 'Strict' }),
          'BadRequest',
        );
        expect(error.message).to.equal(
          'strict decoding error: unknown field "spec.imagee", unknown field "spec.zap"',
        );
        expect((await create(body)).spec).not.to.have.property('imagee');
      });

      it('drops status: it is written through its subresource', async () => {
        const made = await create({ ...taskManifest('hello'), status: { phase: 'Running' } });
        expect(made.status).to.equal(undefined);
      });
    });

    describe('get and list', () => {
      it('says which object is not there', async () => {
        const error = await refusalOf(client.get(tasks, hello), 'NotFound');
        expect(error.message).to.equal('tasks.gantry.dev "hello" not found');
      });

      it('lists one namespace, or all of them, by label and by field', async () => {
        await create(taskManifest('a', {}, { labels: { app: 'web' } }));
        await create(taskManifest('b', {}, { labels: { app: 'db' } }));
        await create(taskManifest('c', {}, { namespace: 'gantry-system', labels: { app: 'web' } }));
        const names = async (options: Parameters<Client['list']>[1]): Promise<string[]> =>
          (await client.list(tasks, options)).items.map((task) => task.metadata.name);
        expect(await names({})).to.deep.equal(['a', 'b', 'c']);
        expect(await names({ namespace: 'default' })).to.deep.equal(['a', 'b']);
        expect(await names({ labelSelector: 'app in (web)' })).to.deep.equal(['a', 'c']);
        expect(await names({ labelSelector: 'app!=web', namespace: 'default' })).to.deep.equal(['b']);
        expect(await names({ fieldSelector: 'metadata.name=b' })).to.deep.equal(['b']);
        expect(await names({ fieldSelector: 'metadata.namespace!=default' })).to.deep.equal(['c']);
      });

      it('refuses fields the kind does not declare, and selectors it cannot read', async () => {
        await refusalOf(client.list(tasks, { fieldSelector: 'spec.image=x' }), 'BadRequest');
        await refusalOf(client.list(tasks, { labelSelector: 'a in b' }), 'BadRequest');
      });

      it('finds the events of an object by all that kubectl describe asks for', async () => {
        const about = { kind: 'Task', namespace: 'default', name: 'hello', uid: 'u-1' };
        for (const [name, uid] of [
          ['mine', 'u-1'],
          ['other', 'u-2'],
        ] as const) {
          await client.create(events, {
            apiVersion: 'v1',
            kind: 'Event',
            metadata: { name, namespace: 'default' },
            involvedObject: { ...about, uid },
            source: { component: 'test' },
          });
        }
        const fieldSelector =
          'involvedObject.uid=u-1,involvedObject.kind=Task,involvedObject.name=hello,involvedObject.namespace=default';
        const found = await client.list(events, { namespace: 'default', fieldSelector });
        expect(found.items.map((event) => event.metadata.name)).to.deep.equal(['mine']);
        expect(
          (await client.list(events, { fieldSelector: 'source=test,type=Normal' })).items,
        ).to.have.length(2);
      });

      it('gives pages of one moment, whatever is written between them', async () => {
        for (const name of ['a', 'b', 'c', 'd', 'e']) await create(taskManifest(name));
        const first = await client.list(tasks, { limit: 2 });
        expect(first.items.map((task) => task.metadata.name)).to.deep.equal(['a', 'b']);
        expect(first.metadata.remainingItemCount).to.equal(3);
        await client.delete(tasks, { namespace: 'default', name: 'c' });
        await create(taskManifest('bb'));
        const names: string[] = [];
        let page = first;
        while (page.metadata.continue !== undefined) {
          page = await client.list(tasks, { limit: 2, continue: page.metadata.continue });
          expect(page.metadata.resourceVersion).to.equal(first.metadata.resourceVersion);
          names.push(...page.items.map((task) => task.metadata.name));
        }
        expect(names).to.deep.equal(['c', 'd', 'e']);
        await refusalOf(client.list(tasks, { continue: 'nonsense' }), 'BadRequest');
      });

      it('sees a write as soon as it was answered', async () => {
        for (let at = 0; at < 20; at++) {
          const made = await create(taskManifest(`t${at}`));
          const list = await client.list(tasks);
          expect(list.items).to.have.length(at + 1);
          expect(Number(list.metadata.resourceVersion)).to.be.at.least(Number(made.metadata.resourceVersion));
        }
      });
    });

    describe('reads of the past', () => {
      it('are of exactly one revision, also of what is deleted since, and say which moment they are of', async () => {
        const made = await create(taskManifest('hello', { args: ['one'] }));
        const changed = await client.update(tasks, edit(made, { args: ['two'] }));
        await create(taskManifest('other'));
        await client.delete(tasks, hello);
        const moments: (ReadMoment | undefined)[] = [];
        const at = ({ metadata }: Task): GetOptions => ({
          resourceVersion: metadata.resourceVersion ?? '',
          resourceVersionMatch: 'Exact',
          onMoment: (moment) => moments.push(moment),
        });
        expect(await client.get(tasks, hello, at(made))).to.deep.equal(made);
        expect(await client.get(tasks, hello, at(changed))).to.deep.equal(changed);
        const list = await client.list(tasks, at(changed));
        expect(list.items).to.deep.equal([changed]);
        expect(list.metadata.resourceVersion).to.equal(changed.metadata.resourceVersion);
        const never = { namespace: 'default', name: 'other' };
        const absent = await refusalOf(client.get(tasks, never, at(changed)), 'NotFound');
        const revision = Number(changed.metadata.resourceVersion);
        expect(absent.message).to.equal(`tasks.gantry.dev "other" not found at revision ${revision}`);
        const first = { revision: Number(made.metadata.resourceVersion), timeMs: undefined };
        const then = { revision, timeMs: undefined };
        expect(moments).to.deep.equal([first, then, then, then]);
        await refusalOf(client.get(tasks, hello), 'NotFound');
      });

      it('are of a time, over all pages of a list', async () => {
        for (const name of ['a', 'b', 'c']) await create(taskManifest(name));
        const moments: ReadMoment[] = [];
        const onMoment = (moment: ReadMoment): unknown => moments.push(moment);
        const first = await client.list(tasks, { at: '-0s', limit: 2, onMoment });
        await client.delete(tasks, { namespace: 'default', name: 'c' });
        const rest = await client.list(tasks, { continue: first.metadata.continue ?? '', onMoment });
        const names = [...first.items, ...rest.items].map(({ metadata }) => metadata.name);
        expect(names).to.deep.equal(['a', 'b', 'c']);
        expect(moments[1]).to.deep.equal(moments[0]);
        expect(moments[0]?.timeMs).to.be.a('number');
        expect(rest.metadata.resourceVersion).to.equal(String(moments[0]?.revision));
        expect((await client.list(tasks, { at: '2001-01-01T00:00:00Z' })).items).to.deep.equal([]);
      });

      it('are refused when they make no sense', async () => {
        const rows: readonly (readonly [options: GetOptions, said: RegExp])[] = [
          [{ at: '' }, /^at: found "", wanted a time such as/],
          [{ at: '10m' }, /did you mean "-10m"\?$/],
          [
            { at: '9999-01-01T00:00:00Z' },
            /^at: found "9999-01-01T00:00:00Z", which is in the future, wanted/,
          ],
          [{ at: '-1m', resourceVersion: '1' }, /^at and resourceVersion: found "-1m" and "1", wanted one/],
        ];
        for (const [options, said] of rows) {
          for (const read of [client.get(tasks, hello, options), client.list(tasks, options)]) {
            expect((await refusalOf(read, 'BadRequest')).message).to.match(said);
          }
        }
      });
    });

    describe('update and patch', () => {
      it('counts changes of the desired state, and only those', async () => {
        const made = await create(taskManifest('hello'));
        const relabelled = await client.update(tasks, {
          ...made,
          metadata: { ...made.metadata, labels: { a: 'b' } },
        });
        expect(relabelled.metadata.generation).to.equal(1);
        const changed = await client.update(tasks, edit(relabelled, { image: 'other' }));
        expect(changed.metadata.generation).to.equal(2);
        expect(changed.metadata.uid).to.equal(made.metadata.uid);
      });

      it('refuses a stale version, saying what was sent and what it is', async () => {
        const made = await create(taskManifest('hello'));
        const changed = await client.update(tasks, edit(made, { image: 'other' }));
        const error = await refusalOf(client.update(tasks, edit(made, { image: 'third' })), 'Conflict');
        expect(error.message).to.include(
          'Operation cannot be fulfilled on tasks.gantry.dev "hello": the object has been modified; please apply your changes to the latest version and try again',
        );
        expect(error.message)
          .to.include(made.metadata.resourceVersion)
          .and.include(changed.metadata.resourceVersion);
        expect((await client.get(tasks, hello)).spec.image).to.equal('other');
      });

      it('takes an update without a version as the last word', async () => {
        await create(taskManifest('hello'));
        await client.update(tasks, taskManifest('hello', { image: 'two' }));
        expect((await client.update(tasks, taskManifest('hello', { image: 'three' }))).spec.image).to.equal(
          'three',
        );
      });

      it('writes nothing when nothing changes', async () => {
        const made = await create(taskManifest('hello'));
        expect(await client.update(tasks, made)).to.deep.equal(made);
        expect(await client.update(tasks, taskManifest('hello'))).to.deep.equal(made);
        expect(
          await client.patch(tasks, hello, { type: 'merge', body: { spec: { image: 'busybox' } } }),
        ).to.deep.equal(made);
        expect(await client.patch(tasks, hello, { type: 'json', body: [] })).to.deep.equal(made);
      });

      it('keeps status and the rest apart', async () => {
        const made = await create(taskManifest('hello'));
        const told = await client.update(
          tasks,
          { ...edit(made, { image: 'sneaky' }), status: { phase: 'Running' } },
          { subresource: 'status' },
        );
        expect(told.status?.phase).to.equal('Running');
        expect(told.spec.image).to.equal('busybox');
        expect(told.metadata.generation).to.equal(1);
        const kept = await client.update(tasks, {
          ...edit(told, { image: 'new' }),
          status: { phase: 'Failed' },
        });
        expect(kept.status?.phase).to.equal('Running');
        const patched = await client.patch(
          tasks,
          hello,
          { type: 'merge', body: { spec: { image: 'sneaky' }, status: { reason: 'Because' } } },
          { subresource: 'status' },
        );
        expect(patched.status).to.include({ phase: 'Running', reason: 'Because' });
        expect(patched.spec.image).to.equal('new');
      });

      it('merges: null removes, lists are replaced', async () => {
        await create(
          taskManifest('hello', { command: ['a', 'b'], workingDir: '/x' }, { labels: { a: '1', b: '2' } }),
        );
        const patched = await client.patch(tasks, hello, {
          type: 'merge',
          body: { metadata: { labels: { a: null } }, spec: { workingDir: null, command: ['c'] } },
        });
        expect(patched.metadata.labels).to.deep.equal({ b: '2' });
        expect(patched.spec.command).to.deep.equal(['c']);
        expect(patched.spec).not.to.have.property('workingDir');
      });

      it('takes a version inside a patch as what the caller has seen', async () => {
        const made = await create(taskManifest('hello'));
        const body = { metadata: { resourceVersion: made.metadata.resourceVersion }, spec: { image: 'two' } };
        await client.patch(tasks, hello, { type: 'merge', body });
        await refusalOf(
          client.patch(tasks, hello, { type: 'merge', body: { ...body, spec: { image: 'three' } } }),
          'Conflict',
        );
      });

      it('applies a JSON patch as a whole or not at all', async () => {
        await create(taskManifest('hello', { command: ['a'] }));
        const add = { op: 'add', path: '/spec/command/-', value: 'b' };
        const patched = await client.patch(tasks, hello, {
          type: 'json',
          body: [{ op: 'test', path: '/spec/image', value: 'busybox' }, add],
        });
        expect(patched.spec.command).to.deep.equal(['a', 'b']);
        for (const wrong of [
          { op: 'test', path: '/spec/image', value: 'nope' },
          { op: 'remove', path: '/spec/nothing' },
          { op: 'add', path: '/spec/command/01', value: 'x' },
        ]) {
          await refusalOf(client.patch(tasks, hello, { type: 'json', body: [add, wrong] }), 'Invalid');
        }
        expect((await client.get(tasks, hello)).spec.command).to.deep.equal(['a', 'b']);
      });

      it('never loses one of many patches that race', async () => {
        await create(taskManifest('hello'));
        const labels = ['a', 'b', 'c', 'd', 'e', 'f'];
        await Promise.all(
          labels.map((label) =>
            client.patch(tasks, hello, { type: 'merge', body: { metadata: { labels: { [label]: '1' } } } }),
          ),
        );
        expect(Object.keys((await client.get(tasks, hello)).metadata.labels ?? {})).to.have.members(labels);
      });

      it('does not change what nobody may change', async () => {
        const made = await create(taskManifest('hello'));
        await refusalOf(
          client.update(tasks, { ...made, metadata: { ...made.metadata, uid: 'other' } }),
          'Conflict',
        );
        await refusalOf(
          client.patch(tasks, hello, {
            type: 'merge',
            body: { metadata: { creationTimestamp: '2020-01-01T00:00:00Z' } },
          }),
          'Invalid',
        );
        await refusalOf(
          client.patch(tasks, hello, { type: 'merge', body: { metadata: { name: 'x' } } }),
          'BadRequest',
        );
        await refusalOf(
          client.patch(tasks, hello, { type: 'merge', body: { kind: 'Worker' } }),
          'BadRequest',
        );
      });

      it('stores nothing on a dry run', async () => {
        const made = await create(taskManifest('hello'));
        const dry = await client.update(tasks, edit(made, { image: 'two' }), { dryRun: true });
        expect(dry.spec.image).to.equal('two');
        expect(await client.get(tasks, hello)).to.deep.equal(made);
      });
    });

    describe('delete', () => {
      it('removes at once what nobody holds', async () => {
        await create(taskManifest('hello'));
        expect((await client.delete(tasks, hello)).metadata.name).to.equal('hello');
        await refusalOf(client.get(tasks, hello), 'NotFound');
        await refusalOf(client.delete(tasks, hello), 'NotFound');
      });

      it('marks what finalizers hold, and removes it with the last of them', async () => {
        await create(taskManifest('hello', {}, { finalizers: ['example.com/a', 'example.com/b'] }));
        const marked = await client.delete(tasks, hello, { gracePeriodSeconds: 7 });
        expect(marked.metadata.deletionTimestamp).to.be.a('string');
        expect(marked.metadata.deletionGracePeriodSeconds).to.equal(7);
        expect(await client.delete(tasks, hello)).to.deep.equal(marked);
        const lift = (finalizers: string[]): Promise<Task> =>
          client.patch(tasks, hello, { type: 'merge', body: { metadata: { finalizers } } });
        await refusalOf(lift(['example.com/a', 'example.com/new']), 'Invalid');
        expect((await lift(['example.com/a'])).metadata.finalizers).to.deep.equal(['example.com/a']);
        expect((await lift([])).metadata.finalizers).to.equal(undefined);
        await refusalOf(client.get(tasks, hello), 'NotFound');
      });

      it('checks what the caller thinks it deletes', async () => {
        const made = await create(taskManifest('hello'));
        const stale = { resourceVersion: made.metadata.resourceVersion ?? '' };
        await client.update(tasks, edit(made, { image: 'two' }));
        await refusalOf(client.delete(tasks, hello, { preconditions: { uid: 'other' } }), 'Conflict');
        await refusalOf(client.delete(tasks, hello, { preconditions: stale }), 'Conflict');
        await client.delete(tasks, hello, { dryRun: true });
        await client.delete(tasks, hello, { preconditions: { uid: made.metadata.uid ?? '' } });
        await refusalOf(client.get(tasks, hello), 'NotFound');
      });
    });

    describe('watch', () => {
      it('begins with what is there, then tells every change in order', async () => {
        await create(taskManifest('a'));
        const reader = new EventReader(client, tasks);
        expect(await reader.take(1)).to.deep.equal(['ADDED a']);
        const made = await create(taskManifest('b'));
        await client.update(tasks, edit(made, { image: 'two' }));
        await client.delete(tasks, { namespace: 'default', name: 'a' });
        expect(await reader.take(3)).to.deep.equal(['ADDED b', 'MODIFIED b', 'DELETED a']);
        await reader.stop();
      });

      it('resumes after a version: no gap, no repeat', async () => {
        const a = await create(taskManifest('a'));
        await create(taskManifest('b'));
        await client.delete(tasks, { namespace: 'default', name: 'a' });
        const reader = new EventReader(client, tasks, { resourceVersion: a.metadata.resourceVersion ?? '' });
        expect(await reader.take(2)).to.deep.equal(['ADDED b', 'DELETED a']);
        await create(taskManifest('c'));
        expect(await reader.take(1)).to.deep.equal(['ADDED c']);
        await reader.stop();
      });

      it('tells a deletion with the last state and the version of the deletion', async () => {
        const a = await create(taskManifest('a', {}, { labels: { x: 'y' } }));
        const reader = new EventReader(client, tasks, { resourceVersion: a.metadata.resourceVersion ?? '' });
        await client.delete(tasks, { namespace: 'default', name: 'a' });
        const event = await reader.next();
        if (event.type !== 'DELETED') return expect.fail(`wanted DELETED, got ${event.type}`);
        expect(event.object.metadata.labels).to.deep.equal({ x: 'y' });
        expect(Number(event.object.metadata.resourceVersion)).to.be.greaterThan(
          Number(a.metadata.resourceVersion),
        );
        await reader.stop();
      });

      it('tells entering and leaving a selection as ADDED and DELETED', async () => {
        const { metadata } = await client.list(tasks);
        const reader = new EventReader(client, tasks, {
          namespace: 'default',
          labelSelector: 'app=web',
          resourceVersion: metadata.resourceVersion ?? '',
        });
        const relabel = (app: string | null): Promise<Task> =>
          client.patch(tasks, hello, { type: 'merge', body: { metadata: { labels: { app } } } });
        await create(taskManifest('elsewhere', {}, { namespace: 'gantry-system', labels: { app: 'web' } }));
        await create(taskManifest('hello'));
        await relabel('web');
        await client.patch(tasks, hello, { type: 'merge', body: { spec: { image: 'two' } } });
        await relabel(null);
        await relabel('web');
        expect(await reader.take(4)).to.deep.equal([
          'ADDED hello',
          'MODIFIED hello',
          'DELETED hello',
          'ADDED hello',
        ]);
        await reader.stop();
      });

      it('follows one object by name', async () => {
        await create(taskManifest('other'));
        const reader = new EventReader(client, tasks, { fieldSelector: 'metadata.name=hello' });
        await create(taskManifest('hello'));
        expect(await reader.take(1)).to.deep.equal(['ADDED hello']);
        await reader.stop();
      });

      it('tells that it has begun where nothing is to be told, and does not where it cannot begin', async () => {
        const started = Promise.withResolvers<void>();
        const reader = new EventReader(client, tasks, { onStart: started.resolve });
        const first = reader.next();
        await started.promise;
        await create(taskManifest('late'));
        expect((await first).type).to.equal('ADDED');
        await reader.stop();
        const onStart = (): never => expect.fail('it has not begun');
        await refusalOf(
          new EventReader(client, tasks, { resourceVersion: 'x', onStart }).next(),
          'BadRequest',
        );
      });

      it('refuses a version it cannot read', async () => {
        await refusalOf(new EventReader(client, tasks, { resourceVersion: 'x' }).next(), 'BadRequest');
      });
    });

    describe('binding', () => {
      it('gives a task to a worker, once', async () => {
        await client.create(workers, {
          apiVersion: 'gantry.dev/v1',
          kind: 'Worker',
          metadata: { name: 'w1' },
        });
        const made = await create(taskManifest('hello'));
        const body = {
          apiVersion: 'gantry.dev/v1',
          kind: 'Binding',
          metadata: { name: 'hello', namespace: 'default' },
          target: { name: 'w1' },
          epoch: 1,
        };
        await client.post(tasks, hello, 'binding', body);
        const bound = await client.get(tasks, hello);
        expect(bound.spec).to.include({ workerName: 'w1', bindingEpoch: 1 });
        expect(bound.metadata.finalizers).to.deep.equal(['gantry.dev/container']);
        expect(bound.metadata.generation).to.equal(made.metadata.generation);
        await refusalOf(client.post(tasks, hello, 'binding', { ...body, epoch: 2 }), 'Conflict');
      });
    });

    describe('authorization', () => {
      it('lets nobody do what no role of theirs allows', async () => {
        const error = await refusalOf(world.client(dev).list(secrets), 'Forbidden');
        expect(error.message).to.equal(
          'secrets is forbidden: User "dev" cannot list resource "secrets" in API group "" at the cluster scope',
        );
        await refusalOf(world.client(dev).delete(tasks, hello), 'Forbidden');
        await refusalOf(world.client({ name: 'x', groups: [] }).get(tasks, hello), 'Forbidden');
      });

      it('lets a worker keep its own lease and no other', async () => {
        const worker = world.client(workerIdentity('w1'));
        const lease = (name: string): Lease => ({
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace: 'gantry-system' },
          spec: { holderIdentity: name },
        });
        await worker.create(leases, lease('w1'));
        await refusalOf(worker.create(leases, lease('w2')), 'Forbidden');
      });
    });
  });
}
