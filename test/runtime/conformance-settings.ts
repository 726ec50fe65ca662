/** The promises of `Runtime` about what a container is given: mounts, limits, security, the bounds of its log. */

import { readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LogChunk, Mount } from '../../machinery/runtime.ts';
import { collect, eventually, joined, rejection } from './expectations.ts';
import { LEFT, type Promised, type Rig, uniqueName } from './rig.ts';

const MIB = 1024 ** 2;
const FOLLOWERS = 300;

/** Titles of what only a kernel can show. */
export const NEEDS_A_KERNEL = [
  'mounts folders of the machine: what is written is there, and read only is read only',
  'makes no folder of the machine for a mount',
  'mounts a volume that outlives its containers',
  'limits open files, the shared memory and the processes',
  'lets limits be seen by the kernel, also changed ones',
  'lets no process gain rights where that was asked for',
  'filters system calls as the engine does, not at all, or by a profile',
  'shows the processes of the machine where that was asked for',
  'asks the name servers it was given',
  'tells what is no file, follows no link to one, and reads no more of 10 GB than was asked for',
] as const;

export function promiseSettings(promise: Promised): void {
  promise(NEEDS_A_KERNEL[0], (rig) =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'given'), 'from outside');
      const mounts: Mount[] = [
        { kind: 'bind', source: folder, target: '/rw', readOnly: false },
        { kind: 'bind', source: folder, target: '/ro', readOnly: true },
        { kind: 'bind', source: join(folder, 'given'), target: '/one/file', readOnly: true },
      ];
      const id = await rig.run('waits', { mounts });
      expect(await rig.sh(id, 'cat /ro/given /one/file')).to.equal('from outsidefrom outside');
      expect(await rig.sh(id, 'echo x > /ro/not 2>/dev/null || echo refused')).to.equal('refused\n');
      expect(await rig.sh(id, 'echo x > /one/file 2>/dev/null || echo refused')).to.equal('refused\n');
      await rig.sh(id, 'echo back > /rw/answer');
      expect(await readFile(join(folder, 'answer'), 'utf8')).to.equal('back\n');
      await writeFile(join(folder, 'given'), 'changed');
      expect(await rig.sh(id, 'cat /ro/given')).to.equal('changed');
    }),
  );

  promise(NEEDS_A_KERNEL[1], (rig) =>
    inFolder(async (folder) => {
      const source = join(folder, 'absent');
      const mounts: Mount[] = [{ kind: 'bind', source, target: '/data', readOnly: false }];
      const { message } = await rejection(
        rig.runtime.create(rig.spec('waits', { mounts }), rig.signal),
        'InvalidSpec',
      );
      expect(message).to.include(source);
      await readFile(source).then(
        () => expect.fail('it was made'),
        (error: unknown) => expect(error).to.have.property('code', 'ENOENT'),
      );
    }),
  );

  promise(NEEDS_A_KERNEL[2], async (rig) => {
    const { name } = await rig.runtime.createVolume(uniqueName(), rig.labels, rig.signal);
    const writable: Mount = { kind: 'volume', name, target: '/data', readOnly: false };
    const first = await rig.run('waits', { mounts: [writable] });
    await rig.sh(first, 'echo kept > /data/file');
    await rig.runtime.remove(first, rig.signal);
    const second = await rig.run('waits', { mounts: [{ ...writable, readOnly: true }] });
    expect(await rig.sh(second, 'cat /data/file; echo x > /data/file 2>/dev/null || echo refused')).to.equal(
      'kept\nrefused\n',
    );
  });

  promise(NEEDS_A_KERNEL[3], async (rig) => {
    const id = await rig.run('waits', {
      ulimits: [{ name: 'nofile', soft: 321, hard: 654 }],
      shmSizeBytes: 5 * MIB,
      resources: { pidsLimit: 20 },
    });
    // The first process's own: what is started beside it may come from a runtime that raised its soft limit.
    expect(await rig.sh(id, "awk '/open files/ { print $4, $5 }' /proc/1/limits")).to.equal('321 654\n');
    expect(await rig.sh(id, 'df -k /dev/shm | tail -1')).to.match(/ 5120 /);
    const bomb = 'i=0; while [ $i -lt 200 ]; do sleep 3600 & i=$((i+1)); done 2>/dev/null; echo all';
    expect(await rig.sh(id, bomb)).to.not.include('all');
    expect((await rig.look(id)).state).to.equal('running');
    const count = await eventually(
      () => rig.fixture.processes(id).then((all) => (all > 20 ? undefined : all)),
      'at most 20 processes',
    );
    expect(count).to.be.greaterThan(10);
  });

  promise(NEEDS_A_KERNEL[4], async (rig) => {
    const limits = { nanoCpus: 5e8, memoryBytes: 64 * MIB, cpuShares: 512, pidsLimit: 100 };
    const id = await rig.run('waits', { resources: limits });
    expect(await kernelLimits(rig, id)).to.deep.equal(limits);
    const changed = { nanoCpus: 2.5e8, memoryBytes: 128 * MIB, cpuShares: 256, pidsLimit: 50 };
    await rig.runtime.update(id, changed, rig.signal);
    expect(await kernelLimits(rig, id)).to.deep.equal(changed);
  });

  promise(NEEDS_A_KERNEL[5], async (rig) => {
    const plain = await rig.run('waits');
    expect(await statusFigure(rig, plain, 'NoNewPrivs')).to.equal(0);
    const bound = await rig.run('waits', { noNewPrivileges: true });
    expect(await statusFigure(rig, bound, 'NoNewPrivs')).to.equal(1);
  });

  promise(NEEDS_A_KERNEL[6], async (rig) => {
    const profile = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
    });
    const isFiltered = (await rig.runtime.info(rig.signal)).hasSeccomp;
    expect(isFiltered).to.equal(true);
    const byDefault = await rig.run('waits');
    expect(await statusFigure(rig, byDefault, 'Seccomp')).to.equal(2);
    expect(await rig.sh(byDefault, 'mkdir /tmp/made && echo made')).to.equal('made\n');
    const unconfined = await rig.run('waits', { seccomp: 'unconfined' });
    expect(await statusFigure(rig, unconfined, 'Seccomp')).to.equal(0);
    const profiled = await rig.run('waits', { seccomp: { profile } });
    expect(await statusFigure(rig, profiled, 'Seccomp')).to.equal(2);
    expect(await rig.sh(profiled, 'mkdir /tmp/made 2>/dev/null || echo refused')).to.equal('refused\n');
  });

  promise(NEEDS_A_KERNEL[7], async (rig) => {
    const machine = readlinkSync('/proc/self/ns/pid');
    const own = await rig.run('waits');
    expect((await rig.sh(own, 'readlink /proc/self/ns/pid')).trim()).to.not.equal(machine);
    const shared = await rig.run('waits', { hostPid: true });
    expect((await rig.sh(shared, 'readlink /proc/self/ns/pid')).trim()).to.equal(machine);
  });

  promise(NEEDS_A_KERNEL[8], async (rig) => {
    const id = await rig.run('waits', { networkMode: 'bridge', dns: ['192.0.2.7', '192.0.2.8'] });
    expect(await rig.sh(id, 'grep nameserver /etc/resolv.conf')).to.equal(
      'nameserver 192.0.2.7\nnameserver 192.0.2.8\n',
    );
  });

  promise('limits processes, and tells it', async (rig) => {
    const id = await rig.run('waits', { resources: { pidsLimit: 64 } });
    expect((await rig.look(id)).resources).to.deep.equal({ pidsLimit: 64 });
    await rig.runtime.update(id, { pidsLimit: 128 }, rig.signal);
    expect((await rig.look(id)).resources).to.deep.equal({ pidsLimit: 128 });
  });

  promise('refuses a memory limit below what is in use, and changes nothing', async (rig) => {
    const resources = { memoryBytes: 128 * MIB, cpuShares: 512 };
    const id = await rig.run('holds 30 MB', { resources });
    const used = await eventually(async () => {
      const stats = await rig.runtime.stats(id, rig.signal);
      return stats !== undefined && stats.memoryBytes >= 30_000_000 ? stats.memoryBytes : undefined;
    }, '30 MB in use');
    const { message } = await rejection(
      rig.runtime.update(id, { memoryBytes: 16 * MIB, cpuShares: 256 }, rig.signal),
      'Conflict',
    );
    expect(message).to.match(/found \d+ bytes of memory in use, wanted a limit of 16777216/);
    expect(used).to.be.lessThan(64 * MIB);
    expect(await rig.look(id)).to.deep.include({ state: 'running', resources });
    await rig.runtime.update(id, { memoryBytes: 64 * MIB }, rig.signal);
    expect((await rig.look(id)).resources.memoryBytes).to.equal(64 * MIB);
  });

  promise('tells that memory ran out, also when only a child was killed for it', async (rig) => {
    const resources = { memoryBytes: 16 * MIB };
    const whole = await rig.run('grows without end', { resources });
    expect(await rig.reach(whole, 'exited')).to.include({ exitCode: 137, oomKilled: true });
    const child = await rig.run('has a child that grows without end, and ends with 5', { resources });
    expect(await rig.reach(child, 'exited')).to.include({ exitCode: 5, oomKilled: true });
    const killed = await rig.run('waits', { resources });
    await rig.fixture.byHand.kill(killed);
    expect(await rig.reach(killed, 'exited')).to.include({ exitCode: 137, oomKilled: false });
  });

  promise('tells what a container has written into its own layer', async (rig) => {
    const idle = await rig.run('waits');
    expect(await rig.runtime.writableBytes(idle, rig.signal)).to.be.lessThan(100_000);
    const id = await rig.run('writes a file of 3 MB');
    const bytes = await eventually(async () => {
      const found = await rig.runtime.writableBytes(id, rig.signal);
      return found !== undefined && found >= 3_000_000 ? found : undefined;
    }, '3 MB written');
    expect(bytes).to.be.lessThan(3_500_000);
    expect(await rig.runtime.writableBytes('missing', rig.signal)).to.equal(undefined);
  });

  promise('reads the first bytes of a file, also of a container that has ended', async (rig) => {
    const id = await rig.run('leaves files');
    await rig.reach(id, 'exited');
    const read = (path: string, maxBytes = 100) => rig.runtime.readFile(id, path, maxBytes, rig.signal);
    for (const path of ['/left', '/place/left', '/way/left']) {
      const found = await read(path);
      expect(found).to.deep.equal({ kind: 'file', bytes: Buffer.from(LEFT), isCut: false });
    }
    expect(await read('/left', 4)).to.deep.equal({ kind: 'file', bytes: Buffer.from('what'), isCut: true });
    expect(await read('/left', LEFT.length)).to.include({ isCut: false });
    expect(await read('/none')).to.deep.equal({ kind: 'none' });
    await rejection(rig.runtime.readFile('missing', '/left', 100, rig.signal), 'NotFound');
  });

  promise(NEEDS_A_KERNEL[9], async (rig) => {
    const id = await rig.run('leaves files');
    await rig.reach(id, 'exited');
    const read = (path: string) => rig.runtime.readFile(id, path, 100, rig.signal);
    expect(await read('/place')).to.deep.equal({ kind: 'other', what: 'a directory' });
    expect(await read('/link')).to.deep.equal({ kind: 'other', what: 'a symbolic link' });
    expect(await read('/much')).to.deep.equal({ kind: 'file', bytes: Buffer.alloc(100), isCut: true });
  });

  promise('keeps a log within its bounds: the oldest goes', async (rig) => {
    const id = await rig.run('writes 5000 numbered lines', { log: { maxBytes: 64 * 1024, maxFiles: 2 } });
    await rig.reach(id, 'exited');
    const text = textOf((await rig.readLog(id)).filter((chunk) => chunk.isMark !== true));
    expect(text).to.match(/line 5000 x+\n$/);
    expect(text).to.not.match(/line 1 x/);
    expect(text.length).to.be.within(20_000, 256 * 1024);
  });

  promise(`lets ${FOLLOWERS} follow one log at once, each to its end`, async (rig) => {
    const id = await rig.run('ticks');
    const read = async (): Promise<number> =>
      textOf(joined(await collect(rig.runtime.logs(id, { follow: true }, rig.signal)))).length;
    const following = Array.from({ length: FOLLOWERS }, read);
    await eventually(async () => ((await rig.readLog(id)).length > 0 ? true : undefined), 'a tick');
    await rig.runtime.stop(id, { gracePeriodMs: 5_000 }, rig.signal);
    const whole = textOf(await rig.readLog(id)).length;
    expect(whole).to.be.greaterThan(0);
    expect(new Set(await Promise.all(following))).to.deep.equal(new Set([whole]));
  });

  promise('tells about itself and its machine', async (rig) => {
    const info = await rig.runtime.info(rig.signal);
    expect(info.dataRoot).to.match(/^\//);
    expect(info.isLocal).to.equal(true);
    expect(info.userNamespaceBase).to.be.a('number');
    for (const text of ['engineVersion', 'os', 'arch', 'kernel', 'hostname'] as const) {
      expect(info[text], text).to.not.equal('');
    }
    expect(info.cpus).to.be.greaterThan(0);
    expect(info.memoryBytes).to.be.greaterThan(0);
  });
}

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-rttest-'));
  try {
    await act(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Of the first process; exec gives others the same. */
async function statusFigure(rig: Rig, id: string, name: string): Promise<number> {
  return Number(await rig.sh(id, `sed -n 's/^${name}:[^0-9]*//p' /proc/1/status`));
}

/** What the kernel holds the container to, in control groups v1 or v2. */
async function kernelLimits(rig: Rig, id: string): Promise<unknown> {
  const script = `cd /sys/fs/cgroup; if [ -f cpu.max ]; then cat cpu.max memory.max cpu.weight pids.max; else
    cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us memory/memory.limit_in_bytes cpu/cpu.shares pids/pids.max; fi`;
  const [quota = 0, period = 0, memoryBytes, weight = 0, pidsLimit] = (await rig.sh(id, script))
    .trim()
    .split(/\s+/)
    .map(Number);
  // v2 weighs from 1 to 10000 what v1 shared from 2 to 262144 (runc's ConvertCPUSharesToCgroupV2Value).
  const isV1 = weight > 100;
  const cpuShares = isV1 ? weight : Math.ceil(2 + ((weight - 1) * 262_142) / 9_999);
  return { nanoCpus: (quota / period) * 1e9, memoryBytes, cpuShares, pidsLimit };
}

function textOf(chunks: readonly LogChunk[]): string {
  return Buffer.concat(chunks.map(({ data }) => data)).toString();
}
