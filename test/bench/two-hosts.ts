// p6nwg beside wireguard-go, on two hosts joined by a veth pair, in turn: TCP, small datagrams,
// round trips, processor time and memory. P6N_WIREGUARD_GO names the program; without it, the
// newest that is installed. `npm run bench`, as root.

import { setTimeout as delay } from 'node:timers/promises';
import { P6NWG, WIREGUARD_GOES } from '../e2e/p6nwg.ts';
import { startPair } from '../e2e/p6nwg-pair.ts';
import {
  cpuSeconds,
  type Flow,
  median,
  ping,
  residentMebibytes,
  say,
  smallDatagrams,
  startReceiver,
  tcp,
} from './traffic.ts';

const ROUNDS = 3;
const SECONDS = 3;
const PORT = 51_820;

const COLUMNS = ['tcp1', 'tcp4', 'cpu', 'udp64', 'rtt50', 'rtt99', 'rss'] as const;
type Figures = Readonly<Record<(typeof COLUMNS)[number], number>>;

const theirs = process.env['P6N_WIREGUARD_GO'] ?? WIREGUARD_GOES.at(-1);
if (theirs === undefined) throw new Error('no wireguard-go: name one by P6N_WIREGUARD_GO');
const programs = { 'wireguard-go': theirs, p6nwg: P6NWG } as const;
const found = { 'wireguard-go': [] as Figures[], p6nwg: [] as Figures[] };
for (let round = 0; round < ROUNDS; round++) {
  for (const name of ['wireguard-go', 'p6nwg'] as const) {
    found[name].push(await measure(programs[name]));
  }
}
const [reference, ours] = [medians(found['wireguard-go']), medians(found.p6nwg)];
print('', COLUMNS);
print(
  'wireguard-go',
  COLUMNS.map((column) => reference[column].toPrecision(4)),
);
print(
  'p6nwg',
  COLUMNS.map((column) => ours[column].toPrecision(4)),
);
print(
  'ratio',
  COLUMNS.map((column) => (ours[column] / reference[column]).toFixed(2)),
);

/** One round: Gbit/s, seconds a GB, datagrams a second, microseconds, MiB. */
async function measure(program: string): Promise<Figures> {
  const undone: (() => unknown)[] = [];
  try {
    const scope = { after: (undo: () => unknown) => undone.push(undo) };
    const pair = await startPair(scope, program, {}, program);
    pair.ours.set(`peer ${pair.theirs.publicKey} endpoint 10.9.0.2:${PORT}`);
    const flow: Flow = { from: pair.a.name, to: pair.b.name, address: 'fd77::2' };
    await pair.a.runAsync('ping -c 3 -i 0.2 -W 2 fd77::2');
    const receiver = await startReceiver(pair.b.name);
    undone.push(() => receiver.kill());
    const pids = [pair.ours.pid, pair.theirs.pid];
    const before = cpuSeconds(pids);
    const one = await tcp(flow, 1, SECONDS);
    const cpu = (cpuSeconds(pids) - before) / (one.bytes / 1e9);
    const four = await tcp(flow, 4, SECONDS);
    const udp64 = await smallDatagrams(flow, SECONDS);
    const { medianMicros, p99Micros } = await ping(flow);
    const rss = residentMebibytes(pids);
    return {
      tcp1: one.gigabits,
      tcp4: four.gigabits,
      cpu,
      udp64,
      rtt50: medianMicros,
      rtt99: p99Micros,
      rss,
    };
  } finally {
    for (const undo of undone.reverse()) await undo();
    await delay(500);
  }
}

function medians(rounds: readonly Figures[]): Figures {
  const of = (column: keyof Figures): number => median(rounds.map((round) => round[column]));
  return Object.fromEntries(COLUMNS.map((column) => [column, of(column)])) as unknown as Figures;
}

function print(name: string, cells: readonly string[]): void {
  say(name.padEnd(14) + cells.map((cell) => cell.padStart(10)).join(''));
}
