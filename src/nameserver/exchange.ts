// One question to one upstream server: over UDP from a socket and port of its own, so that a forger
// has port and id to guess (RFC 5452), over TCP where a reply was truncated.

import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { readUpstreamReply, type UpstreamReply } from '../dns/forwarded.ts';
import { HEADER_BYTES } from '../dns/protocol.ts';
import type { NameserverCounters } from './metrics.ts';
import type { Upstream } from './resolv-conf.ts';

export interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly counters: NameserverCounters;
  /** Holds, while the exchange is open, what ends it without a reply. */
  readonly open: Set<() => void>;
}

/**
 * Datagrams that are no reply to ours; more, and somebody is guessing: the exchange is given up.
 */
const MISMATCHES_MAX = 32;
const LENGTH_BYTES = 2;

/** Node.js looks up the target at every send; an address needs none. */
export function lookupAddress(
  address: string,
  family: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, address, family === 4 ? 4 : 6);
}

/** The reply of `upstream` to `asked`, or undefined for none in time. Never rejects. */
export function askByUdp(
  upstream: Upstream,
  asked: Uint8Array,
  options: ExchangeOptions,
): Promise<UpstreamReply | undefined> {
  const { counters } = options;
  return new Promise((resolve) => {
    const type = isIPv6(upstream.address) ? 'udp6' : 'udp4';
    const socket = createSocket({ type, lookup: lookupAddress as never });
    let mismatches = 0;
    let closed = false;
    const finish = once(options, (reply) => {
      closed = true;
      socket.close();
      resolve(reply);
    });
    socket.on('error', () => finish(undefined));
    socket.on('message', (message) => {
      const reply = readUpstreamReply(message, asked);
      if (reply !== undefined) return finish(reply);
      counters.upstreamMismatches += 1;
      mismatches += 1;
      if (mismatches > MISMATCHES_MAX) finish(undefined);
    });
    // Called also when the kernel knows no way there, then with the error.
    socket.connect(upstream.port, upstream.address, (failure?: Error) => {
      if (failure !== undefined) finish(undefined);
      if (closed) return;
      socket.send(asked, (error) => {
        if (error !== null) finish(undefined);
      });
    });
  });
}

/** The same over a connection of its own. */
export function askByTcp(
  upstream: Upstream,
  asked: Uint8Array,
  options: ExchangeOptions,
): Promise<UpstreamReply | undefined> {
  return new Promise((resolve) => {
    const socket = connect(upstream.port, upstream.address);
    let received: Buffer = Buffer.alloc(0);
    const finish = once(options, (reply) => {
      socket.destroy();
      resolve(reply);
    });
    socket.on('error', () => finish(undefined));
    socket.on('close', () => finish(undefined));
    socket.on('connect', () => socket.write(withLength(asked)));
    socket.on('data', (chunk) => {
      // One message of at most 64 KiB is awaited, so this is bounded.
      received = Buffer.concat([received, chunk]);
      if (received.length < LENGTH_BYTES) return;
      const end = LENGTH_BYTES + received.readUInt16BE(0);
      if (end < LENGTH_BYTES + HEADER_BYTES) return finish(undefined);
      if (received.length < end) return;
      finish(readUpstreamReply(received.subarray(LENGTH_BYTES, end), asked));
    });
  });
}

/** A message with its length before it, as it goes over TCP (RFC 1035 section 4.2.2). */
export function withLength(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_BYTES + message.length);
  new DataView(framed.buffer).setUint16(0, message.length);
  framed.set(message, LENGTH_BYTES);
  return framed;
}

/** Calls `end` once: with the first result, or without one at the time-out or when given up. */
function once(
  { timeoutMs, open, counters }: ExchangeOptions,
  end: (reply: UpstreamReply | undefined) => void,
): (reply: UpstreamReply | undefined) => void {
  const finish = (reply: UpstreamReply | undefined): void => {
    if (!open.delete(giveUp)) return;
    clearTimeout(timer);
    end(reply);
  };
  const giveUp = (): void => finish(undefined);
  open.add(giveUp);
  const timer = setTimeout(() => {
    counters.upstreamTimeouts += 1;
    finish(undefined);
  }, timeoutMs);
  return finish;
}
