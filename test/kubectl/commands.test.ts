/** The command table, driven by real kubectls on a real engine: oldest and newest in the normal run, all with --long. */
import { GantryProcess } from '../walk/process.ts';
import { containers } from './rows/containers.ts';
import { discovery } from './rows/discovery.ts';
import { generators } from './rows/generators.ts';
import { reading } from './rows/reading.ts';
import { removing } from './rows/removing.ts';
import { taskFields } from './rows/taskfields.ts';
import { workers } from './rows/workers.ts';
import { workloads } from './rows/workloads.ts';
import { writing } from './rows/writing.ts';
import { Session } from './session.ts';
import { kubectls } from './versions.ts';

/** In this order: later groups use what earlier ones made. */
const table = [discovery, writing, reading, containers, taskFields, workloads, workers, generators, removing];

const found = kubectls();
if (found.length === 0) {
  describe('kubectl commands', () => {
    it('needs a kubectl on PATH or in KUBECTL: hack/test.sh installs one', () => {
      throw new Error('no kubectl was found: none of its commands was tested');
    });
  });
}

for (const kubectl of found) {
  describe(`kubectl 1.${kubectl.minor}`, function () {
    this.timeout(180_000);
    let gantry: GantryProcess;
    let session: Session;

    before(async () => {
      gantry = await GantryProcess.open();
      session = new Session(gantry, kubectl);
      await session.ok(['create', '-f', '-'], namespace(session.namespace));
    });
    after(() => gantry.dispose());

    for (const group of table) {
      describe(group.name, () => {
        for (const row of group.rows) {
          if (kubectl.minor < (row.from ?? 0)) continue;
          it(row.name, () => row.run(session));
        }
      });
    }
  });
}

function namespace(name: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}
