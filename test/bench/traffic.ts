// Traffic between two network namespaces, and what programs use for it.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { must } from '../e2e/site.ts';

/** Of the kernel's accounts of processor time. */
const TICKS_PER_SECOND = 100;
const PINGS = 1500;
const LISTENING_MS = 500;

export interface Flow {
  /** Network namespaces by name. */
  readonly from: string;
  readonly to: string;
  /** Of the receiver. */
  readonly address: string;
}

export interface RoundTrips {
  readonly medianMicros: number;
  readonly p99Micros: number;
}

/** A receiver in `namespace`, which ends by kill(). */
export async function startReceiver(namespace: string): Promise<ChildProcess> {
  const words = ['netns', 'exec', namespace, 'iperf3', '-s'];
  const receiver = spawn('ip', words, { stdio: 'ignore' });
  await delay(LISTENING_MS);
  return receiver;
}

/** Received over `flows` connections at once. */
export async function tcp(flow: Flow, flows: number, seconds: number): Promise<TcpFigures> {
  const { end } = await iperf(flow, ['-t', `${seconds}`, '-P', `${flows}`]);
  const { bits_per_second: bits, bytes } = end.sum_received;
  return { gigabits: bits / 1e9, bytes };
}

export interface TcpFigures {
  readonly gigabits: number;
  readonly bytes: number;
}

/** Datagrams of 64 bytes that arrive in a second when as many are sent as go. */
export async function smallDatagrams(flow: Flow, seconds: number): Promise<number> {
  const { end } = await iperf(flow, ['-t', `${seconds}`, '-u', '-b', '0', '-l', '64']);
  const { packets, lost_packets: lost, seconds: lasted } = end.sum;
  return (packets - lost) / lasted;
}

export async function ping({ from, address }: Flow): Promise<RoundTrips> {
  const words = ['ping', '-6', '-c', `${PINGS}`, '-i', '0.002', address];
  const text = await must('ip', 'netns', 'exec', from, ...words);
  const times = [...text.matchAll(/time=([\d.]+)/g)].map(([, time]) => 1000 * Number(time));
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { medianMicros: at(0.5), p99Micros: at(0.99) };
}

/** Seconds of processor time that processes and their children have used. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = familyOf(pids).map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}

/** Of the largest of the processes and their children. */
export function residentMebibytes(pids: readonly number[]): number {
  const sizes = familyOf(pids).map((pid) => {
    const [, kibibytes] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/) ?? [];
    return Number(kibibytes ?? 0) / 1024;
  });
  return Math.max(...sizes);
}

/** A line of figures. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

interface Report {
  readonly end: {
    readonly sum_received: { readonly bits_per_second: number; readonly bytes: number };
    readonly sum: {
      readonly packets: number;
      readonly lost_packets: number;
      readonly seconds: number;
    };
  };
}

async function iperf({ from, address }: Flow, words: readonly string[]): Promise<Report> {
  const text = await must(
    'ip',
    'netns',
    'exec',
    from,
    'iperf3',
    '-6',
    '-J',
    '-c',
    address,
    ...words,
  );
  return JSON.parse(text) as Report;
}

function familyOf(pids: readonly number[]): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map<number, number>();
  for (const pid of all) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      parents.set(Number(pid), Number(fields[1]));
    } catch {
      // It has ended since.
    }
  }
  const family = new Set(pids);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  return [...family];
}
