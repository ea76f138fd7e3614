// A million random and mutated questions over the raw socket of a name server: none is the end of
// it, good questions among them are answered at once, and memory does not grow. The server is a
// process of its own, so that its memory and its time are not those of the flood. Each good
// question is sent once.
//
// What this process does for itself while a question is under way would count as the server's: it
// collects its garbage between questions. The server collects as p6nd does.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { makeOpt, makeQuestion } from '../dns/dns-messages.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const SERVER = fileURLToPath(new URL('../bench/dns-server.js', import.meta.url));
const SEED = 20_261_121;
const QUESTIONS = 1_000_000;
/** Questions between two good ones. */
const BURST = 100;
/** Bursts between two collections of all that this process has; of what is new it is each one. */
const COLLECTION = 25;
/** Bursts between two looks at the server's memory. */
const ROUND = 1000;
/** The server's code is warm and its tables are as large as they get. */
const WARM_ROUNDS = 2;
const GOOD_MS_MAX = 10;
/**
 * What this process itself needs for the answers to a burst. Where it ran for longer it had no
 * machine under it: a hypervisor that stops all of it says so in no other account.
 */
const OWN_WORK_MS_MAX = 5;
const HEADER_MS_MAX = 1;
const ANSWER_MS_MAX = 5000;
const USED_GROWTH_MAX = 2 ** 20;
/** What V8 and the allocator keep for later; it swings. */
const RESIDENT_GROWTH_MAX = 32 * 2 ** 20;
const NAMES = ['app.internal', '_apps.internal', 'a1.vm.app.internal', 'x.y.z', 'i6pn.modal.local'];

interface Memory {
  readonly resident: number;
  /** By objects and buffers that are reachable. */
  readonly used: number;
}

/** A good question: how long its answer took, and how much of it the machine did other things. */
interface Waited {
  readonly ms: number;
  /** While the server or this process was ready to run and had no core, or no machine. */
  readonly coreless: number;
  readonly serverCpu: number;
}

/** See os/linux/thread-priority.ts: helpers would have to be waited for. */
const AS_P6ND = '--no-parallel-scavenge';

type Collect = (options?: { readonly type: 'minor' }) => void;

let collect: Collect;
let server: ChildProcess;
let port: number;
let socket: Socket;

before(async () => {
  for (const flag of [AS_P6ND, '--expose-gc']) setFlagsFromString(flag);
  collect = runInNewContext('gc') as Collect;
  server = fork(SERVER, ['200'], { execArgv: [AS_P6ND, '--expose-gc'] });
  port = Number(await new Promise((resolve) => server.once('message', resolve)));
  socket = createSocket({ type: 'udp6', recvBufferSize: 4 * 2 ** 20 });
  await new Promise<void>((resolve) => socket.bind(0, '::1', resolve));
});

after(() => {
  socket?.close();
  server?.kill();
});

test('a good question behind each hundred of a million others is answered', {
  timeout: 900_000,
}, async () => {
  const random = new SeededRandom(SEED);
  const waits: Waited[] = [];
  const memory: Memory[] = [];
  for (let burst = 0; burst < QUESTIONS / BURST; burst++) {
    if (burst % COLLECTION === 0) collect();
    else collect({ type: 'minor' });
    const messages = Array.from({ length: BURST }, () => hostile(random));
    await Promise.all(messages.map(send));
    waits.push(await askGood(burst & 0xffff));
    if ((burst + 1) % ROUND === 0) memory.push(await tell<Memory>('collect'));
  }
  assert.equal(server.exitCode, null);
  const plateau = memory.slice(WARM_ROUNDS);
  const megabytes = (select: (one: Memory) => number): string =>
    memory.map((one) => (select(one) / 2 ** 20).toFixed(1)).join(' ');
  print(`MiB after each ${ROUND * BURST}: in use ${megabytes((one) => one.used)}`);
  print(`resident ${megabytes((one) => one.resident)}`);
  const growth = (select: (one: Memory) => number): number =>
    Math.max(...plateau.map(select)) - select(plateau[0] as Memory);
  assert.ok(growth((one) => one.used) <= USED_GROWTH_MAX);
  assert.ok(growth((one) => one.resident) <= RESIDENT_GROWTH_MAX);
  report(`seed ${SEED}: a good question behind ${BURST} others`, waits);
});

test('a header with all counts 0xffff costs next to nothing', async () => {
  const header = Uint8Array.from([0, 1, 1, 0, ...new Array(8).fill(0xff)]);
  const count = 2000;
  const before = await tell<number>('cpu');
  for (let n = 0; n < count; n++) await exchange(header, () => true);
  const each = ((await tell<number>('cpu')) - before) / count;
  print(`a header with all counts 0xffff: ${each.toFixed(4)} ms of CPU`);
  assert.ok(each < HEADER_MS_MAX, `${each} ms`);
});

