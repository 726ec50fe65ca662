/** `ContainerSpec` and `Resources` in the words of Docker's create and update calls. Pure. */
import { isIP } from 'node:net';
import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { ContainerSpec, PublishedPort, Resources } from '../../machinery/runtime.ts';

/** A container may not fill the disk with its log: five files of 10 MiB, the oldest goes first. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } };

/** Throws `InvalidSpec` for what Docker would take and turn into something else. */
export function createBody(spec: ContainerSpec): ContainerCreateOptions {
  const ports = spec.networkMode === 'bridge' ? spec.ports : [];
  return {
    Image: spec.image,
    Labels: { ...spec.labels },
    Env: [...spec.env],
    // An entry point without a command drops the image's command too: Kubernetes' rule for `command` without `args`.
    ...(spec.command === undefined ? {} : { Entrypoint: [...spec.command] }),
    ...(spec.args === undefined ? {} : { Cmd: [...spec.args] }),
    ...(spec.workingDir === undefined ? {} : { WorkingDir: spec.workingDir }),
    ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.hostname === undefined ? {} : { Hostname: spec.hostname }),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    HostConfig: {
      NetworkMode: spec.networkMode,
      PortBindings: portBindings(ports),
      // Restarts are the controller's: Docker's own backs off, and starts a container behind everyone's back.
      RestartPolicy: { Name: 'no' },
      LogConfig: LOG_CONFIG,
      Privileged: spec.privileged,
      ReadonlyRootfs: spec.readOnlyRootFilesystem,
      CapAdd: [...spec.capabilities.add],
      CapDrop: [...spec.capabilities.drop],
      ...resourceSettings(spec.resources),
    },
  };
}

/** Absent limits are left out: at creation that is no limit, in an update it stays as it is. */
export function resourceSettings(
  resources: Resources,
): Pick<HostConfig, 'NanoCpus' | 'Memory' | 'MemorySwap' | 'CpuShares'> {
  const { nanoCpus, memoryBytes, cpuShares } = resources;
  return {
    ...(nanoCpus === undefined ? {} : { NanoCpus: nanoCpus }),
    // Memory and swap together, the same figure: no swap beyond the limit, and a limit that can be raised later
    // (Docker refuses one above the old sum).
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpuShares === undefined ? {} : { CpuShares: cpuShares }),
  };
}

type PortBindings = Record<string, { HostIp: string; HostPort: string }[]>;

function portBindings(ports: readonly PublishedPort[]): PortBindings {
  const bindings: PortBindings = {};
  for (const port of ports) {
    // Docker 20.10 publishes on every address of the machine when it cannot read this one.
    if (isIP(port.hostIP) === 0) {
      throw new RuntimeError(
        'InvalidSpec',
        `port ${portKey(port)}: found hostIP "${port.hostIP}", wanted an IP address such as 127.0.0.1`,
      );
    }
    const list = (bindings[portKey(port)] ??= []);
    list.push({ HostIp: port.hostIP, HostPort: port.hostPort === 0 ? '' : String(port.hostPort) });
  }
  return bindings;
}

function portKey(port: PublishedPort): string {
  return `${port.containerPort}/${port.protocol.toLowerCase()}`;
}
