/** Networks of namespaces: where their addresses come from, when they are made, and when they go. */
import { expect } from 'chai';
import { EngineNetworks } from '../../../agent/networks/networks.ts';
import {
  blockAround,
  doOverlap,
  formatBlock,
  freeBlocks,
  parseBlock,
  rangeProblem,
} from '../../../agent/networks/subnets.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { LABEL_CLUSTER, LABEL_NAMESPACE, LABEL_NETWORK, LABEL_WORKER } from '../../../machinery/labels.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';

const { signal } = new AbortController();

describe('subnets', () => {
  const block = (text: string) => {
    const parsed = parseBlock(text);
    if (parsed === undefined) throw new Error(`${text} is no block`);
    return parsed;
  };

  it('are read and written, and what is none is not', () => {
    for (const text of ['10.200.0.0/14', '0.0.0.0/0', '255.255.255.255/32', '192.168.3.0/24']) {
      expect(formatBlock(block(text))).to.equal(text);
    }
    for (const text of ['10.200.0.1/14', '10.256.0.0/16', '10.0.0.0', '10.0.0.0/33', 'fd00::/8', '']) {
      expect(parseBlock(text), text).to.equal(undefined);
    }
  });

  it('around an interface is the network it is in', () => {
    const around = blockAround('192.168.3.77/22');
    expect(around && formatBlock(around)).to.equal('192.168.0.0/22');
  });

  it('overlap in whatever order and size', () => {
    expect(doOverlap(block('10.0.0.0/8'), block('10.200.4.0/22'))).to.equal(true);
    expect(doOverlap(block('10.200.4.0/22'), block('10.0.0.0/8'))).to.equal(true);
    expect(doOverlap(block('10.200.4.0/22'), block('10.200.8.0/22'))).to.equal(false);
  });

  it('that are free are all those that overlap nothing, each once, beginning where the name says', () => {
    const range = block('10.200.0.0/20');
    const taken = [block('10.200.4.0/24'), block('10.200.12.0/22')];
    const blocks = [...freeBlocks(range, 22, taken, 'a')].map(formatBlock);
    expect([...blocks].sort()).to.deep.equal(['10.200.0.0/22', '10.200.8.0/22']);
    expect([...freeBlocks(range, 22, taken, 'a')].map(formatBlock)).to.deep.equal(blocks);
    expect([...freeBlocks(block('10.200.0.0/14'), 22, [], 'a')]).to.have.lengthOf(256);
  });

  it('need a range that has room for them', () => {
    expect(rangeProblem('10.200.0.0/14', 22)).to.equal(undefined);
    expect(rangeProblem('10.200.0.0/24', 22)).to.contain('wanted a size from /24 to /29');
    expect(rangeProblem('10.0.0.0/30', 22)).to.contain('at least /29');
    expect(rangeProblem('ten', 22)).to.contain('found "ten"');
  });
});

