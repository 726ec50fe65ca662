/** The steps of docs/images.md with kubectl: a registry that wants a password, the Secret, the example, its Events. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { isRecord } from '../../machinery/json.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { ImageRegistry, needRegistry, rootFileSystem, tarOf, USER } from '../runtime/image-registry.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine } from '../runtime/sample-engine.ts';
import { eventually, GantryProcess, type Output } from './process.ts';

const EXAMPLE = join(import.meta.dirname, '../../manifests/examples/private-registry.yaml');
const { signal } = new AbortController();

(isLeftOut ? describe.skip : describe)('a private registry, as the documentation says', function () {
  this.timeout(120_000);
  let registry: ImageRegistry;
  let gantry: GantryProcess;
  let reference: string;

  before(async function () {
    needRegistry(this);
    await prepareEngine();
    registry = await ImageRegistry.start({ hasUsers: true });
    const base = await rootFileSystem(docker, IMAGE);
    const image = {
      layers: [base, tarOf('layer', randomBytes(64))],
      config: { Cmd: ['/bin/serve'], Env: ['PATH=/bin'] },
    };
    ({ reference } = await registry.push('team/app', '1', image));
    gantry = await GantryProcess.open();
  });
  after(async () => {
    await gantry?.dispose();
    await registry?.stop();
    if (reference === undefined) return;
    const runtime = new DockerRuntime(endpoint, systemClock);
    const image = await runtime.image(reference, signal);
    if (image !== undefined) await runtime.removeImage(image.id, signal);
  });

  const kubectl = async (words: string, input?: string): Promise<Output> => {
    const ran = await gantry.kubectl(words.split(' '), input);
    expect(ran.code, `kubectl ${words}: ${ran.stderr}`).to.equal(0);
    return ran;
  };
  /** The example with its registry and its password changed. */
  const example = (password: string): string =>
    readFileSync(EXAMPLE, 'utf8')
      .replaceAll('registry.example:5000', registry.host)
      .replace('"ann"', JSON.stringify(USER.username))
      .replace('change me', password);
  const told = async (): Promise<string> => (await kubectl('describe task private')).stdout;

  it('says what the registry said, runs with the right password, and writes down what it pulled', async () => {
    await kubectl('apply -f -', example('wrong'));
    await eventually('the refusal', async () =>
      /unauthorized: authentication required/.test(await told()) ? true : undefined,
    );
    const waiting = await kubectl('get task private -o jsonpath={.status.reason}');
    expect(waiting.stdout).to.match(/^ErrImagePull|ImagePullBackOff$/);
    await kubectl('delete task private');
    await kubectl('delete secret team-registry');
    const made = await gantry.kubectl([
      'create',
      'secret',
      'docker-registry',
      'team-registry',
      `--docker-server=${registry.host}`,
      `--docker-username=${USER.username}`,
      `--docker-password=${USER.password}`,
    ]);
    expect(made.code, made.stderr).to.equal(0);
    const [, task = ''] = example('').split('\n---\n');
    await kubectl('apply -f -', task);
    await kubectl('wait --for=condition=Ready --timeout=60s task/private');
    expect(await told()).to.match(/Pulled\s.*Pulled image ".*team\/app:1" in .*MiB/);
    const record: unknown = await eventually('the record of images', () => {
      const parsed: unknown = JSON.parse(readFileSync(join(gantry.home, 'images.json'), 'utf8'));
      return isRecord(parsed) ? parsed : undefined;
    });
    expect(JSON.stringify(record)).to.include(reference);
    expect(gantry.log).to.not.include(USER.password);
  });
});
