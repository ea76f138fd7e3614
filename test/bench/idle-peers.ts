// 10,000 peers that say nothing: how long `wg setconf` takes, what memory they take, and what
// processor time they use, p6nwg beside wireguard-go. `npm run bench`, as root.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeNamespace } from '../e2e/namespaces.ts';
import { P6NWG, startProgram, WIREGUARD_GOES } from '../e2e/p6nwg.ts';
import { must } from '../e2e/site.ts';
import { cpuSeconds, residentMebibytes, say } from './traffic.ts';

const PEERS = 10_000;
const SETTLE_MS = 2_000;
const IDLE_SECONDS = 10;

const newest = process.env['P6N_WIREGUARD_GO'] ?? WIREGUARD_GOES.at(-1);
const folder = mkdtempSync(join(tmpdir(), 'p6n-bench-'));
const file = join(folder, 'peers.conf');
writeFileSync(file, configuration(), { mode: 0o600 });
const [theirs, ours] = [
  newest === undefined ? undefined : await measure(newest),
  await measure(P6NWG),
];
if (theirs !== undefined) {
  const ratio = (figure: keyof Figures): string => (ours[figure] / theirs[figure]).toFixed(2);
  say(`ratio: ${ratio('seconds')} of the time, ${ratio('grown')} of the memory`);
}
rmSync(folder, { recursive: true });

interface Figures {
  readonly seconds: number;
  /** MiB. */
  readonly grown: number;
}

async function measure(program: string): Promise<Figures> {
  const undone: (() => unknown)[] = [];
  const scope = { after: (undo: () => unknown) => undone.push(undo) };
  try {
    const namespace = makeNamespace(scope, 'idle');
    const { interfaceName, pid } = await startProgram(scope, namespace, program);
    namespace.run(`ip link set ${interfaceName} up`);
    await delay(SETTLE_MS);
    const before = residentMebibytes([pid]);
    const alone = await idleShare(pid);
    const begun = performance.now();
    await must('ip', 'netns', 'exec', namespace.name, 'wg', 'setconf', interfaceName, file);
    const seconds = (performance.now() - begun) / 1000;
    await delay(SETTLE_MS);
    const grown = residentMebibytes([pid]) - before;
    const share = await idleShare(pid);
    say(
      `${program}: ${PEERS} peers in ${seconds.toFixed(2)} s, ${grown.toFixed(0)} MiB more than ` +
        `${before.toFixed(0)} MiB, idle ${percent(share)} of a core (${percent(alone)} without)`,
    );
    return { seconds, grown };
  } finally {
    for (const undo of undone.reverse()) await undo();
  }
}

async function idleShare(pid: number): Promise<number> {
  const before = cpuSeconds([pid]);
  await delay(IDLE_SECONDS * 1000);
  return (cpuSeconds([pid]) - before) / IDLE_SECONDS;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function configuration(): string {
  const peers = Array.from({ length: PEERS }, (_, i) => {
    const key = randomBytes(32).toString('base64');
    return `[Peer]\nPublicKey = ${key}\nAllowedIPs = 10.${i >> 8}.${i & 255}.0/24\n`;
  });
  return `[Interface]\nPrivateKey = ${randomBytes(32).toString('base64')}\n${peers.join('')}`;
}
