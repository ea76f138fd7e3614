// A program for a test: sends datagrams while its sendmmsg() fails in a way that it chooses, by the
// library that send-faults.e2e.test.ts has put in front, and says what came of it.

import { ALL_OFFLOADS, type RefusedOffload } from '../../src/os/offloads.ts';
import { UdpCounter } from '../../src/os/udp.ts';
import { close, endpoint, open, push } from '../os/udp-side.ts';

/** What the library reads. */
const FAULT = 'P6N_SEND_FAULT';
const EVERYWHERE = '*';
const HERE = '127.0.0.9';
const ELSEWHERE = '127.0.0.8';
const LONG = 30;
const SHORT = 10;
/** Datagrams until a refused run is tried again. */
const REFUSED_DATAGRAMS = 10_000;
const BATCH = 100;
const RUN = 3;

export interface Outcome {
  /** Of each run: in how many messages it came, none where it did not. */
  readonly messages: readonly number[];
  readonly split: number;
  readonly sent: number;
  readonly dropped: { readonly full: number; readonly failed: number };
  readonly refused: readonly RefusedOffload[];
}

const EINTR = 4;
const EIO = 5;
const EAGAIN = 11;
const EINVAL = 22;
const EMSGSIZE = 90;
const EPERM = 1;

const outcomes: Record<string, Outcome> = {};
for (const [name, error] of [
  ['EINVAL', EINVAL],
  ['EMSGSIZE', EMSGSIZE],
] as const) {
  // Runs of what is too long for the path are refused; after many datagrams one is tried again.
  outcomes[name] = scene(({ run, sendMany }) => {
    fail(error, { longerThan: SHORT });
    const first = [run(LONG), run(LONG), run(SHORT)];
    fail();
    sendMany(REFUSED_DATAGRAMS);
    return [...first, run(LONG)];
  });
}
outcomes['EIO of one path'] = scene(({ run }) => {
  fail(EIO, { longerThan: 0 });
  return [run(LONG), run(SHORT), run(LONG, ELSEWHERE)];
});
outcomes['EIO of all'] = scene(({ run }) => {
  fail(EIO, { longerThan: 0, to: EVERYWHERE });
  const first = [run(LONG), run(SHORT)];
  fail();
  return [...first, run(LONG, ELSEWHERE)];
});
fail(EIO, { longerThan: 0, to: EVERYWHERE });
outcomes['EIO from the start'] = scene(({ run }) => [run(LONG)]);
for (const [name, error] of [
  ['EINTR', EINTR],
  ['EAGAIN for a moment', EAGAIN],
] as const) {
  outcomes[name] = scene(({ run }) => {
    fail(error, { times: 1 });
    return [run(LONG)];
  });
}
for (const [name, error] of [
  ['EAGAIN', EAGAIN],
  ['EPERM', EPERM],
] as const) {
  outcomes[name] = scene(({ run }) => {
    fail(error);
    return [run(LONG, ELSEWHERE), run(LONG)];
  });
}
process.stdout.write(JSON.stringify(outcomes));

interface Fault {
  /** Of runs alone, whose datagrams are longer than this; of all messages when absent. */
  readonly longerThan?: number;
  readonly to?: string;
  readonly times?: number;
}

function fail(error?: number, { longerThan = -1, to = HERE, times = 1e6 }: Fault = {}): void {
  if (error === undefined) delete process.env[FAULT];
  else process.env[FAULT] = `${error} ${longerThan} ${to} ${times}`;
}

interface Tools {
  /** Sends a run of datagrams of `length` bytes and returns in how many messages it came. */
  readonly run: (length: number, address?: string) => number;
  /** Sends so many long datagrams HERE that runs of them are tried again. */
  readonly sendMany: (count: number) => void;
}

/** Sockets of its own for what `play` does with them; no fault is left behind. */
function scene(play: (tools: Tools) => readonly number[]): Outcome {
  const refused: RefusedOffload[] = [];
  const a = open(0, ALL_OFFLOADS, (one) => refused.push(one));
  const b = open(0, ALL_OFFLOADS);
  const targets = new Map([HERE, ELSEWHERE].map((at) => [at, endpoint(at, b.udp.port)]));
  const run = (length: number, address: string = HERE): number => {
    const target = targets.get(address) ?? new Uint8Array();
    const texts = Array.from({ length: RUN }, (_, i) => `${i}`.padEnd(length, '.'));
    for (const [place, text] of texts.entries()) push(a, target, text, 0, place);
    a.udp.flush();
    b.udp.receive(b.datagrams, 0);
    if (texts.some((text, i) => i < b.datagrams.count && b.text(i) !== text)) return Number.NaN;
    return b.messages();
  };
  const sendMany = (count: number): void => {
    for (let left = count; left > 0; left -= BATCH) {
      for (let i = 0; i < BATCH; i++) a.udp.push(a.outgoing, 0, LONG, targets.get(HERE)!, 0, 0);
      a.udp.flush();
      while (b.udp.receive(b.datagrams, 0));
    }
  };
  const messages = play({ run, sendMany });
  fail();
  const { counters } = a.udp;
  close(a, b);
  return {
    messages,
    split: counters[UdpCounter.RunsSplit] ?? 0,
    sent: counters[UdpCounter.Sent] ?? 0,
    dropped: {
      full: counters[UdpCounter.DropSendBufferFull] ?? 0,
      failed: counters[UdpCounter.DropSendFailed] ?? 0,
    },
    refused,
  };
}
