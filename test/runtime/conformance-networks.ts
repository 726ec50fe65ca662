/** The promises of `Runtime` about networks and named volumes of an engine. */
import { expect } from 'chai';
import { RuntimeError } from '../../machinery/errors.ts';
import type { NetworkSpec, PublishedPort } from '../../machinery/runtime.ts';
import { eventually, rejection } from './expectations.ts';
import { ECHO_PORT, type Promised, type Rig, uniqueName } from './rig.ts';

/** Titles of what only a real network can show. */
export const NEEDS_A_NETWORK = [
  'lets containers on one network find each other by name and by alias',
] as const;

let nextSubnet = process.pid % 4_096;

/** A network of the test's own, on the first subnet that nobody else has. */
async function makeNetwork(rig: Rig, bits: 24 | 25 = 24): Promise<NetworkSpec & { readonly id: string }> {
  for (let tries = 0; tries < 64; tries++) {
    const at = nextSubnet++ % 4_096;
    const subnet = `10.${224 + (at >> 8)}.${at & 255}.0/${bits}`;
    const spec = { name: uniqueName(), labels: rig.labels, subnet };
    try {
      return { ...spec, id: (await rig.runtime.createNetwork(spec, rig.signal)).id };
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.reason !== 'AddressConflict') throw error;
    }
  }
  throw new Error('found no subnet that is free');
}

export function promiseNetworks(promise: Promised): void {
  promise('makes a network, finds it by its labels, and removes it', async (rig) => {
    const { id, name, subnet } = await makeNetwork(rig);
    expect(await rig.runtime.networks(rig.labels, rig.signal)).to.deep.equal([
      { id, name, subnet, labels: rig.labels },
    ]);
    expect(await rig.runtime.networks({ ...rig.labels, other: 'yes' }, rig.signal)).to.deep.equal([]);
    await rig.runtime.removeNetwork(id, rig.signal);
    await rig.runtime.removeNetwork(id, rig.signal);
    expect(await rig.runtime.networks(rig.labels, rig.signal)).to.deep.equal([]);
  });

  promise('tells a taken name of a network from a taken subnet', async (rig) => {
    const first = await makeNetwork(rig);
    const { name, labels, subnet } = first;
    const other = subnet.replace(/\.0\/24$/, '.128/25');
    const named = rejection(
      rig.runtime.createNetwork({ name, labels, subnet: '10.223.0.0/24' }, rig.signal),
      'Conflict',
    );
    expect((await named).message).to.include(name);
    for (const overlapping of [subnet, other]) {
      const spec = { name: uniqueName(), labels, subnet: overlapping };
      await rejection(rig.runtime.createNetwork(spec, rig.signal), 'AddressConflict');
    }
    await rejection(
      rig.runtime.createNetwork({ name: uniqueName(), labels, subnet: 'not a subnet' }, rig.signal),
      'InvalidSpec',
    );
    expect(await rig.runtime.networks(rig.labels, rig.signal)).to.have.lengthOf(1);
  });

  promise('gives a container on a named network an address there, and publishes its ports', async (rig) => {
    const network = await makeNetwork(rig);
    const port: PublishedPort = { containerPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 0 };
    const id = await rig.run('waits', {
      networkMode: network.name,
      networkAliases: ['web'],
      ports: [port],
    });
    const { ip, ports } = await rig.look(id);
    expect(ip?.startsWith(network.subnet.replace(/0\/24$/, ''))).to.equal(true);
    expect(ports).to.have.lengthOf(1);
    expect(ports[0]?.hostPort).to.be.greaterThan(0);
    await rejection(rig.runtime.removeNetwork(network.id, rig.signal), 'Conflict');
    await rig.runtime.remove(id, rig.signal);
    await rig.runtime.removeNetwork(network.id, rig.signal);
  });

  promise('cannot start a container whose network is gone, and can when it is back', async (rig) => {
    const { id: networkId, ...network } = await makeNetwork(rig);
    const id = await rig.create('waits', { networkMode: network.name });
    await rig.runtime.removeNetwork(networkId, rig.signal);
    const { message } = await rejection(rig.runtime.start(id, rig.signal), 'Failed');
    expect(message).to.match(/network .* not found/);
    await rig.runtime.createNetwork(network, rig.signal);
    await rig.runtime.start(id, rig.signal);
    expect((await rig.look(id)).state).to.equal('running');
  });

  promise(NEEDS_A_NETWORK[0], async (rig) => {
    const { name: networkMode } = await makeNetwork(rig);
    const server = rig.spec('echoes', { networkMode, networkAliases: ['web', 'web.default.task'] });
    const { id: serverId } = await rig.runtime.create(server, rig.signal);
    await rig.runtime.start(serverId, rig.signal);
    const client = await rig.run('waits', { networkMode });
    for (const host of ['web', 'web.default.task', server.name]) {
      await eventually(async () => {
        const said = await rig.sh(client, `echo hello ${host} | nc -w 2 ${host} ${ECHO_PORT}`);
        return said === `hello ${host}\n` || undefined;
      }, `an answer of ${host}`);
    }
    const stranger = await rig.run('waits', { networkMode: 'bridge' });
    expect(await rig.sh(stranger, `nc -w 2 web ${ECHO_PORT} </dev/null 2>&1 || echo unknown`)).to.match(
      /unknown\n$/,
    );
  });

  promise('makes a volume once, finds it by its labels, and removes it when nothing has it', async (rig) => {
    const name = uniqueName();
    const made = await rig.runtime.createVolume(name, rig.labels, rig.signal);
    expect(made).to.deep.include({ name, labels: rig.labels });
    expect(made.mountpoint).to.match(/^\/.*/);
    expect(await rig.runtime.createVolume(name, { other: 'labels' }, rig.signal)).to.deep.equal(made);
    expect(await rig.runtime.volumes(rig.labels, rig.signal)).to.deep.equal([made]);
    expect(await rig.runtime.volumes({ ...rig.labels, other: 'yes' }, rig.signal)).to.deep.equal([]);
    // One that never ran has it too.
    const id = await rig.create('waits', {
      mounts: [{ kind: 'volume', name, target: '/data', readOnly: false }],
    });
    await rejection(rig.runtime.removeVolume(name, rig.signal), 'Conflict');
    await rig.runtime.remove(id, rig.signal);
    expect(await rig.runtime.volumes(rig.labels, rig.signal)).to.have.lengthOf(1);
    await rig.runtime.removeVolume(name, rig.signal);
    await rig.runtime.removeVolume(name, rig.signal);
    expect(await rig.runtime.volumes(rig.labels, rig.signal)).to.deep.equal([]);
  });
}
