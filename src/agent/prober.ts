// One try of one service of an instance: a TCP connection, or a GET over one of its own. What the
// service says is not read: only whether it answers, and by which status.

import { request } from 'node:http';
import { connect } from 'node:net';
import type { Prober, ProbeTarget } from './ports.ts';

/** Of the answer's headers; more is a failure. */
const HEADER_BYTES_MAX = 16_384;
const STATUS_FAILED_MIN = 400;

export const PROCESS_PROBER: Prober = {
  probe: (target, timeoutMs) =>
    target.path === undefined
      ? probeTcp(target, timeoutMs)
      : probeHttp({ ...target, path: target.path }, timeoutMs),
};

function probeTcp({ address, port, source }: ProbeTarget, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, localAddress: source, family: 6 });
    const end = (passes: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(passes);
    };
    const timer = setTimeout(end, timeoutMs, false);
    socket.on('error', () => end(false));
    socket.once('connect', () => end(true));
  });
}

function probeHttp(
  { address, port, source, path }: ProbeTarget & { readonly path: string },
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({
      host: address,
      port,
      path,
      localAddress: source,
      family: 6,
      agent: false,
      maxHeaderSize: HEADER_BYTES_MAX,
      headers: { 'user-agent': 'p6n', connection: 'close' },
    });
    const end = (passes: boolean): void => {
      clearTimeout(timer);
      asked.destroy();
      resolve(passes);
    };
    const timer = setTimeout(end, timeoutMs, false);
    asked.on('error', () => end(false));
    asked.once('response', (response) => {
      // The end that follows is our own.
      response.on('error', () => undefined);
      end((response.statusCode ?? STATUS_FAILED_MIN) < STATUS_FAILED_MIN);
    });
    asked.end();
  });
}
