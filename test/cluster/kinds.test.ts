/** Kinds of users with several servers: what one of them establishes can be used at once through the others. */
import { expect } from 'chai';
import { definitions } from '../../api/registry/kinds/definition.ts';
import { ApiError } from '../../machinery/errors.ts';
import {
  crontab,
  crontabs,
  definition,
  isEstablished,
  key,
  untilDefinition,
  version,
} from '../api/registry/kinds/crontabs.ts';
import { isPending, openServers, type Server, type Servers } from './servers.ts';

describe('Kinds of users on several servers', () => {
  let servers: Servers;
  let a: Server;
  let b: Server;

  beforeEach(async () => {
    servers = await openServers();
    a = await servers.add();
    b = await servers.add();
    await servers.settle();
  });

  afterEach(() => servers.close());

  async function defineOnA(): Promise<void> {
    await a.admin.create(definitions, definition([version('v1')]));
    await untilDefinition(a.admin, 'crontabs.example.com', 'Established', isEstablished);
  }

  async function untilGone({ admin }: Server): Promise<void> {
    for (let turn = 0; turn < 200 && servers.clock.monotonicMs() < 60_000; turn++) {
      if ((await admin.list(definitions)).items.length === 0) return;
      await servers.advance(100);
    }
    throw new Error('the definition did not go');
  }

  it('are served by the other as soon as it can know of them: it waits instead of saying there is none', async () => {
    b.store.hold();
    await defineOnA();
    const creating = b.admin.create(crontabs(), crontab('a', {}));
    creating.catch(() => undefined);
    expect(await isPending(creating)).to.equal(true);
    b.store.release();
    await creating;
    expect((await a.admin.get(crontabs(), key('a'))).metadata.name).to.equal('a');
  });

  it('are in the list of kinds of the other once it has settled', async () => {
    b.store.hold();
    await defineOnA();
    const settling = b.registry.settleKinds();
    expect(await isPending(settling)).to.equal(true);
    b.store.release();
    await settling;
    expect(b.registry.findKind('example.com', 'v1', 'crontabs')).not.to.equal(undefined);
  });

  it('that nobody has defined are not found, at once', async () => {
    const error = await b.admin.list(crontabs()).catch((refused: unknown) => refused);
    expect(error).to.be.instanceOf(ApiError).with.property('reason', 'NotFound');
  });

  it('take along an object that another server was still writing', async () => {
    for (const isGone of [false, true]) {
      await defineOnA();
      await b.registry.settleKinds();
      b.store.holdCommits();
      const late = b.admin.create(crontabs(), crontab('late', {})).catch((error: ApiError) => error.reason);
      await servers.settle();
      await a.admin.delete(definitions, { name: 'crontabs.example.com' });
      if (isGone) await untilGone(a);
      b.store.releaseCommits();
      expect(await late).to.equal(isGone ? 'NotFound' : 'MethodNotAllowed');
      await untilGone(a);
      expect((await servers.store.range('/registry/example.com/')).items).to.deep.equal([]);
    }
  });

  it('go with all objects on both, whichever takes the deletion', async () => {
    await defineOnA();
    await a.admin.create(crontabs(), crontab('a', {}));
    await b.admin.create(crontabs(), crontab('b', {}));
    await b.admin.delete(definitions, { name: 'crontabs.example.com' });
    await untilGone(a);
    expect((await b.admin.list(definitions)).items).to.deep.equal([]);
    expect((await servers.store.range('/registry/example.com/')).items).to.deep.equal([]);
    for (const { registry } of [a, b]) {
      await registry.settleKinds();
      expect(registry.findKind('example.com', 'v1', 'crontabs')).to.equal(undefined);
    }
  });
});
