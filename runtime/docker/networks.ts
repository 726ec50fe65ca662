/** Bridge networks of a Docker Engine, each with a subnet that was chosen by whoever asked for it. */
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { NetworkInfo, NetworkSpec } from '../../machinery/runtime.ts';
import type { DockerCalls } from './calls.ts';
import { statusOf, textOf } from './errors.ts';
import { labelFilter, stringsOf } from './labels.ts';

export class DockerNetworks {
  readonly #docker: Docker;
  readonly #calls: DockerCalls;

  constructor(docker: Docker, calls: DockerCalls) {
    this.#docker = docker;
    this.#calls = calls;
  }

  list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly NetworkInfo[]> {
    return this.#calls.call('list of networks', signal, async (abortSignal) => {
      const options: object = { filters: { label: labelFilter(labels) }, abortSignal };
      const found: unknown = await this.#docker.listNetworks(options);
      return (Array.isArray(found) ? found : []).map(networkOf);
    });
  }

  create(spec: NetworkSpec, signal: AbortSignal): Promise<{ readonly id: string }> {
    return this.#calls.call(`creation of network "${spec.name}"`, signal, async (abortSignal) => {
      const body = {
        Name: spec.name,
        // Engines before API 1.44 make a second network of the same name otherwise.
        CheckDuplicate: true,
        Driver: 'bridge',
        Labels: { ...spec.labels },
        IPAM: { Driver: 'default', Config: [{ Subnet: spec.subnet }] },
      };
      const options = { Name: spec.name, _query: {}, _body: body, abortSignal };
      return { id: (await this.#docker.createNetwork(options)).id };
    });
  }

  remove(id: string, signal: AbortSignal): Promise<void> {
    const what = `removal of network "${id}"`;
    return this.#calls.call(what, signal, async (abortSignal) => {
      // Ids and names go into the path of the request.
      if (!/^[a-zA-Z0-9][\w.-]*$/.test(id)) return;
      const network = this.#docker.getNetwork(id);
      const remove: (options: object) => Promise<unknown> = network.remove.bind(network);
      try {
        await remove({ abortSignal });
      } catch (error) {
        if (statusOf(error) === 404) return;
        if (!/has active endpoints/.test(textOf(error))) throw error;
        throw new RuntimeError('Conflict', `${what}: ${textOf(error)}`, { cause: error });
      }
    });
  }
}

function networkOf(network: unknown): NetworkInfo {
  const { Id: id, Name: name, Labels: labels, IPAM: ipam } = isRecord(network) ? network : {};
  if (typeof id !== 'string' || typeof name !== 'string') {
    throw new RuntimeError('Failed', 'the engine told of a network without its id or its name');
  }
  const subnet = subnetOf(ipam);
  return { id, name, labels: stringsOf(labels), ...(subnet === undefined ? {} : { subnet }) };
}

/** The first of IPv4. */
function subnetOf(ipam: unknown): string | undefined {
  const config: unknown = isRecord(ipam) ? ipam['Config'] : undefined;
  for (const pool of Array.isArray(config) ? config : []) {
    const subnet: unknown = isRecord(pool) ? pool['Subnet'] : undefined;
    if (typeof subnet === 'string' && !subnet.includes(':')) return subnet;
  }
  return undefined;
}
