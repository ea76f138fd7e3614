// A machine that has booted: systemd of this machine as the first process of namespaces of its own,
// on a copy of this machine's files that goes with it.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { must, type Outcome, run, SKIP_REASON, until } from '../e2e/site.ts';

const SYSTEMD = '/lib/systemd/systemd';
const DEVICES = ['null 1 3', 'zero 1 5', 'full 1 7', 'random 1 8', 'urandom 1 9', 'tty 5 0'];
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Why no machine can boot here; false where one can. */
export const BOOT_SKIP_REASON: string | false =
  SKIP_REASON ||
  (!existsSync(SYSTEMD) && `needs ${SYSTEMD}`) ||
  (cgroupMount() === undefined && 'needs a mounted cgroup2');

/** A copy of this machine's files in `folder`, on whose file system all that is written stands. */
export async function copyOfMachine(folder: string): Promise<string> {
  const root = join(folder, 'root');
  for (const name of ['root', 'upper', 'work']) mkdirSync(join(folder, name));
  const layers = `lowerdir=/,upperdir=${folder}/upper,workdir=${folder}/work`;
  await must('mount', '-t', 'overlay', '-o', layers, 'p6n-copy', root);
  return root;
}

export class BootedMachine {
  readonly #cgroup: string;
  readonly #outer: ChildProcess;
  readonly #pid: number;

  private constructor(cgroup: string, outer: ChildProcess, pid: number) {
    this.#cgroup = cgroup;
    this.#outer = outer;
    this.#pid = pid;
  }

  /** Boots what is in `root`; resolves when systemd has nothing left to start. */
  static async boot(root: string): Promise<BootedMachine> {
    // Packages start services here, whatever the machine below allows, and find the same Node.js.
    rmSync(join(root, 'usr/sbin/policy-rc.d'), { force: true });
    if (!SYSTEM_PATH.split(':').includes(dirname(process.execPath))) {
      await must('ln', '-sf', process.execPath, join(root, 'usr/local/bin/node'));
    }
    const cgroup = join(cgroupMount() ?? '', `p6n-boot-${process.pid}`);
    mkdirSync(cgroup);
    // It enters its group first, so that what systemd sees as the whole tree is that group alone.
    const script = `echo $$ > ${cgroup}/cgroup.procs; exec "$@"`;
    const words = ['--kill-child', '--fork', '-C', '-i', '-m', '-n', '-p', '-u'];
    const init = ['unshare', ...words, 'sh', '-ec', initScript(root)];
    const outer = spawn('sh', ['-c', script, '-', ...init], { stdio: 'ignore' });
    const children = `/proc/${outer.pid}/task/${outer.pid}/children`;
    const pid = (): number => (existsSync(children) ? Number(readFileSync(children, 'utf8')) : 0);
    const isSystemd = async (): Promise<boolean> =>
      pid() > 0 && readFileSync(`/proc/${pid()}/comm`, 'utf8') === 'systemd\n';
    await until('systemd', isSystemd);
    const machine = new BootedMachine(cgroup, outer, pid());
    await until('the boot', async () => {
      const { stdout } = await machine.run('systemctl is-system-running');
      return /^(?:running|degraded)$/m.test(stdout);
    });
    return machine;
  }

  /** A line of a shell inside. */
  run(line: string): Promise<Outcome> {
    const shell = ['sh', '-c', `cd /; ${line}`];
    return run('nsenter', '-t', String(this.#pid), '-a', 'env', `PATH=${SYSTEM_PATH}`, ...shell);
  }

  /** What it writes; throws where it fails. */
  async must(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    if (code !== 0) throw new Error(`${line} (${code}): ${stderr}${stdout}`);
    return stdout.trim();
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#outer.once('exit', resolve));
    process.kill(this.#pid, 'SIGKILL');
    await ended;
    const remove = ['find', this.#cgroup, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'];
    await until('the end', async () => {
      await run(remove[0] as string, ...remove.slice(1));
      return !existsSync(this.#cgroup);
    });
  }
}

/** What stands before systemd: its file systems, and mounts that spread as after a real boot. */
function initScript(root: string): string {
  return `cd ${root}
    mount --make-rprivate /
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs -o mode=755 tmpfs dev
    mkdir dev/pts dev/shm dev/net
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    for device in ${DEVICES.map((device) => `'${device}'`).join(' ')}; do
      set -- $device
      mknod -m 666 dev/$1 c $2 $3
    done
    mknod -m 666 dev/net/tun c 10 200
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs tmpfs tmp
    mountpoint -q sys/fs/cgroup || mount -t cgroup2 cgroup2 sys/fs/cgroup
    ip link set lo up
    mkdir -p old
    pivot_root . old
    umount -l /old
    mount --make-rshared /
    exec env -i container=p6n PATH=${SYSTEM_PATH} ${SYSTEMD} --system --unit=basic.target`;
}

function cgroupMount(): string | undefined {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  return mounts.map((line) => line.split(' ')).find(([, , type]) => type === 'cgroup2')?.[1];
}
