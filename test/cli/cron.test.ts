/** `gantry cron`: when schedules fire, and letting them rest. */
import { expect } from 'chai';
import { jobs, schedulerSettings } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();

describe('gantry cron', () => {
  let here: CommandWorld;

  beforeEach(async () => {
    here = await CommandWorld.open(certificates);
    await here.create(jobs, 'nightly', {
      spec: { schedule: '0 2 * * *', timeZone: 'Europe/Berlin', tasks: [step] },
    });
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  const step = { name: 'a', template: { spec: { image: 'i' } } };

  it('tells when a Job runs next', async () => {
    const wanted =
      'job.gantry.dev/nightly fires at 0 2 * * * in Europe/Berlin\n' +
      'Europe/Berlin                    UTC                    IN\n' +
      'Thu 2026-01-01 02:00:00 +01:00   2026-01-01T01:00:00Z   60m\n' +
      'Fri 2026-01-02 02:00:00 +01:00   2026-01-02T01:00:00Z   25h\n';
    for (const name of ['nightly', 'job/nightly', 'gj/nightly', 'job nightly']) {
      expect(await here.ok(`cron next ${name} --count 2`)).to.equal(wanted);
    }
    await here.create(jobs, 'often', { spec: { schedule: '@every 90s', tasks: [step] } });
    here.world.clock.advance(100_000);
    expect(await here.ok('cron next often -c 1')).to.match(/^2026-01-01T00:03:00Z +80s$/m);
  });

  it('says why none of them will run', async () => {
    expect(await here.ok('cron suspend nightly')).to.equal('job.gantry.dev/nightly suspended\n');
    expect((await here.get(jobs, 'nightly')).spec.suspend).to.equal(true);
    expect(await here.ok('cron suspend nightly')).to.equal('job.gantry.dev/nightly is suspended already\n');
    expect(await here.ok('cron suspend')).to.equal(
      'schedulersettings.gantry.dev/default suspended (the schedules of the whole cluster)\n',
    );
    expect((await here.get(schedulerSettings, 'default')).spec?.suspended).to.equal(true);
    expect(await here.ok('cron next nightly -c 1')).to.match(
      /It rests, so none of these will run: spec\.suspend is true; go on with: gantry cron resume nightly\nIt rests, so none of these will run: all schedules of the cluster are suspended \(schedulersettings\.gantry\.dev\/default\); go on with: gantry cron resume\n/,
    );
    expect(await here.gantry('cron resume nightly')).to.deep.equal({
      code: 0,
      out: 'job.gantry.dev/nightly resumed\n',
      err: 'Warning: it rests all the same: all schedules of the cluster are suspended (schedulersettings.gantry.dev/default); go on with: gantry cron resume\n',
    });
    expect(await here.ok('cron resume')).to.equal(
      'schedulersettings.gantry.dev/default resumed (the schedules of the whole cluster)\n',
    );
    expect(await here.ok('cron next nightly -c 1')).to.not.match(/rests/);
  });

  it('resumes what never rested, and suspends where settings exist already', async () => {
    expect(await here.ok('cron resume')).to.match(/default is not suspended/);
    expect((await here.world.admin.list(schedulerSettings)).items).to.deep.equal([]);
    await here.create(schedulerSettings, 'default', {});
    expect(await here.ok('cron suspend')).to.match(/default suspended/);
    expect(await here.ok('cron suspend')).to.match(/default is suspended already/);
    expect(await here.ok('cron resume')).to.match(/default resumed/);
    expect(await here.ok('cron resume job/nightly')).to.equal('job.gantry.dev/nightly is not suspended\n');
  });

  it('checks a text without a server', async () => {
    const clock = here.world.clock;
    const check = async (...words: string[]): Promise<[number, string]> => {
      const { code, out, err } = await here.gantry(['cron', 'check', ...words], { clock, directory: '/' });
      return [code, out + err];
    };
    expect(await check('*/5 * * * *', '-c', '2')).to.deep.equal([
      0,
      'UTC                    IN\n2026-01-01T00:05:00Z   5m\n2026-01-01T00:10:00Z   10m\n',
    ]);
    expect((await check('@every', '1h', '-c', '1'))[1]).to.match(/^2026-01-01T01:00:00Z {3}60m$/m);
    const mistakes: [string[], RegExp][] = [
      [['61 * * * *'], /^gantry: schedule "61 \* \* \* \*": minute is "61", wanted 0 to 59/],
      [['0 0 30 2 *'], /^gantry: schedule "0 0 30 2 \*" never fires/],
      [['@fortnightly'], /^gantry: schedule "@fortnightly" is no shortcut, wanted /],
      [
        ['@daily', '--time-zone', 'Mars/Olympus'],
        /^gantry: time zone "Mars\/Olympus" is not known, wanted a name of the IANA/,
      ],
      [['@daily', '-c', '0'], /^gantry: --count: found "0", wanted a whole number from 1 to 1000/],
    ];
    for (const [words, wanted] of mistakes) {
      const [code, said] = await check(...words);
      expect([code, wanted.test(said) ? '' : said]).to.deep.equal([1, '']);
    }
  });

  it('refuses a Job without a schedule, and one that is none', async () => {
    await here.create(jobs, 'after', { spec: { tasks: [step], dependsOn: [{ job: 'nightly' }] } });
    expect(await here.refused('cron next after')).to.equal(
      'gantry: job "after" has no schedule: it runs when somebody makes it run (gantry trigger after), and after nightly\n',
    );
    expect(await here.refused('cron next nope')).to.match(/jobs\.gantry\.dev "nope" not found/);
    expect(await here.refused('cron suspend task/a')).to.match(/this is for a Job: found "task\/a"/);
  });
});
