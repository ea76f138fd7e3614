// The name server beside unbound with the same records: answers a second and latencies over the
// kernel's loopback, server and dnsperf on one core each, interleaved in one run; and the same from
// inside an instance, also while a TCP flow fills the data plane. `npm run bench`, as root.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, run, Site, type SiteHost, until } from '../e2e/site.ts';

const NAMES = 200;
const ROUNDS = 3;
const SECONDS = '4';
const RATE = 10_000;
const TICK_MICROS = 10_000;
const SERVER_CORE = '0';
const CLIENT_CORE = '1';
const SERVER = fileURLToPath(new URL('./dns-server.js', import.meta.url));

/** Reads all that comes. */
const SINK = `require('node:net').createServer((s) => {
  s.on('error', () => {}).resume();
}).listen(7, '::')`;
/** Writes as much as goes. */
const SOURCE = `const s = require('node:net').connect(7, process.argv[1]);
  const block = Buffer.alloc(65536);
  const write = () => { while (s.write(block)); };
  s.on('connect', write).on('drain', write);`;

/** A server under test. */
interface Server {
  readonly port: number;
  readonly pid: number;
}

/** What a run of dnsperf found. */
interface Throughput {
  readonly perSecond: number;
  /** Of the server, user and system. */
  readonly cpuMicrosEach: number;
}

interface Latencies {
  readonly medianMs: number;
  readonly p99Ms: number;
}

