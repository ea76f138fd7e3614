// Datagrams of programs of this machine, carried on to an instance: a socket of its own for each of
// them, so that answers find their way back.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { RelayTarget } from './tcp-relay.ts';

/** Programs at a time; the one that was silent for longest gives way. */
export const FLOWS_MAX = 1_024;
/** Datagrams of all programs that wait for the way to open; more are lost, as datagrams are. */
export const WAITING_MAX = 128;
/** As RFC 4787 asks of NATs for the least. */
const FLOW_IDLE_MS = 120_000;

interface Flow {
  readonly socket: Socket;
  timer: NodeJS.Timeout;
}

/** Listens until the socket is closed; rejects where it cannot. */
export async function relayUdp(
  { host, port }: { readonly host: string; readonly port: number },
  target: RelayTarget,
): Promise<Socket> {
  const local = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const flows = new Map<string, Promise<Flow>>();
  await new Promise<void>((resolve, reject) => {
    local.once('error', reject).bind(port, host, () => resolve());
  });
  local.removeAllListeners('error').on('error', target.onFailed);
  const relay: Relay = { ...{ local, flows, target }, waiting: 0 };
  local.on('message', (message, client) => void carry(relay, message, client));
  local.on('close', () => {
    for (const flow of flows.values()) void flow.then(end, () => undefined);
  });
  return local;
}

interface Relay {
  readonly local: Socket;
  /** By the program's address; the one that was used last stands last. */
  readonly flows: Map<string, Promise<Flow>>;
  readonly target: RelayTarget;
  waiting: number;
}

async function carry(relay: Relay, message: Buffer, client: RemoteInfo): Promise<void> {
  const { flows, target } = relay;
  if (relay.waiting >= WAITING_MAX) return;
  const name = `${client.address} ${client.port}`;
  const flow = flows.get(name) ?? begin(relay, client, name);
  flows.delete(name);
  flows.set(name, flow);
  for (const [oldest, old] of flows) {
    if (flows.size <= FLOWS_MAX) break;
    flows.delete(oldest);
    void old.then(end, () => undefined);
  }
  relay.waiting += 1;
  try {
    const { socket, timer } = await flow.finally(() => {
      relay.waiting -= 1;
    });
    timer.refresh();
    socket.send(message);
  } catch (error) {
    flows.delete(name);
    target.onFailed(error);
  }
}

async function begin(
  { local, flows, target }: Relay,
  client: RemoteInfo,
  name: string,
): Promise<Flow> {
  const [address = ''] = await target.resolve();
  const socket = createSocket('udp6');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
      socket.bind(0, target.source, () => socket.connect(target.port, address));
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  const flow: Flow = {
    socket,
    timer: setTimeout(() => {
      flows.delete(name);
      end(flow);
    }, FLOW_IDLE_MS),
  };
  // An answer that nobody is there is the end of nothing: datagrams get lost.
  socket.removeAllListeners('error').on('error', () => undefined);
  socket.on('message', (answer) => local.send(answer, client.port, client.address));
  return flow;
}

function end({ socket, timer }: Flow): void {
  clearTimeout(timer);
  socket.close();
}
