// Two p6nwg that know each other, and traffic of iperf3 between what is behind them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { Scope, TestNamespace } from './namespaces.ts';
import { P6NWG, until } from './p6nwg.ts';
import { type Pair, startPair } from './p6nwg-pair.ts';

const PORT = 51_820;
/** What a server says that is not ready yet, before anything was sent. */
const NOT_TAKEN = ['server is busy', 'unable to receive control message: Connection reset'];

/** Ours with the offloads of a list as P6N_OFFLOADS has it, theirs with all. */
export async function connectedPair(t: Scope, mtu: number, offloads: string): Promise<Pair> {
  const pair = await startPair(t, P6NWG, { P6N_OFFLOADS: offloads });
  const { a, b, ours, theirs } = pair;
  a.run(`ip link set ${ours.interfaceName} mtu ${mtu}`);
  b.run(`ip link set ${theirs.interfaceName} mtu ${mtu}`);
  ours.set(`peer ${theirs.publicKey} endpoint 10.9.0.2:${PORT}`);
  const server = spawn('ip', ['netns', 'exec', b.name, 'iperf3', '-s'], { stdio: 'ignore' });
  t.after(() => server.kill());
  await until(() => b.run('ss -Htln sport = :5201') !== '');
  return pair;
}

/** TCP by one flow and by several both ways at once, and datagrams of two sizes. */
export async function exchange(
  from: TestNamespace,
  { megabytes, flows }: { readonly megabytes: number; readonly flows: number },
): Promise<void> {
  await iperf(from, `-n ${megabytes}M`);
  await iperf(from, `-n ${megabytes}M -P ${flows} --bidir`);
  await iperf(from, `-n ${megabytes}M -u -b 300M -l 1200 --bidir`);
  await iperf(from, `-n 1M -u -b 100M -l 64 -P ${flows}`);
}

/** All that TCP was given arrives; datagrams may be lost. */
export async function iperf(from: TestNamespace, words: string): Promise<void> {
  const { error, end } = await untilTaken(from, words);
  assert.equal(error, undefined);
  assert.ok((end.sum_received ?? end.sum)!.bytes > 0);
}

interface Report {
  readonly error?: string;
  readonly end: { readonly sum_received?: { bytes: number }; readonly sum?: { bytes: number } };
}

/**
 * The server takes one client at a time and is a moment longer at it than the client is; between
 * two it closes its socket, which resets who has just connected.
 */
async function untilTaken(from: TestNamespace, words: string): Promise<Report> {
  for (;;) {
    const report = await runIperf(from, words);
    if (!NOT_TAKEN.some((reason) => report.error?.includes(reason))) return report;
  }
}

async function runIperf(from: TestNamespace, words: string): Promise<Report> {
  try {
    return JSON.parse(await from.runAsync(`iperf3 -6 -J -c fd77::2 ${words}`)) as Report;
  } catch (error) {
    return { error: String(error), end: {} };
  }
}
