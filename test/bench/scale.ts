// What a server takes for a thousand followers of a hundred thousand instances in two thousand
// networks: processor, memory and bytes. At first the fifty instances of a network are on as many
// hosts, which is the most that there is to tell, then on ten. P6N_ETCD=1: the registry is in etcd.

import { Simulation } from '../sim/control-plane/simulation.ts';

const [hosts = 1_001, networks = 2_000, instances = 100_000, ...given] = process.argv
  .slice(2)
  .map(Number);
const SPREADS: readonly number[] = given.length > 0 ? given : [50, 10];
const PROCESSES = 2;
const ETCD_MEMBERS = Number(process.env['P6N_ETCD'] ?? 0);
const IDLE_MS = 10_000;
/** The first of each host gets it a lease. */
const FIRST_HEARTBEATS_MS = 6_000;
const CHANGES = 1_000;
/** A second; before them as many that are not counted, for the code to be compiled. */
const RATES = [200, 1_000];
const WARMING_RATE = 1_000;
const MEBIBYTE = 1_048_576;

let simulation: Simulation;
for (const hostsPerNetwork of SPREADS) {
  simulation = new Simulation({ hosts, networks, instances, hostsPerNetwork }, PROCESSES);
  try {
    await run(hostsPerNetwork);
  } finally {
    await simulation.end();
  }
}

async function run(hostsPerNetwork: number): Promise<void> {
  const each = `each on ${hostsPerNetwork} hosts`;
  print('site', `${hosts - 1} followers, ${networks} networks ${each}, ${instances} instances`);
  await measure('site made', () => simulation.found({ etcdMembers: ETCD_MEMBERS }));
  await simulation.killServer();
  await measure('registry opened', () => simulation.restartServer());
  await measure('all followers begun anew', async () => {
    await simulation.follow();
    await simulation.converged();
  });
  await measure('nothing for 10 s', () => pause(IDLE_MS));
  await measureChanges('the first changes of a fresh server', WARMING_RATE);
  for (const rate of RATES) await measureChanges(`${CHANGES} changes`, rate);
  await simulation.beat();
  await pause(FIRST_HEARTBEATS_MS);
  await measure('heartbeats of all for 10 s', () => pause(IDLE_MS));
  const { resets } = await simulation.state();
  await simulation.killServer();
  await simulation.restartServer();
  await measure('converged after a restart', () => simulation.converged());
  const again = (await simulation.state()).resets - resets;
  print('followers that began anew after it', `${again}`);
}

/** From the first request to the last copy. */
async function measureChanges(what: string, rate: number): Promise<void> {
  const before = await simulation.figures();
  await measure(`${what}, ${rate} a second`, async () => {
    await simulation.write(CHANGES, rate);
    await simulation.converged();
  });
  const after = await simulation.figures();
  const told = total(after.bytesTo) - total(before.bytesTo);
  print('told of a change', `${(told / CHANGES / 1_024).toFixed(1)} KiB to all together`);
}

/** Runs `task` and prints what it took of time, and of the server at the end. */
async function measure(what: string, task: () => Promise<void>): Promise<void> {
  const before = await simulation.figures().catch(() => undefined);
  const startedMs = performance.now();
  await task();
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const after = await simulation.figures();
  const from = before !== undefined && before.cpuMicros <= after.cpuMicros ? before : undefined;
  const cpu = ((after.cpuMicros - (from?.cpuMicros ?? 0)) / 1e6).toFixed(2);
  const sent = (total(after.bytesTo) - (from === undefined ? 0 : total(from.bytesTo))) / MEBIBYTE;
  const memory = (after.residentBytes / MEBIBYTE).toFixed(0);
  const most = (after.residentBytesMax / MEBIBYTE).toFixed(0);
  print(
    what,
    `${seconds} s; server: ${cpu} core-seconds, ${sent.toFixed(1)} MiB sent, ` +
      `${memory} MiB resident, ${most} at the most`,
  );
}

function total(bytesTo: Readonly<Record<number, number>>): number {
  return Object.values(bytesTo).reduce((sum, one) => sum + one, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function print(what: string, figures: string): void {
  process.stdout.write(`scale: ${what}: ${figures}\n`);
}
