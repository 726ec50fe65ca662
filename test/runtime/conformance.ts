/**
 * What every `Runtime` promises, run against each of them. A runtime that cannot keep a promise names it in
 * `optOuts` with the reason, which shows in the test's output.
 */

import { promiseConnections } from './conformance-connections.ts';
import { promiseContainers } from './conformance-containers.ts';
import { promiseNetworks } from './conformance-networks.ts';
import { promiseProcesses } from './conformance-processes.ts';
import { promiseSettings } from './conformance-settings.ts';
import { promiseStreams } from './conformance-streams.ts';
import { Rig, RUN_LABEL, type RuntimeFixture, TEST_LABEL, uniqueName } from './rig.ts';

export function describeRuntime(
  name: string,
  open: () => Promise<RuntimeFixture>,
  optOuts: Readonly<Record<string, string>> = {},
): void {
  describe(`Runtime: ${name}`, function () {
    this.timeout(20_000);
    let opened: Rig | undefined;
    const rig = (): Rig => {
      if (opened === undefined) throw new Error('the runtime under test is not open');
      return opened;
    };

    before(async () => {
      opened = new Rig(await open());
    });
    beforeEach(() => {
      rig().labels = { [TEST_LABEL]: 'runtime', [RUN_LABEL]: uniqueName() };
    });
    afterEach(async () => {
      const { runtime, labels, signal } = rig();
      for (const { id } of await runtime.list(labels, signal)) await runtime.remove(id, signal);
      for (const { id } of await runtime.networks(labels, signal)) await runtime.removeNetwork(id, signal);
      for (const { name } of await runtime.volumes(labels, signal)) await runtime.removeVolume(name, signal);
    });
    after(() => opened?.fixture.close());

    const unused = new Set(Object.keys(optOuts));
    const promise = (title: string, prove: (rig: Rig) => Promise<void>): void => {
      const reason = optOuts[title];
      unused.delete(title);
      if (reason === undefined) it(title, () => prove(rig()));
      else it.skip(`${title} (opted out: ${reason})`);
    };
    promiseContainers(promise);
    promiseStreams(promise);
    promiseProcesses(promise);
    promiseConnections(promise);
    promiseSettings(promise);
    promiseNetworks(promise);
    if (unused.size > 0)
      throw new Error(`no promise is called ${[...unused].join(', ')}: mend the opt-outs of ${name}`);
  });
}
