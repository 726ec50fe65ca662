/** `gantry history`: what became of an object, for people and for programs. */
import { expect } from 'chai';
import { load } from 'js-yaml';
import { tasks } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const manifest = (image: string, more = ''): string =>
  `apiVersion: gantry.dev/v1\nkind: Task\nmetadata:\n  name: hello\n  annotations: {gantry.dev/change-cause: "try ${image}"}\nspec:\n  image: ${image}\n${more}`;

describe('gantry history', () => {
  let world: CommandWorld;
  /** As the API has them, oldest first. */
  let revisions: string[];

  beforeEach(async () => {
    world = await CommandWorld.open(certificates);
    revisions = [];
    const took = async (): Promise<void> => {
      revisions.push((await world.get(tasks, 'hello')).metadata.resourceVersion ?? '');
      await world.world.advance(60_000);
    };
    await world.ok('apply -f -', { stdin: manifest('gantry/hello:1') });
    await took();
    await world.report(tasks, 'hello', { phase: 'Running' });
    await took();
    await world.ok('apply -f -', {
      stdin: manifest('gantry/hello:2', '  env: [{name: A, value: a}]\n  args: [--fast]\n  workingDir: /\n'),
    });
    await took();
  });
  afterEach(() => world.close());
  after(() => certificates.remove());

  const rows = (text: string): string[][] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {3,}/));

  it('tells newest first what was changed, when, by whom and under which name', async () => {
    const table = rows(await world.ok('history task/hello'));
    expect(table[0]).to.deep.equal(['REVISION', 'AGE', 'WHAT', 'BY', 'MANAGER', 'CHANGED']);
    expect(table.slice(1).map((row) => row.slice(0, 5))).to.deep.equal([
      [revisions[2], '60s', 'changed', 'admin', 'kubectl-client-side-apply'],
      [revisions[0], '3m', 'created', 'admin', 'kubectl-client-side-apply'],
    ]);
    expect(table[1]?.[5]).to.match(/^.+, .+, .+ and \d+ more$/);
    expect(await world.ok('history task hello --no-headers')).not.to.match(/REVISION/);
  });

  it('with --status also tells what was only seen, with -o wide all about each write', async () => {
    const all = rows(await world.ok('history task/hello --status'));
    expect(all.slice(1).map(([revision]) => revision)).to.deep.equal(revisions.toReversed());
    const wide = await world.ok('history task/hello --status -o wide');
    expect(wide.split('\n')[0]).to.match(/TIME +VERB +GENERATION +REQUEST +TRACE +CAUSE +CHANGED$/);
    expect(wide.split('\n')[2]).to.match(/ patch status +1 /);
    expect(wide.split('\n')[1]).to.match(
      / 2026-01-01T\S+Z +patch +2 .*try gantry\/hello:2 .*spec\.image.*\+spec\.args/,
    );
  });

  it('moves no cursor with the cause that somebody gave', async () => {
    await world.merge(tasks, 'hello', {
      metadata: { annotations: { 'gantry.dev/change-cause': '\u001b[31mred \u202e\nand more' } },
    });
    const out = await world.ok('history task/hello -o wide');
    expect(out).to.match(/ \uFFFD\[31mred \uFFFD and more /);
  });

  it('goes page by page, and says how to go on', async () => {
    const { out, err } = await world.gantry('history task/hello --limit 1');
    expect(
      rows(out)
        .slice(1)
        .map(([revision]) => revision),
    ).to.deep.equal([revisions[2]]);
    const line =
      /^there is more: gantry (history task\/hello -n default --before \d+)\n$/.exec(err)?.[1] ?? '';
    expect(
      rows(await world.ok(line))
        .slice(1)
        .map(([revision]) => revision),
    ).to.deep.equal([revisions[0]]);
  });

  it('is told to programs with the objects as they were', async () => {
    const document = JSON.parse(await world.ok('history task/hello -o json'));
    expect(document.kind).to.equal('ObjectHistory');
    expect(document.items[1].object.spec.image).to.equal('gantry/hello:1');
    expect(load(await world.ok('history task/hello -o yaml'))).to.deep.equal(document);
  });

  it('tells of an object that is deleted', async () => {
    await world.ok('delete task hello --no-wait');
    const table = rows(await world.ok('history task/hello'));
    expect(table[1]?.slice(1, 4)).to.deep.equal(['0s', 'deleted', 'admin']);
  });

  it('says what is wrong with what is asked', async () => {
    const wrong: readonly (readonly [line: string, said: RegExp])[] = [
      ['history task', /^gantry: found "task", wanted one object: KIND\/NAME, such as task\/hello/],
      ['history task hello -o name', /^gantry: unknown output "name": wanted json, yaml or wide/],
      ['history task/hello --limit 501', /^gantry: --limit: found "501", wanted a number from 1 up to 500/],
      ['history task/hello --before x', /^gantry: --before: found "x", wanted a number from 1\n/],
      ['history task/none', /^Error from server \(NotFound\)/],
    ];
    for (const [line, said] of wrong) expect(await world.refused(line), line).to.match(said);
  });
});
