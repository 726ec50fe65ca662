/**
 * The past of a real Gantry: what became of a TaskSet is listed and compared, undone, and had again with all that
 * belongs to it after somebody deleted it; a namespace as well.
 */
import { expect } from 'chai';
import { eventually, GantryProcess } from './process.ts';

const set = (version: string): string => `apiVersion: gantry.dev/v1
kind: TaskSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      image: gantry/hello:1
      imagePullPolicy: IfNotPresent
      terminationGracePeriodSeconds: 1
      env: [{name: VERSION, value: "${version}"}]
      envFrom: [{configMapRef: {name: web-conf}}]
`;
const CONFIG = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-conf}\ndata: {COLOUR: green}\n---\n';
const TEAM = `apiVersion: v1
kind: Namespace
metadata: {name: team}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: rules, namespace: team}
data: {a: "1"}
---
apiVersion: gantry.dev/v1
kind: Job
metadata: {name: etl, namespace: team}
spec:
  schedule: "0 3 * * *"
  tasks: [{name: one, template: {spec: {image: "gantry/hello:1", command: ["true"]}}}]
`;

describe('the past of a real Gantry', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(() => gantry.dispose());

  const run = async (line: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await gantry.gantry(line.split(' '), input);
    expect(code, `gantry ${line}\n${stdout}${stderr}`).to.equal(0);
    return stdout;
  };
  const rolledOut = (): Promise<string> => run('rollout status taskset/web --timeout 40s');
  /** Those that are on their way out have an end of their own. */
  const untilAllAre = async (versions: string): Promise<void> => {
    const words = 'get tasks -l app=web -o jsonpath={.items[*].spec.env[0].value}';
    await eventually(`the versions are "${versions}"`, async () =>
      (await run(words)) === versions ? true : undefined,
    );
  };

  it('lists, compares, undoes and brings back a TaskSet with its tasks and the revisions of its rollouts', async () => {
    await run('apply -f -', CONFIG + set('one'));
    await rolledOut();
    await run('apply -f -', set('two'));
    await rolledOut();

    const rows = (await run('history taskset/web --no-headers')).trimEnd().split('\n');
    expect(rows[0]).to.match(/^\d+ +\d+s +changed +\S+ +kubectl-client-side-apply +.*spec\.template/);
    expect(rows.at(-1)).to.match(/ created /);
    const first = rows.at(-1)?.split(' ')[0] ?? '';
    const difference = await gantry.gantry(['diff', '--at-revision', first, 'taskset/web']);
    expect([difference.code, difference.stderr]).to.deep.equal([1, '']);
    expect(difference.stdout).to.match(/\n-        value: one\n\+        value: two\n/);
    expect((await gantry.gantry(['diff', '-f', '-'], set('two'))).code).to.equal(0);

    await run('undo taskset/web --yes');
    await rolledOut();
    await untilAllAre('one one');

    await run('delete taskset web --timeout 30s');
    await untilAllAre('');
    const told = await run('undo taskset/web --yes');
    expect(told).to.match(/^taskset\/web comes back as it was at revision \d+\nwith what it owned:\n/);
    expect(told).to.match(/\n {2}controllerrevision\/web-/);
    expect(told.match(/task\/web-\S+: taskset\/web makes it anew/g)).to.have.length(2);
    await rolledOut();
    await untilAllAre('one one');
    const revisions = await run('rollout history taskset/web');
    expect(
      revisions
        .trimEnd()
        .split('\n')
        .filter((line) => /^\d/.test(line)),
      revisions,
    ).to.have.length(2);
    await run('rollout undo taskset/web');
    await rolledOut();
    await untilAllAre('two two');
  });

  it('brings back a namespace with what was in it', async () => {
    await run('apply -f -', TEAM);
    await run('delete namespace team --timeout 30s');
    const told = await run('undo namespace/team --yes');
    expect(told).to.match(
      /^namespace\/team comes back [^]*configmap\/rules created\n[^]*job\.gantry\.dev\/etl created\n$/,
    );
    expect(await run('get configmap,job -n team -o name')).to.match(
      /configmap\/rules\n[^]*job\.gantry\.dev\/etl\n/,
    );
  });
});