/** Resolves when the kernel has it, so that no more are under way than it takes. */
function send(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, port, '::1', () => resolve()));
}

function hostile(random: SeededRandom): Uint8Array {
  if (draw(random, 4) === 0) {
    const bytes = new Uint8Array(draw(random, 600));
    random.fill(bytes);
    return bytes;
  }
  const edns = draw(random, 2) === 0 ? {} : { tail: makeOpt({ payload: draw(random, 65_536) }) };
  const type = draw(random, 3) === 0 ? draw(random, 65_536) : 28;
  const counts = [1, 0, 0, 'tail' in edns ? 1 : 0] as const;
  const name = NAMES[draw(random, NAMES.length)] as string;
  const bytes = makeQuestion(name, { type, id: draw(random, 65_536), counts, ...edns });
  for (let left = draw(random, 5); left > 0; left--) {
    bytes[draw(random, bytes.length)] = draw(random, 256);
  }
  return draw(random, 4) === 0 ? bytes.subarray(0, draw(random, bytes.length)) : bytes;
}

/** Asks behind all that was sent before. */
async function askGood(id: number): Promise<Waited> {
  const [before, ours] = [scheduled(server.pid), scheduled(process.pid)];
  const start = performance.now();
  const reply = await exchange(makeQuestion('self.internal', { id }), (one) => {
    const isOfName = one.length > 40 && one.toString('latin1', 13, 17) === 'self';
    return isOfName && one.readUInt16BE(0) === id;
  });
  const ms = performance.now() - start;
  const [later, oursLater] = [scheduled(server.pid), scheduled(process.pid)];
  assert.equal((reply[3] ?? 0xff) & 0xf, 0);
  const waited = later.waitedMs - before.waitedMs + oursLater.waitedMs - ours.waitedMs;
  const coreless = waited + Math.max(0, oursLater.ranMs - ours.ranMs - OWN_WORK_MS_MAX);
  return { ms, coreless, serverCpu: later.ranMs - before.ranMs };
}

/** Sends once. */
function exchange(bytes: Uint8Array, isWanted: (reply: Buffer) => boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      socket.off('message', onMessage);
    };
    const onMessage = (reply: Buffer): void => {
      if (!isWanted(reply)) return;
      end();
      resolve(reply);
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error('a good question has no answer'));
    }, ANSWER_MS_MAX);
    socket.on('message', onMessage);
    socket.send(bytes, port, '::1');
  });
}

/** Prints what good questions waited, and asserts it: what had no core is the machine's. */
function report(what: string, waits: readonly Waited[]): void {
  const times = waits.map(({ ms }) => ms).sort((a, b) => a - b);
  const own = waits.map(({ ms, coreless }) => ms - coreless).sort((a, b) => a - b);
  const late = waits.filter(({ ms }) => ms > GOOD_MS_MAX);
  const at = (sorted: readonly number[], part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2);
  print(
    `${what} waits ${at(times, 0.5)} ms (median), ${at(times, 0.999)} ms (999 of 1000), ` +
      `${at(times, 1)} ms at most; ${late.length} of ${times.length} over ${GOOD_MS_MAX} ms`,
  );
  print(
    `less the time without a core: ${at(own, 0.999)} ms (999 of 1000), ${at(own, 1)} ms at most`,
  );
  for (const { ms, coreless, serverCpu } of late.slice(0, 10)) {
    const figures = [ms, coreless, serverCpu].map((one) => one.toFixed(2)).join(', ');
    print(`late (waited, without a core, CPU of the server): ${figures} ms`);
  }
  assert.ok(Number(at(own, 1)) <= GOOD_MS_MAX);
}

/** How long the main thread of a process has run, and was ready to and had no core. */
function scheduled(pid: number | undefined): { ranMs: number; waitedMs: number } {
  const text = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8');
  const [ran = 0, waited = 0] = text.split(' ').map((ns) => Number(ns) / 1e6);
  return { ranMs: ran, waitedMs: waited };
}

async function tell<T>(what: 'collect' | 'cpu'): Promise<T> {
  const told = new Promise<T>((resolve) => server.once('message', (one) => resolve(one as T)));
  server.send(what);
  return await told;
}

function print(line: string): void {
  process.stdout.write(`# ${line}\n`);
}

function draw(random: SeededRandom, bound: number): number {
  const bytes = new Uint8Array(4);
  random.fill(bytes);
  return new DataView(bytes.buffer).getUint32(0) % bound;
}
