import { expect } from 'chai';
import type { ContainerSpec } from '../../machinery/runtime.ts';
import { createBody, resourceSettings } from '../../runtime/docker/spec.ts';

const spec: ContainerSpec = {
  name: 'gantry.default.hello.0123abcd.1',
  image: 'gantry/hello:1',
  labels: { 'gantry.dev/task': 'default/hello' },
  env: ['A=1'],
  ports: [
    { containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 8080 },
    { containerPort: 80, protocol: 'TCP', hostIP: '0.0.0.0', hostPort: 0 },
    { containerPort: 53, protocol: 'UDP', hostIP: '::1', hostPort: 5353 },
  ],
  resources: {},
  networkMode: 'bridge',
  privileged: false,
  readOnlyRootFilesystem: false,
  capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
};

describe('ContainerSpec in Docker’s words', () => {
  it('says only what was asked for', () => {
    const body = createBody(spec);
    for (const key of ['Entrypoint', 'Cmd', 'WorkingDir', 'StopSignal', 'Hostname', 'User']) {
      expect(body).to.not.have.property(key);
    }
    expect(body.HostConfig).to.not.have.any.keys('Memory', 'MemorySwap', 'NanoCpus', 'CpuShares');
    expect(body.HostConfig).to.deep.include({ CapAdd: ['NET_ADMIN'], CapDrop: ['ALL'], Privileged: false });
  });

  it('replaces the entry point with command and the command with args', () => {
    const body = createBody({ ...spec, command: ['/bin/sh'], args: ['-c', 'true'] });
    expect(body).to.deep.include({ Entrypoint: ['/bin/sh'], Cmd: ['-c', 'true'] });
  });

  it('publishes every port on its own address, and 0 on one the engine chooses', () => {
    const body = createBody(spec);
    expect(body.ExposedPorts).to.deep.equal({ '80/tcp': {}, '53/udp': {} });
    expect(body.HostConfig?.PortBindings).to.deep.equal({
      '80/tcp': [
        { HostIp: '127.0.0.1', HostPort: '8080' },
        { HostIp: '0.0.0.0', HostPort: '' },
      ],
      '53/udp': [{ HostIp: '::1', HostPort: '5353' }],
    });
  });

  for (const networkMode of ['host', 'none'] as const) {
    it(`publishes nothing with network mode ${networkMode}`, () => {
      const body = createBody({ ...spec, networkMode });
      expect(body.ExposedPorts).to.deep.equal({});
      expect(body.HostConfig).to.deep.include({ NetworkMode: networkMode, PortBindings: {} });
    });
  }

  it('refuses a host address that Docker would read as every address', () => {
    for (const hostIP of ['localhost', '', '127.0.0.1:80', '999.1.1.1']) {
      const ports = [{ containerPort: 80, protocol: 'TCP', hostIP, hostPort: 80 } as const];
      expect(() => createBody({ ...spec, ports })).to.throw(`found hostIP "${hostIP}", wanted an IP address`);
    }
  });

  it('limits memory and swap together', () => {
    expect(resourceSettings({ memoryBytes: 64 })).to.deep.equal({ Memory: 64, MemorySwap: 64 });
    expect(resourceSettings({ nanoCpus: 5e8, cpuShares: 512 })).to.deep.equal({
      NanoCpus: 5e8,
      CpuShares: 512,
    });
    expect(resourceSettings({})).to.deep.equal({});
  });
});