describe('EngineNetworks', () => {
  function make(range = '10.200.0.0/14', interfaces: readonly string[] = []) {
    const clock = new FakeClock();
    const runtime = new FakeRuntime({ clock, random: seededRandom(1), images: { 'app:1': {} } });
    const networks = new EngineNetworks({
      runtime,
      clock,
      log: silentLog,
      clusterId: 'c1',
      worker: 'w1',
      range,
      prefix: 22,
      interfaces: () => interfaces,
    });
    return { clock, runtime, networks };
  }

  it('makes one for each namespace and name, and finds it again', async () => {
    const { networks } = make();
    const own = await networks.ensure('default', 'bridge', signal);
    expect(own).to.match(/^gantry\.default\.bridge\.[0-9a-f]{8}$/);
    expect(await networks.ensure('default', 'bridge', signal)).to.equal(own);
    expect(await networks.ensure('default', 'blue', signal)).to.not.equal(own);
    expect(await networks.ensure('other', 'bridge', signal)).to.not.equal(own);
    const known = await networks.known(signal);
    expect(known).to.have.lengthOf(3);
    expect(known[0]?.labels).to.deep.equal({
      [LABEL_CLUSTER]: 'c1',
      [LABEL_WORKER]: 'w1',
      [LABEL_NAMESPACE]: 'default',
      [LABEL_NETWORK]: 'bridge',
    });
    const blocks = known.map(({ subnet }) => parseBlock(subnet ?? ''));
    expect(new Set(blocks.map((found) => found?.address)).size).to.equal(3);
  });

  it('makes it once when many ask at the same time', async () => {
    const { networks } = make();
    const names = await Promise.all(
      Array.from({ length: 20 }, () => networks.ensure('default', 'bridge', signal)),
    );
    expect(new Set(names).size).to.equal(1);
    expect(await networks.known(signal)).to.have.lengthOf(1);
  });

  it('leaves alone the networks of the machine and of others on the engine', async () => {
    const { networks, runtime } = make('10.200.0.0/20', ['10.200.4.1/22']);
    await runtime.createNetwork({ name: 'theirs', labels: {}, subnet: '10.200.0.0/22' }, signal);
    await networks.ensure('a', 'bridge', signal);
    await networks.ensure('b', 'bridge', signal);
    const subnets = (await networks.known(signal)).map(({ subnet }) => subnet);
    expect(subnets).to.have.members(['10.200.12.0/22', '10.200.8.0/22']);
    const refusal = await networks.ensure('c', 'bridge', signal).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(RuntimeError);
    expect(refusal)
      .to.have.property('message')
      .that.contains('no free subnet of /22')
      .and.contains('--task-cidr');
  });

  it('makes it anew after somebody removed it', async () => {
    const { networks, runtime } = make();
    const name = await networks.ensure('default', 'bridge', signal);
    const [network] = await networks.known(signal);
    await runtime.removeNetwork(network?.id ?? '', signal);
    expect(await networks.ensure('default', 'bridge', signal)).to.equal(name);
    expect((await networks.known(signal))[0]?.subnet).to.equal(network?.subnet);
  });

  it('goes on for others after one failed', async () => {
    const { networks, runtime } = make();
    runtime.stopEngine({ containersDie: false });
    const failed = await networks.ensure('default', 'bridge', signal).catch((error: unknown) => error);
    expect(failed).to.have.property('reason', 'Unavailable');
    runtime.startEngine();
    expect(await networks.ensure('default', 'bridge', signal)).to.be.a('string');
  });

  it('takes away what has had no Task for half a minute, and nothing that is needed, used or not its own', async () => {
    const { networks, runtime, clock } = make();
    await networks.ensure('kept', 'bridge', signal);
    await networks.ensure('gone', 'bridge', signal);
    const used = await networks.ensure('used', 'bridge', signal);
    await runtime.createNetwork({ name: 'theirs', labels: {}, subnet: '10.9.0.0/24' }, signal);
    const { id } = await runtime.create(
      {
        name: 'app',
        image: 'app:1',
        labels: {},
        env: [],
        ports: [],
        resources: {},
        networkMode: used,
        privileged: false,
        readOnlyRootFilesystem: false,
        capabilities: { add: [], drop: [] },
      },
      signal,
    );
    await runtime.start(id, signal);
    const keep = new Map([['kept', new Set(['bridge'])]]);
    const left = async (): Promise<string[]> =>
      (await networks.known(signal)).map(({ labels }) => labels[LABEL_NAMESPACE] ?? '').sort();
    await networks.sweep(keep, signal);
    clock.advance(29_000);
    await networks.sweep(keep, signal);
    expect(await left()).to.deep.equal(['gone', 'kept', 'used']);
    clock.advance(1_000);
    await networks.sweep(keep, signal);
    expect(await left()).to.deep.equal(['kept', 'used']);
    expect((await runtime.networks({}, signal)).some(({ name }) => name === 'theirs')).to.equal(true);
    await runtime.remove(id, signal);
    await networks.sweep(keep, signal);
    expect(await left()).to.deep.equal(['kept']);
  });

  it('takes away a further network of a namespace once none of its Tasks asks for it', async () => {
    const { networks, clock } = make();
    for (const mode of ['bridge', 'blue', 'green']) await networks.ensure('team', mode, signal);
    const keep = new Map([['team', new Set(['bridge', 'green'])]]);
    await networks.sweep(keep, signal);
    clock.advance(30_000);
    await networks.sweep(keep, signal);
    const left = (await networks.known(signal)).map(({ labels }) => labels[LABEL_NETWORK]);
    expect(left).to.have.members(['bridge', 'green']);
  });
});
