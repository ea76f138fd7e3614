// What runs inside two instances while p6nd comes and goes below them: one answers, the other keeps
// TCP connections open and a UDP probe going, and leaves in a file how both are.
//
//   node flows.js serve
//   node flows.js probe ADDRESS FILE        SIGUSR2 begins the measure of the gap anew

import { createSocket } from 'node:dgram';
import { renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const FLOWS_PROGRAM: string = fileURLToPath(import.meta.url);
export const FLOWS = 20;
export const PROBE_INTERVAL_MS = 10;
const PORT = 8080;
const SAY_INTERVAL_MS = 100;

export interface FlowReport {
  /** How many lines came back by each connection. */
  readonly echoes: readonly number[];
  /** Connections that ended or failed. */
  readonly broken: number;
  readonly probes: number;
  /** The longest time without an answer to the probe, milliseconds. */
  readonly gapMs: number;
}

function serve(): void {
  createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(PORT, '::');
  const udp = createSocket('udp6', (data, from) => udp.send(data, from.port, from.address));
  udp.bind(PORT, '::');
}

function probe(address: string, file: string): void {
  const echoes = new Array<number>(FLOWS).fill(0);
  let broken = 0;
  for (let flow = 0; flow < FLOWS; flow += 1) {
    const socket = connect(PORT, address);
    socket.on('data', (data) => {
      echoes[flow] = (echoes[flow] ?? 0) + data.length;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      broken += 1;
    });
    setInterval(() => socket.write('x'), SAY_INTERVAL_MS);
  }
  let probes = 0;
  let lastAt: number | undefined;
  let gapMs = 0;
  const udp = createSocket('udp6', () => {
    const now = performance.now();
    gapMs = Math.max(gapMs, now - (lastAt ?? now));
    lastAt = now;
    probes += 1;
  });
  udp.bind(0, '::');
  setInterval(() => udp.send('x', PORT, address, () => undefined), PROBE_INTERVAL_MS);
  process.on('SIGUSR2', () => {
    gapMs = 0;
    probes = 0;
  });
  setInterval(() => {
    const report: FlowReport = { echoes, broken, probes, gapMs: Math.round(gapMs) };
    writeFileSync(`${file}.new`, JSON.stringify(report));
    renameSync(`${file}.new`, file);
  }, SAY_INTERVAL_MS);
}

const [, , role, address = '', file = ''] = process.argv;
if (role === 'serve') serve();
if (role === 'probe') probe(address, file);