const folder = mkdtempSync(join(tmpdir(), 'p6n-bench-'));
const children: ChildProcess[] = [];
try {
  await besideUnbound();
  await insideInstance();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function besideUnbound(): Promise<void> {
  const questions = join(folder, 'questions');
  writeFileSync(
    questions,
    names()
      .map((name) => `${name} AAAA\n`)
      .join(''),
  );
  const ours = await startOurs();
  const unbound = await startUnbound();
  const found = { ours: [] as Throughput[], unbound: [] as Throughput[] };
  for (let round = 0; round < ROUNDS; round++) {
    found.unbound.push(await throughput(unbound, questions));
    found.ours.push(await throughput(ours, questions));
  }
  const rate = (all: readonly Throughput[]): number => median(all.map((one) => one.perSecond));
  const cpu = (all: readonly Throughput[]): number => median(all.map((one) => one.cpuMicrosEach));
  const [a, b] = [rate(found.ours), rate(found.unbound)];
  const [x, y] = [cpu(found.ours), cpu(found.unbound)];
  print('answers a second', `p6n ${a.toFixed(0)}, unbound ${b.toFixed(0)}`);
  print('ratio', `${(a / b).toFixed(2)} (bar 0.75, goal 1.0)`);
  print(
    'CPU an answer',
    `p6n ${x.toFixed(1)} us, unbound ${y.toFixed(1)} us, ${(y / x).toFixed(2)}`,
  );
  for (const [what, { port }] of [
    ['p6n', ours],
    ['unbound', unbound],
  ] as const) {
    const words = ['-s', '::1', '-p', `${port}`, '-d', questions, '-Q', `${RATE}`];
    const latencies = await measure(['taskset', '-c', CLIENT_CORE], [...words, '-l', SECONDS]);
    print(`${what} at ${RATE} a second`, format(latencies));
  }
}

async function insideInstance(): Promise<void> {
  const site = await Site.running(2);
  try {
    const [one, two] = site.hosts as [SiteHost, SiteHost];
    await one.must('apps', 'create', 'web', '--network', 'blue');
    await one.must('apps', 'create', 'sink', '--network', 'blue');
    const sleep = ['--detach', '--', 'sleep', 'infinity'];
    await one.must('instances', 'run', '--app', 'web', '--name', 'web-1', ...sleep);
    await two.must(
      'instances',
      'run',
      '--app',
      'sink',
      '--name',
      'sink-2',
      '--detach',
      '--',
      process.execPath,
      '-e',
      SINK,
    );
    const { here } = await one.json<{ here: { pid: number } }>('instances', 'show', 'web-1');
    const { address } = await two.json<{ address: string }>('instances', 'show', 'sink-2');
    const enter = ['nsenter', '-t', `${here.pid}`, '-n', '-m'];
    const questions = join(folder, 'questions-inside');
    writeFileSync(questions, 'web.internal AAAA\nregions.web.internal TXT\n');
    const ask = ['-s', 'fdaa::3', '-d', questions, '-l', SECONDS];
    const { stdout } = await run(enter[0] as string, ...enter.slice(1), 'dnsperf', ...ask);
    print('from inside an instance', `${rateOf(stdout).toFixed(0)} answers a second`);
    const slowly = [...ask, '-Q', '200'];
    print('from inside an instance, idle', format(await measure(enter, slowly)));
    const [program = '', ...words] = [...enter, process.execPath, '-e', SOURCE, address];
    children.push(spawn(program, words, { stdio: 'ignore' }));
    print('from inside an instance, beside TCP', format(await measure(enter, slowly)));
  } finally {
    await site.remove();
  }
}

async function startOurs(): Promise<Server> {
  const server = fork(SERVER, [`${NAMES}`]);
  children.push(server);
  const port = await new Promise<number>((resolve) =>
    server.once('message', (one) => resolve(Number(one))),
  );
  await must('taskset', '-a', '-c', '-p', SERVER_CORE, `${server.pid}`);
  return { port, pid: server.pid as number };
}

async function startUnbound(): Promise<Server> {
  const port = await freePort();
  const file = join(folder, 'unbound.conf');
  const records = names().map((name, n) => {
    return `  local-data: "${name}. 5 IN AAAA fdaa:1:1111:1:1:1:${(n + 1).toString(16)}:2"`;
  });
  const settings = [
    'server:',
    `  interface: ::1@${port}`,
    '  access-control: ::1/128 allow',
    '  num-threads: 1',
    '  use-syslog: no',
    `  logfile: "${join(folder, 'unbound.log')}"`,
    '  chroot: ""',
    '  username: ""',
    `  directory: "${folder}"`,
    '  pidfile: ""',
    '  do-daemonize: no',
    '  local-zone: "internal." static',
    ...records,
    'remote-control:',
    '  control-enable: no',
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  const server = spawn('taskset', ['-c', SERVER_CORE, 'unbound', '-d', '-c', file], {
    stdio: 'ignore',
  });
  children.push(server);
  const words = ['+short', '+tries=1', '@::1', '-p', `${port}`, 'AAAA', 'app0.internal'];
  await until('unbound', async () => (await run('dig', ...words)).code === 0);
  return { port, pid: server.pid as number };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function throughput({ port, pid }: Server, questions: string): Promise<Throughput> {
  const words = ['-s', '::1', '-p', `${port}`, '-d', questions, '-l', SECONDS, '-c', '4'];
  const before = cpuTicks(pid);
  const text = await must('taskset', '-c', CLIENT_CORE, 'dnsperf', ...words, '-q', '100');
  const micros = (cpuTicks(pid) - before) * TICK_MICROS;
  const completed = Number(/Queries completed:\s+([0-9]+)/.exec(text)?.[1]);
  return { perSecond: rateOf(text), cpuMicrosEach: micros / completed };
}

/** User and system time of a process, in the ticks of proc_pid_stat(5). */
function cpuTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function rateOf(text: string): number {
  return Number(/Queries per second:\s+([0-9.]+)/.exec(text)?.[1]);
}

/** The latencies of single questions, as `dnsperf -v` lists them. */
async function measure(
  [program, ...before]: readonly string[],
  words: readonly string[],
): Promise<Latencies> {
  const text = await must(program as string, ...before, 'dnsperf', ...words, '-v');
  const times = [...text.matchAll(/^> \S+ \S+ \S+ ([0-9.]+)$/gm)].map((match) => Number(match[1]));
  times.sort((x, y) => x - y);
  const at = (part: number): number =>
    (times[Math.floor(times.length * part)] ?? Number.NaN) * 1000;
  return { medianMs: at(0.5), p99Ms: at(0.99) };
}

function names(): readonly string[] {
  return Array.from({ length: NAMES }, (_, n) => `app${n}.internal`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function format({ medianMs, p99Ms }: Latencies): string {
  return `median ${medianMs.toFixed(2)} ms, 99th percentile ${p99Ms.toFixed(2)} ms`;
}

function print(what: string, figures: string): void {
  process.stdout.write(`dns: ${what}: ${figures}\n`);
}
