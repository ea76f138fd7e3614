// What floods of initiations cost a flow that is there already: 10,000 a second with a true mac1
// from many sources beside as many with a wrong one. The device under the flood has a core of its
// own, and so have all others together; rounds are interleaved. What a message costs the device is
// measured without the flow too, where the figures are steadier. `npm run bench`, as root.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { joinNamespaces, makeNamespace, type TestNamespace } from '../e2e/namespaces.ts';
import { P6NWG, type Program } from '../e2e/p6nwg.ts';
import { startPair } from '../e2e/p6nwg-pair.ts';
import { FLOOD_PER_SECOND, type FloodKind, SOURCES_PREFIX } from './flood-source.ts';

const ROUNDS = 7;
const FLOW_SECONDS = 3;
/** The flood begins before the flow and ends behind it. */
const FLOOD_SECONDS: number = FLOW_SECONDS + 2;
/** Of a flood beside no flow. */
const MESSAGE_SECONDS = 2;
const DEVICE_CORE = 0;
const OTHER_CORE = 1;
const PORT = 51_820;
const SOURCE = fileURLToPath(new URL('./flood-source.js', import.meta.url));
const KINDS = ['none', 'wrong-mac1', 'true-mac1', 'wrong-mac2'] as const;
type Kind = (typeof KINDS)[number];

interface Figures {
  readonly megabits: number;
  /** Processor time of the device. */
  readonly microsPerMegabit: number;
}

const cleanups: (() => unknown)[] = [];
try {
  await main();
} finally {
  for (const clean of cleanups.reverse()) await clean();
}

async function main(): Promise<void> {
  const scope = { after: (clean: () => unknown) => cleanups.push(clean) };
  const { a, b, ours, theirs } = await startPair(scope, P6NWG);
  theirs.set(`peer ${ours.publicKey} endpoint 10.9.0.1:${PORT}`);
  const outside = makeNamespace(scope, 'flood');
  joinNamespaces(a, '10.9.5.1/24', outside, '10.9.5.2/24');
  a.run(`ip route add ${SOURCES_PREFIX} via 10.9.5.2`);
  outside.run(`ip route add local ${SOURCES_PREFIX} dev lo`);
  pin(ours.pid, DEVICE_CORE);
  pin(theirs.pid, OTHER_CORE);
  const server = spawn('ip', [
    ...['netns', 'exec', a.name, 'taskset', '-c', `${DEVICE_CORE}`, 'iperf3', '-s'],
  ]);
  cleanups.push(() => server.kill());
  await b.runAsync('ping -c 3 -i 0.2 -W 2 10.77.0.1');

  const found = new Map<Kind, Figures[]>(KINDS.map((kind) => [kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of KINDS) found.get(kind)?.push(await measure(kind, ours, b, outside));
  }
  printFlows(found);
  await measureMessages(ours, outside);
}

/** What one message of each flood costs the device while nothing else happens. */
async function measureMessages(device: Program, outside: TestNamespace): Promise<void> {
  const kinds = KINDS.filter((kind) => kind !== 'none');
  const found = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of kinds) {
      const flooded = flood(kind, device, outside, MESSAGE_SECONDS + 2);
      // What a flood costs before it is known as one has been paid by then.
      await delay(1500);
      const before = cpuMicros(device.pid);
      await delay(1000 * MESSAGE_SECONDS);
      const sent = FLOOD_PER_SECOND * MESSAGE_SECONDS;
      found.get(kind)?.push((cpuMicros(device.pid) - before) / sent);
      await flooded;
    }
  }
  const cost = (kind: Kind): number => median(found.get(kind) ?? []);
  for (const kind of kinds) {
    const ratio = (cost(kind) / cost('wrong-mac1')).toFixed(2);
    line(`a message of ${kind}`, `${cost(kind).toFixed(1)} us, ratio ${ratio}`);
  }
}

async function measure(
  kind: Kind,
  device: Program,
  client: TestNamespace,
  outside: TestNamespace,
): Promise<Figures> {
  const flooded = kind === 'none' ? undefined : flood(kind, device, outside, FLOOD_SECONDS);
  await client.runAsync('sleep 1');
  const before = cpuMicros(device.pid);
  const words = `taskset -c ${OTHER_CORE} iperf3 -c 10.77.0.1 -t ${FLOW_SECONDS} -J`;
  const report = JSON.parse(await client.runAsync(words)) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  const flowMicros = cpuMicros(device.pid) - before;
  await flooded;
  const megabits = report.end.sum_received.bits_per_second / 1e6;
  return { megabits, microsPerMegabit: flowMicros / megabits / FLOW_SECONDS };
}

async function flood(
  kind: FloodKind,
  device: Program,
  outside: TestNamespace,
  seconds: number,
): Promise<number> {
  const key = Buffer.from(device.publicKey, 'base64').toString('hex');
  const program = `taskset -c ${OTHER_CORE} ${process.execPath} ${SOURCE}`;
  const words = `${kind} 10.9.5.1 ${PORT} ${key} ${seconds}`;
  const sent = Number(await outside.runAsync(`${program} ${words}`));
  if (sent < 0.95 * FLOOD_PER_SECOND * seconds) {
    throw new Error(`the flood was no flood: ${sent} messages in ${seconds} s`);
  }
  return sent;
}

function printFlows(found: ReadonlyMap<Kind, readonly Figures[]>): void {
  const flow = (kind: Kind): number => median((found.get(kind) ?? []).map((one) => one.megabits));
  const cost = (kind: Kind): number => flow('none') - flow(kind);
  for (const kind of KINDS) {
    const of = found.get(kind) ?? [];
    const micros = median(of.map((one) => one.microsPerMegabit));
    const all = of.map((one) => one.megabits.toFixed(0)).join(' ');
    line(kind, `${flow(kind).toFixed(0)} Mbit/s, ${micros.toFixed(0)} us/Mbit (${all})`);
  }
  const base = cost('wrong-mac1');
  line('cost of wrong mac1', `${base.toFixed(0)} Mbit/s`);
  for (const kind of ['true-mac1', 'wrong-mac2'] as const) {
    const ratio = cost(kind) / base;
    line(`cost of ${kind}`, `${cost(kind).toFixed(0)} Mbit/s, ratio ${ratio.toFixed(2)} (bar 1.2)`);
  }
}

function line(what: string, figures: string): void {
  process.stdout.write(`handshake flood: ${what}: ${figures}\n`);
}

function pin(pid: number, core: number): void {
  spawn('taskset', ['-a', '-c', '-p', `${core}`, `${pid}`]);
}

/** Time that all threads of a process have run, by the kernel's scheduler. */
function cpuMicros(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanos = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanos.reduce((sum, one) => sum + one, 0) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((x, y) => x - y)[values.length >> 1] ?? Number.NaN;
}
