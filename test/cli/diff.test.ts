/** `gantry diff`: what was beside what is, and manifests beside what is. */
import { expect } from 'chai';
import { secrets, tasks } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';
import type { Ran } from './terminal.ts';

const certificates = new Certificates();
const manifest = (image: string, more = ''): string =>
  `apiVersion: gantry.dev/v1\nkind: Task\nmetadata:\n  name: hello\nspec:\n  image: ${image}\n${more}`;

describe('gantry diff', () => {
  let world: CommandWorld;

  beforeEach(async () => {
    world = await CommandWorld.open(certificates);
    await world.world.advance(60_000);
    await world.ok('apply -f -', { stdin: manifest('gantry/hello:1') });
    await world.world.advance(60_000);
    await world.ok('apply -f -', { stdin: manifest('gantry/hello:2') });
    await world.world.advance(60_000);
  });
  afterEach(() => world.close());
  after(() => certificates.remove());

  /** The lines that differ, without those around them. */
  const changes = ({ out }: Ran): readonly string[] => out.split('\n').filter((line) => /^[-+]/.test(line));
  const diff = (line: string, stdin?: string): Promise<Ran> =>
    world.gantry(`diff ${line}`, stdin === undefined ? {} : { stdin });

  it('compares what was with what is, and with what was at another moment', async () => {
    const now = await diff('--at 90s task/hello');
    expect([now.code, now.err]).to.deep.equal([1, '']);
    expect(changes(now)).to.deep.equal([
      '--- a/default/task.gantry.dev/hello',
      '+++ b/default/task.gantry.dev/hello',
      '-  image: gantry/hello:1',
      '+  image: gantry/hello:2',
    ]);
    const { resourceVersion = '' } = (await world.get(tasks, 'hello')).metadata;
    expect(await diff(`--at 90s task/hello --to ${resourceVersion}`)).to.deep.equal(now);
    expect(await diff('--at 90s task hello --to 100s')).to.deep.equal({ code: 0, out: '', err: '' });
    expect(await diff(`--at-revision ${resourceVersion} task/hello`)).to.deep.equal({
      code: 0,
      out: '',
      err: '',
    });
  });

  it('of what did not exist on one side shows all of it', async () => {
    const young = await diff('--at 150s task/hello --to 90s');
    expect([young.code, young.out.split('\n').slice(0, 3)]).to.deep.equal([
      1,
      ['--- /dev/null', '+++ b/default/task.gantry.dev/hello', young.out.split('\n')[2]],
    ]);
    await world.world.admin.delete(tasks, { namespace: 'default', name: 'hello' });
    const gone = await diff('--at 90s task/hello');
    expect([gone.code, gone.out.split('\n')[1]]).to.deep.equal([1, '+++ /dev/null']);
  });

  it('tells what applying would change, writes nothing, and ends with 0 when that is nothing', async () => {
    const before = await world.get(tasks, 'hello');
    const told = await diff('-f -', manifest('gantry/hello:3', '  args: [--fast]\n'));
    expect([told.code, told.err]).to.deep.equal([1, '']);
    expect(changes(told).slice(2)).to.deep.equal([
      '+  args:',
      '+  - --fast',
      '-  image: gantry/hello:2',
      '+  image: gantry/hello:3',
    ]);
    expect(await world.get(tasks, 'hello')).to.deep.equal(before);
    expect(await diff('-f -', manifest('gantry/hello:2'))).to.deep.equal({ code: 0, out: '', err: '' });
    const fresh = await diff('-f -', manifest('gantry/hello:2').replace('hello', 'fresh'));
    expect([fresh.code, fresh.out.split('\n')[0]]).to.deep.equal([1, '--- /dev/null']);
  });

  it('shows of Secrets which keys differ, and never what they hold', async () => {
    await world.create(secrets, 'key', { stringData: { kept: 'same', changed: 'hunter2', gone: 'x' } });
    await world.world.advance(60_000);
    await world.merge(secrets, 'key', {
      data: { gone: null },
      stringData: { changed: 'hunter3', fresh: 'y' },
    });
    const told = await diff('--at 30s secret/key');
    expect(changes(told).slice(2)).to.deep.equal(
      ['-  changed: "*** (before)"', "-  gone: '***'", '+  changed: "*** (after)"', "+  fresh: '***'"].map(
        (line) => line.replaceAll('"', "'"),
      ),
    );
    expect(told.out).not.to.match(/aHVudGVy|hunter/);
  });

  it('ends with 2 when it cannot be told, and says why', async () => {
    const rows: readonly (readonly [line: string, said: RegExp])[] = [
      [
        'task/hello',
        /^gantry: say what to compare: --at TIME or --at-revision N with KIND\/NAME, or -f FILE/,
      ],
      ['-f - task/hello --at 1m', /^gantry: -f compares manifests with what is: no names/],
      ['--at 1m task', /^gantry: name what to compare: task\/NAME/],
      ['--at 1m task/other', /^Error from server \(NotFound\): tasks.gantry.dev "other" not found at 2026/],
      ['--at soon task/hello', /^Error from server \(BadRequest\): at: found "soon"/],
    ];
    for (const [line, said] of rows) {
      const ran = await diff(line, '');
      expect([ran.code, ran.out], line).to.deep.equal([2, '']);
      expect(ran.err, line).to.match(said);
    }
  });
});
