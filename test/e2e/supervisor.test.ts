// A supervisor as a real process in real namespaces: what its command sees, how it ends, and that
// the host notices nothing.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { OutputEvent } from '../../src/agent/ports.ts';
import { type LaunchSpec, launchSupervisor } from '../../src/agent/supervisor/launch.ts';
import { killAbandoned } from '../../src/agent/supervisor/namespace-processes.ts';
import { readTail } from '../../src/agent/supervisor/output-log.ts';
import { readExit, SupervisorSession } from '../../src/agent/supervisor/session.ts';
import type { P6nError } from '../../src/base/errors.ts';

const RESOLV_CONF = 'nameserver fdaa::3\n';
const HOSTS = '127.0.0.1 localhost\nfdaa:1:2:3::2 fly-local-6pn\n';
const MACHINE_ID = 'abcdef01234567';
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', P6N_APP: 'web' };
/** What a script in another process imports. */
const LAUNCH_MODULE = new URL('../../src/agent/supervisor/launch.js', import.meta.url).href;
const SESSION_MODULE = new URL('../../src/agent/supervisor/session.js', import.meta.url).href;
const skip = process.getuid?.() === 0 ? false : 'namespaces need root';

describe('supervisor', { skip }, () => {
  let directory = '';
  let session: SupervisorSession;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'p6n-'));
    await launchSupervisor(spec());
    session = await SupervisorSession.connect(directory);
  });

  afterEach(async () => {
    await session.stop(0);
    rmSync(directory, { recursive: true, force: true });
  });

  test('gives its command a network of its own', async () => {
    const output = await outputOf('readlink /proc/self/ns/net; ls /proc/sys/net/ipv6/conf');
    const [namespace, ...interfaces] = output.trim().split('\n');
    assert.notEqual(namespace, readlinkSync('/proc/self/ns/net'));
    assert.ok(interfaces.includes('lo'));
    assert.ok(!interfaces.some((name) => name.startsWith('eth')));
  });

  test('gives its command its own resolver and hosts file beside those of the host', async () => {
    const before = [readFileSync('/etc/resolv.conf'), readFileSync('/etc/hosts')];
    const output = await outputOf('cat /etc/resolv.conf /etc/hosts');
    assert.equal(output, RESOLV_CONF + HOSTS);
    assert.deepEqual([readFileSync('/etc/resolv.conf'), readFileSync('/etc/hosts')], before);
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(directory));
  });

  test('gives its command exactly the environment that it was told', async () => {
    await session.start({
      command: ['/usr/bin/env'],
      environment: ENVIRONMENT,
      workingDirectory: '/',
    });
    const output = await collect(session.follow({ bytes: 65_536 }, new AbortController().signal));
    assert.deepEqual(output.stdout.trim().split('\n').sort(), [
      'P6N_APP=web',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
  });

  test('gives its command no descriptor of whoever started p6nd', async () => {
    await session.stop(0);
    const script = `
      import { launchSupervisor } from '${LAUNCH_MODULE}';
      await launchSupervisor(${JSON.stringify(spec())});
    `;
    const open = `exec 99</etc/passwd; exec ${process.execPath} --input-type=module -e "$1"`;
    const result = spawnSync('bash', ['-c', open, 'bash', script], { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stderr);
    session = await SupervisorSession.connect(directory);
    // The last one is of the folder that ls reads.
    assert.equal(await outputOf('exec ls /proc/self/fd'), '0\n1\n2\n3\n');
  });

  test('starts its command in the working directory', async () => {
    assert.equal(await outputOf('pwd', '/usr'), '/usr\n');
  });

  test('keeps standard output and standard error apart and tells the exit code', async () => {
    await start('echo out; echo err >&2; exit 7');
    const output = await collect(session.follow({ bytes: 65_536 }, new AbortController().signal));
    assert.equal(output.stdout, 'out\n');
    assert.equal(output.stderr, 'err\n');
    assert.equal(output.exit?.code, 7);
    assert.equal((await session.ended)?.code, 7);
    assert.equal(readExit(directory)?.code, 7);
    assert.deepEqual(
      readTail(directory, { bytes: 100 })
        .map(({ stream }) => stream)
        .sort(),
      ['stderr', 'stdout'],
    );
  });

  test('says why a command cannot be run, and can run another one', async () => {
    const facts = { environment: ENVIRONMENT, workingDirectory: '/' };
    await assert.rejects(
      session.start({ ...facts, command: ['no-such-program'] }),
      (error: P6nError) =>
        error.code === 'COMMAND_FAILED' && /no program "no-such-program"/.test(error.message),
    );
    const plain = join(directory, 'hosts');
    await assert.rejects(session.start({ ...facts, command: [plain] }), /executable/);
    await assert.rejects(
      session.start({ ...facts, command: ['true'], workingDirectory: '/no/such' }),
      /not a directory/,
    );
    assert.equal(await outputOf('echo fine'), 'fine\n');
  });

  test('lets a command end by itself within the grace', async () => {
    await start('trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done');
    await ready();
    await session.stop(10_000);
    assert.equal((await session.ended)?.code, 3);
  });

  test('ends a command that does not listen by force', async () => {
    await start('trap "" TERM; echo ready; while :; do sleep 0.05; done');
    await ready();
    await session.stop(50);
    assert.equal((await session.ended)?.signal, 'SIGKILL');
  });

  test('ends what the command has left running, in other sessions too', async () => {
    await start('setsid sleep 1000 & echo $!; exit 0');
    const { stdout } = await collect(
      session.follow({ bytes: 65_536 }, new AbortController().signal),
    );
    await session.ended;
    await vanished(Number(stdout));
  });

  test('outlives who started it and is found by its socket', async () => {
    await session.stop(0);
    const script = `
      import { launchSupervisor } from '${LAUNCH_MODULE}';
      import { SupervisorSession } from '${SESSION_MODULE}';
      const directory = ${JSON.stringify(directory)};
      await launchSupervisor({ directory, resolvConf: 'a', hosts: 'b' });
      const session = await SupervisorSession.connect(directory);
      await session.start({
        command: ['sh', '-c', 'echo before; read line < ${directory}/fifo; echo after $line'],
        environment: ${JSON.stringify(ENVIRONMENT)},
        workingDirectory: '/',
      });
      process.kill(process.pid, 'SIGKILL');
    `;
    spawnSync('mkfifo', [join(directory, 'fifo')]);
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    assert.deepEqual(await once(parent, 'exit'), [null, 'SIGKILL']);
    session = await SupervisorSession.connect(directory);
    assert.equal(session.initialState, 'running');
    const following = collect(session.follow({ bytes: 65_536 }, new AbortController().signal));
    writeFileSync(join(directory, 'fifo'), 'killing\n');
    assert.equal((await following).stdout, 'before\nafter killing\n');
  });

  test('tells nobody but its owner', () => {
    assert.equal(statSync(join(directory, 'socket')).mode & 0o777, 0o600);
  });

  test('leaves no output of its own', async () => {
    assert.equal(await outputOf('echo fine'), 'fine\n');
    assert.equal(readFileSync(join(directory, 'supervisor.log'), 'utf8'), '');
  });

  test('keeps bounded output of a command that says a lot', async () => {
    await start('head -c 5000000 /dev/zero; echo end');
    await session.ended;
    const pieces = readTail(directory, { bytes: 10_000_000 });
    const bytes = pieces.reduce((sum, { data }) => sum + data.length, 0);
    assert.ok(bytes > 1_000_000);
    assert.ok(bytes <= 2 * 2 ** 20);
    assert.match(Buffer.from(pieces.at(-1)!.data).toString(), /end\n$/);
  });

  test('that was killed leaves a command that can be found and ended', async () => {
    const pid = await abandon();
    killAbandoned(MACHINE_ID, directory);
    await vanished(pid);
  });

  for (const left of ['its mount namespace', 'its session'] as const) {
    const way = left === 'its session' ? 'setsid' : 'setsid unshare --mount';
    test(`ends whoever has left ${left}, and no visitor of its network`, async () => {
      await startMarked(`${way} sh -c 'echo $$; exec sleep 1000' & sleep 1000`);
      const pid = await ready();
      const visitor = await visit(session.pid);
      try {
        await session.stop(0);
        await vanished(pid);
        assert.ok(existsSync(`/proc/${visitor.pid}/exe`));
      } finally {
        visitor.kill('SIGKILL');
      }
    });
  }

  test('that was killed leaves nobody who has left its mount namespace', async () => {
    await startMarked("setsid unshare --mount sh -c 'echo $$; exec sleep 1000' & sleep 1000");
    const pid = await ready();
    const visitor = await visit(session.pid);
    try {
      process.kill(session.pid, 'SIGKILL');
      await session.ended;
      killAbandoned(MACHINE_ID, directory);
      await vanished(pid);
      assert.ok(existsSync(`/proc/${visitor.pid}/exe`));
    } finally {
      visitor.kill('SIGKILL');
    }
  });

  test('that was killed costs nobody else who claims its machine id', async () => {
    const pid = await abandon();
    const claimant = spawn('unshare', ['--mount', 'sh', '-c', 'echo ready; exec sleep 1000'], {
      env: { ...ENVIRONMENT, P6N_MACHINE_ID: MACHINE_ID },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(claimant.stdout!, 'data');
    try {
      killAbandoned(MACHINE_ID, directory);
      await vanished(pid);
      // Nor when the number of the namespace is given out again, to somebody who claims nothing.
      const theirs = readlinkSync(`/proc/${claimant.pid}/ns/mnt`);
      writeFileSync(join(directory, 'mount-namespace'), theirs);
      killAbandoned('00000000000000', directory);
      assert.ok(existsSync(`/proc/${claimant.pid}/exe`));
      assert.equal(claimant.signalCode, null);
    } finally {
      claimant.kill('SIGKILL');
    }
  });

  test('mounts its files again when the host replaces its own', async () => {
    // The host here is a mount namespace whose /etc is a copy, so that nothing real is replaced.
    const script = `
      set -e
      mount -t tmpfs none /mnt && cp -r /etc/. /mnt/ && mount --bind /mnt /etc
      printf 'nameserver 192.0.2.1\\n' > /etc/resolv.conf
      ${process.execPath} --input-type=module -e "$1"
    `;
    await session.stop(0);
    const inside = `
      import { launchSupervisor } from '${LAUNCH_MODULE}';
      import { renameSync, writeFileSync } from 'node:fs';
      await launchSupervisor(${JSON.stringify(spec())});
      writeFileSync('/etc/resolv.conf.new', 'nameserver 192.0.2.2\\n');
      renameSync('/etc/resolv.conf.new', '/etc/resolv.conf');
    `;
    runScript(script, inside);
    session = await SupervisorSession.connect(directory);
    const output = await outputOf(
      `for i in $(seq 100); do grep -q fdaa::3 /etc/resolv.conf && break; sleep 0.05; done
       cat /etc/resolv.conf`,
    );
    assert.equal(output, RESOLV_CONF);
  });

  for (const [state, command] of [
    ['absent', 'rm /etc/resolv.conf'],
    ['a link', 'echo x > /etc/target; ln -sf target /etc/resolv.conf'],
    ['a link into nowhere', 'ln -sf /run/no/such/file /etc/resolv.conf'],
  ] as const) {
    test(`gives its command a resolv.conf where the host's is ${state}`, async () => {
      await session.stop(0);
      const script = `
        set -e
        mount -t tmpfs none /mnt && cp -r /etc/. /mnt/ && mount --bind /mnt /etc
        ${command}
        before=$(ls -l /etc/resolv.conf 2>&1 || true)
        ${process.execPath} --input-type=module -e "$1"
        test "$before" = "$(ls -l /etc/resolv.conf 2>&1 || true)"
      `;
      const inside = `
        import { launchSupervisor } from '${LAUNCH_MODULE}';
        await launchSupervisor(${JSON.stringify(spec())});
      `;
      runScript(script, inside);
      session = await SupervisorSession.connect(directory);
      assert.equal(await outputOf('cat /etc/resolv.conf /etc/hosts'), RESOLV_CONF + HOSTS);
    });
  }

  function spec(): LaunchSpec {
    return { directory, resolvConf: RESOLV_CONF, hosts: HOSTS };
  }

  async function start(script: string, workingDirectory = '/'): Promise<void> {
    const command = ['sh', '-c', script];
    await session.start({ command, environment: ENVIRONMENT, workingDirectory });
  }

  /** Starts a command that knows its machine id, as those of p6nd do. */
  async function startMarked(script: string): Promise<void> {
    const environment = { ...ENVIRONMENT, P6N_MACHINE_ID: MACHINE_ID };
    await session.start({ command: ['sh', '-c', script], environment, workingDirectory: '/' });
  }

  /** Runs a command and kills its supervisor; resolves with the command's process id. */
  async function abandon(): Promise<number> {
    await startMarked('echo $$; sleep 1000');
    const pid = session.commandPid!;
    process.kill(session.pid, 'SIGKILL');
    assert.equal(await session.ended, undefined);
    return pid;
  }

  async function outputOf(script: string, workingDirectory = '/'): Promise<string> {
    await start(script, workingDirectory);
    return (await collect(session.follow({ bytes: 65_536 }, new AbortController().signal))).stdout;
  }

  /** Waits for the first output; resolves with the number that it is, if it is one. */
  async function ready(): Promise<number> {
    const controller = new AbortController();
    let first = Number.NaN;
    for await (const event of session.follow({ bytes: 65_536 }, controller.signal)) {
      if (event.type !== 'output') continue;
      first = Number(Buffer.from(event.data).toString());
      controller.abort();
    }
    return first;
  }
});

test('launchSupervisor says what kept a supervisor from starting', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'p6n-'));
  // Files cannot be mounted on from a directory that is none.
  writeFileSync(join(directory, 'socket-is-long'), '');
  const long = join(directory, 'x'.repeat(100));
  await assert.rejects(
    launchSupervisor({ directory: long, resolvConf: '', hosts: '' }),
    /longer than 107 bytes/,
  );
  renameSync(join(directory, 'socket-is-long'), join(directory, 'gone'));
  rmSync(directory, { recursive: true, force: true });
});

/** Somebody who looks at the network of an instance, and is no part of it. */
async function visit(supervisor: number): Promise<ChildProcess> {
  const words = [`--net=/proc/${supervisor}/ns/net`, 'sh', '-c', 'echo in; exec sleep 1000'];
  const visitor = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(visitor.stdout, 'data');
  return visitor;
}

interface Collected {
  stdout: string;
  stderr: string;
  exit: { readonly code: number | undefined } | undefined;
}

async function collect(events: AsyncIterable<OutputEvent>): Promise<Collected> {
  const collected: Collected = { stdout: '', stderr: '', exit: undefined };
  for await (const event of events) {
    if (event.type === 'output') collected[event.stream] += Buffer.from(event.data).toString();
    if (event.type === 'exit') collected.exit = event.exit;
  }
  return collected;
}

/** Waits for the end of a process; one that waits to be reaped has no program left. */
async function vanished(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}/exe`)) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs a shell script in a mount namespace of its own, which its supervisors inherit a copy of. */
function runScript(script: string, parameter: string): void {
  const result = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', parameter],
    { encoding: 'utf8' },
  );
  assert.equal(result.status, 0, result.stderr);
}
