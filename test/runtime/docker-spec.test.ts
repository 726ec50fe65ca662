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
    expect(body).to.not.have.property('NetworkingConfig');
    expect(body.HostConfig).to.not.have.any.keys(
      'Memory',
      'MemorySwap',
      'NanoCpus',
      'CpuShares',
      'PidsLimit',
    );
    const places = ['Mounts', 'Binds', 'ShmSize', 'Ulimits', 'Dns', 'PidMode', 'SecurityOpt', 'UsernsMode'];
    expect(body.HostConfig).to.not.have.any.keys(...places);
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

  it('mounts what is there, and never asks the engine to make a folder', () => {
    const { HostConfig: host } = createBody({
      ...spec,
      mounts: [
        { kind: 'bind', source: '/srv/data', target: '/data', readOnly: true },
        { kind: 'volume', name: 'cache', target: '/cache', readOnly: false },
      ],
    });
    expect(host?.Mounts).to.deep.equal([
      { Type: 'bind', Source: '/srv/data', Target: '/data', ReadOnly: true },
      { Type: 'volume', Source: 'cache', Target: '/cache', ReadOnly: false },
    ]);
    expect(host).to.not.have.property('Binds');
  });

  it('goes by its further names on a named network only, and publishes its ports there', () => {
    const named = createBody({ ...spec, networkMode: 'gantry.default', networkAliases: ['web'] });
    expect(named.NetworkingConfig).to.deep.equal({
      EndpointsConfig: { 'gantry.default': { Aliases: ['web'] } },
    });
    expect(named.HostConfig?.PortBindings).to.have.all.keys('80/tcp', '53/udp');
    for (const networkMode of ['bridge', 'host', 'none']) {
      const body = createBody({ ...spec, networkMode, networkAliases: ['web'] });
      expect(body, networkMode).to.not.have.property('NetworkingConfig');
    }
  });

  it('says how it is confined: rights, system calls, user namespace', () => {
    const options = (more: Partial<ContainerSpec>) => createBody({ ...spec, ...more }).HostConfig;
    expect(options({ noNewPrivileges: true })?.SecurityOpt).to.deep.equal(['no-new-privileges']);
    expect(options({ seccomp: 'default' })).to.not.have.property('SecurityOpt');
    expect(options({ seccomp: 'unconfined' })?.SecurityOpt).to.deep.equal(['seccomp=unconfined']);
    expect(options({ seccomp: { profile: '{"a":1}' } })?.SecurityOpt).to.deep.equal(['seccomp={"a":1}']);
    for (const more of [{ privileged: true }, { networkMode: 'host' }, { hostPid: true }]) {
      expect(options(more)?.UsernsMode, JSON.stringify(more)).to.equal('host');
    }
    expect(options({ hostPid: true })?.PidMode).to.equal('host');
  });

  it('passes on limits of its processes, its shared memory, its name servers', () => {
    const { HostConfig: host } = createBody({
      ...spec,
      ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
      shmSizeBytes: 7,
      dns: ['192.0.2.7'],
      resources: { pidsLimit: 9 },
    });
    expect(host).to.deep.include({
      Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      ShmSize: 7,
      Dns: ['192.0.2.7'],
      PidsLimit: 9,
    });
  });

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
