/** What a container uses, in every form it is told: the engine's answer and the files, of control groups v1 and v2. */
import { expect } from 'chai';
import { type ReadText, statsFromFiles, statsOf } from '../../runtime/docker/stats.ts';

const ID = 'f00d'.repeat(16);
const NOW_MS = 1_700_000_000_000;

function filesOf(files: Readonly<Record<string, string>>): ReadText {
  return (path) => {
    const text = files[path];
    if (text !== undefined) return Promise.resolve(text);
    return Promise.reject(Object.assign(new Error(`no ${path}`), { code: 'ENOENT' }));
  };
}

const v1 = {
  '/proc/7/cgroup': `12:memory:/docker/${ID}\n4:cpu,cpuacct:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/docker/${ID}\n`,
  [`/sys/fs/cgroup/cpuacct/docker/${ID}/cpuacct.usage`]: '9007199254740993\n',
  [`/sys/fs/cgroup/memory/docker/${ID}/memory.usage_in_bytes`]: '5000000\n',
  [`/sys/fs/cgroup/memory/docker/${ID}/memory.stat`]: 'inactive_file 1\ntotal_inactive_file 1500000\n',
};
const slice = `/system.slice/docker-${ID}.scope`;
const v2 = {
  '/proc/7/cgroup': `0::${slice}\n`,
  [`/sys/fs/cgroup${slice}/cpu.stat`]: 'usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n',
  [`/sys/fs/cgroup${slice}/memory.current`]: '5000000\n',
  [`/sys/fs/cgroup${slice}/memory.stat`]: 'anon 1\ninactive_file 1000000\nactive_file 3\n',
};
const read = (files: Readonly<Record<string, string>>): ReturnType<typeof statsFromFiles> =>
  statsFromFiles({ id: ID, pid: 7 }, () => NOW_MS, filesOf(files));

describe('stats of a container', () => {
  it('reads the files of control groups v1, to the nanosecond', async () => {
    expect(await read(v1)).to.deep.equal({
      atMs: NOW_MS,
      cpuNanoseconds: 9_007_199_254_740_993n,
      memoryBytes: 3_500_000,
    });
  });

  it('reads the files of control groups v2', async () => {
    expect(await read(v2)).to.deep.equal({
      atMs: NOW_MS,
      cpuNanoseconds: 1_234_567_000n,
      memoryBytes: 4_000_000,
    });
  });

  it('reads nothing of another process, of one that ended, and of files kept elsewhere', async () => {
    expect(await read({ ...v2, '/proc/7/cgroup': '0::/user.slice\n' })).to.equal(undefined);
    expect(await read({})).to.equal(undefined);
    for (const files of [v1, v2]) {
      for (const path of Object.keys(files)) {
        const { [path]: _, ...others } = files as Readonly<Record<string, string>>;
        expect(await read(others), `without ${path}`).to.equal(undefined);
      }
    }
    expect(await read({ ...v2, [`/sys/fs/cgroup${slice}/cpu.stat`]: 'nr_periods 0\n' })).to.equal(undefined);
  });

  it('does not hide another failure', async () => {
    const broken: ReadText = () => Promise.reject(Object.assign(new Error('disk'), { code: 'EIO' }));
    const error: unknown = await statsFromFiles({ id: ID, pid: 7 }, () => 0, broken).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Error).and.include({ code: 'EIO' });
  });

  const answer = (stats: object, usage = 5_000_000): object => ({
    read: '2026-01-01T00:00:01.500000000Z',
    cpu_stats: { cpu_usage: { total_usage: 4_000_000_000 } },
    memory_stats: { usage, stats },
  });

  it('takes the engine’s answer in both forms', () => {
    const expected = { atMs: Date.UTC(2026, 0, 1, 0, 0, 1, 500), cpuNanoseconds: 4_000_000_000n };
    expect(statsOf(answer({ total_inactive_file: 1_000_000, inactive_file: 7 }))).to.deep.equal({
      ...expected,
      memoryBytes: 4_000_000,
    });
    expect(statsOf(answer({ inactive_file: 2_000_000 }))).to.deep.equal({
      ...expected,
      memoryBytes: 3_000_000,
    });
    expect(statsOf(answer({ inactive_file: 9_000_000 }))).to.deep.equal({ ...expected, memoryBytes: 0 });
    expect(statsOf(answer({}))).to.deep.equal({ ...expected, memoryBytes: 5_000_000 });
  });

  it('takes the engine’s answer about a container that does not run, or about nothing, for none', () => {
    expect(statsOf({ ...answer({}), read: '0001-01-01T00:00:00Z' })).to.equal(undefined);
    for (const odd of [undefined, null, [], 'x', {}, { read: '2026-01-01T00:00:00Z' }]) {
      expect(statsOf(odd)).to.equal(undefined);
    }
  });
});
