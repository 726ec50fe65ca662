/** The HTTP client keeps the promise of `Client`, against the real API over TLS with client certificates. */
import { expect } from 'chai';
import { newHttpClient } from '../../client/http.ts';
import { ApiError } from '../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity, workerIdentity } from '../../machinery/identity.ts';
import { namespaces, tasks } from '../../schemas/kinds.ts';
import { type ClientWorld, describeClient } from '../client-conformance.ts';
import { describePatches } from '../client-conformance-patches.ts';
import { openWorld } from '../world.ts';
import { Certificates, serveSecurely } from './secureserver.ts';

const certificates = new Certificates();
const admin: Identity = { name: 'admin', groups: [GROUP_MASTERS] };

after(() => certificates.remove());

async function open(): Promise<ClientWorld> {
  const world = await openWorld();
  const server = await serveSecurely(world, certificates);
  const known = await Promise.all(
    [admin, { name: 'dev', groups: ['system:dev'] }, { name: 'x', groups: [] }, workerIdentity('w1')].map(
      async (identity) => [identity.name, await server.client(identity)] as const,
    ),
  );
  const clients = new Map(known);
  return {
    client(identity) {
      const client = clients.get(identity.name);
      if (client === undefined) throw new Error(`no certificate was made for "${identity.name}"`);
      return client;
    },
    async close() {
      await server.close();
      await world.close();
    },
  };
}

describeClient('over HTTPS', open);
describePatches('over HTTPS', open);

describe('client/http over TLS', () => {
  it('is nobody without a certificate, and believes no foreign server', async () => {
    const world = await openWorld();
    const server = await serveSecurely(world, certificates);
    const pki = await certificates.pki();
    const anonymous = newHttpClient({ server: server.url, certificateAuthority: pki.authority });
    const distrustful = newHttpClient({ server: server.url });
    const careless = newHttpClient({ server: server.url, insecureSkipTlsVerify: true });
    const reasonOf = async (client: typeof anonymous): Promise<string> => {
      const error: unknown = await client
        .list(tasks, { namespace: 'default' })
        .catch((thrown: unknown) => thrown);
      return error instanceof ApiError ? `${error.reason}: ${error.message}` : String(error);
    };
    try {
      expect(await reasonOf(anonymous)).to.match(/^Unauthorized: /);
      expect(await reasonOf(careless)).to.match(/^Unauthorized: /);
      expect(await reasonOf(distrustful)).to.match(
        /^ServiceUnavailable: the server 127\.0\.0\.1:\d+ is not the one the kubeconfig was made for: /,
      );
      const client = await server.client(admin);
      expect((await client.get(namespaces, { name: 'default' })).metadata.name).to.equal('default');
    } finally {
      for (const client of [anonymous, distrustful, careless]) client.close();
      await server.close();
      await world.close();
    }
  });
});
