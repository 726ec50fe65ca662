import { expect } from 'chai';
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { detailOf, eventOf, infoOf, summaryOf } from '../../runtime/docker/view.ts';

const NEVER = '0001-01-01T00:00:00Z';

/** What an inspection answers; each part may be replaced. */
function inspection(parts: {
  readonly state?: object;
  readonly host?: object;
  readonly network?: object;
}): ContainerInspectInfo {
  return JSON.parse(
    JSON.stringify({
      Id: 'abc',
      Name: '/web',
      Created: '2026-11-22T01:22:13.364364606Z',
      Image: 'sha256:1',
      Config: { Image: 'web:1', Labels: { app: 'web' }, Tty: false },
      State: {
        Status: 'running',
        ExitCode: 0,
        OOMKilled: false,
        Error: '',
        StartedAt: '2026-11-22T01:22:13.6418289Z',
        FinishedAt: NEVER,
        ...parts.state,
      },
      HostConfig: { NanoCpus: 0, Memory: 0, CpuShares: 0, CpuQuota: 0, CpuPeriod: 0, ...parts.host },
      NetworkSettings: { Ports: {}, Networks: {}, ...parts.network },
    }),
  );
}

describe('Docker’s answers in Runtime’s words', () => {
  it('takes the container’s own name, not a link to it', () => {
    const info: ContainerInfo = JSON.parse(
      JSON.stringify({
        Id: 'abc',
        Names: ['/other/alias', '/web'],
        State: 'running',
        Image: 'web:1',
        ImageID: 'sha256:1',
        Labels: null,
      }),
    );
    expect(summaryOf(info)).to.deep.equal({
      id: 'abc',
      name: 'web',
      labels: {},
      state: 'running',
      image: 'web:1',
      imageId: 'sha256:1',
    });
  });

  it('leaves out what never happened', () => {
    const detail = detailOf(inspection({ state: { Status: 'created', StartedAt: NEVER } }));
    expect(detail).to.not.have.any.keys('startedAt', 'finishedAt', 'exitCode', 'error', 'ip');
    expect(detail.createdAt).to.equal('2026-11-22T01:22:13.364364606Z');
  });

  it('tells of an end only once it has ended, not of the run before', () => {
    const before = { ExitCode: 0, FinishedAt: '2026-11-22T01:00:00Z' };
    expect(detailOf(inspection({ state: before }))).to.not.have.any.keys('finishedAt', 'exitCode');
    expect(
      detailOf(inspection({ state: { ...before, Status: 'exited', ExitCode: 137, OOMKilled: true } })),
    ).to.include({
      finishedAt: '2026-11-22T01:00:00Z',
      exitCode: 137,
      oomKilled: true,
    });
  });

  it('tells why a start failed', () => {
    const state = { Status: 'created', StartedAt: NEVER, ExitCode: 127, Error: 'no such file' };
    expect(detailOf(inspection({ state }))).to.include({
      state: 'created',
      exitCode: 127,
      error: 'no such file',
    });
  });

  it('refuses a state that it does not know', () => {
    expect(() => detailOf(inspection({ state: { Status: 'melting' } }))).to.throw('its state is "melting"');
  });

  it('reads limits, also those written as a quota', () => {
    const { resources } = detailOf(
      inspection({ host: { NanoCpus: 5e8, Memory: 64, CpuShares: 2, PidsLimit: 3 } }),
    );
    expect(resources).to.deep.equal({ nanoCpus: 5e8, memoryBytes: 64, cpuShares: 2, pidsLimit: 3 });
    expect(detailOf(inspection({ host: { CpuQuota: 25_000, CpuPeriod: 50_000 } })).resources).to.deep.equal({
      nanoCpus: 5e8,
    });
    expect(detailOf(inspection({ host: { CpuQuota: 25_000 } })).resources).to.deep.equal({ nanoCpus: 2.5e8 });
    expect(detailOf(inspection({ host: { CpuQuota: -1, Memory: -1 } })).resources).to.deep.equal({});
  });

  it('tells each published port once, and IPv6 only where there is no IPv4', () => {
    const Ports = {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
        { HostIp: '0.0.0.0', HostPort: '8080' },
      ],
      '53/udp': [{ HostIp: '::1', HostPort: '5353' }],
      '9/sctp': [{ HostIp: '0.0.0.0', HostPort: '9' }],
      '443/tcp': null,
    };
    expect(detailOf(inspection({ network: { Ports } })).ports).to.deep.equal([
      { containerPort: 80, protocol: 'TCP', hostIP: '0.0.0.0', hostPort: 8080 },
      { containerPort: 53, protocol: 'UDP', hostIP: '::1', hostPort: 5353 },
    ]);
  });

  it('tells the address of any network', () => {
    const Networks = { none: { IPAddress: '' }, gantry: { IPAddress: '172.18.0.2' } };
    expect(detailOf(inspection({ network: { Networks } })).ip).to.equal('172.18.0.2');
  });

  it('names architectures as images do', () => {
    expect(infoOf({ Architecture: 'aarch64', NCPU: 4 }, true)).to.deep.include({
      arch: 'arm64',
      cpus: 4,
      os: '',
    });
    expect(infoOf({ Architecture: 'riscv64' }, true).arch).to.equal('riscv64');
    expect(infoOf('nonsense', true).memoryBytes).to.equal(0);
  });

  it('tells where an engine keeps its things, and the first user of its user namespace', () => {
    const plain = infoOf(
      {
        DockerRootDir: '/var/lib/docker',
        SecurityOptions: ['name=seccomp,profile=default', 'name=cgroupns'],
      },
      true,
    );
    expect(plain).to.include({ dataRoot: '/var/lib/docker', userNamespaceBase: 0, hasSeccomp: true });
    const mapped = { DockerRootDir: '/srv/docker/165536.165536', SecurityOptions: ['name=userns'] };
    expect(infoOf(mapped, false)).to.include({
      userNamespaceBase: 165_536,
      hasSeccomp: false,
      isLocal: false,
    });
    expect(infoOf({ ...mapped, SecurityOptions: [] }, true).userNamespaceBase).to.equal(0);
    expect(infoOf({ SecurityOptions: null }, true)).to.include({ userNamespaceBase: 0, hasSeccomp: false });
  });

  it('hints at containers only, with their own labels', () => {
    const Actor = { ID: 'abc', Attributes: { app: 'web', name: 'web', image: 'web:1', exitCode: '0' } };
    expect(eventOf({ Type: 'container', Action: 'die', Actor })).to.deep.equal({
      containerId: 'abc',
      labels: { app: 'web' },
      action: 'die',
    });
    expect(eventOf({ Type: 'network', Action: 'connect', Actor })).to.equal(undefined);
    expect(eventOf({ Type: 'container', Action: 'die' })).to.equal(undefined);
    expect(eventOf({ Type: 'container', Action: 'die', Actor: {} })).to.equal(undefined);
  });
});
