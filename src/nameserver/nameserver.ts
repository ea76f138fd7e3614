// The name server of a host: `fdaa::3` for every instance and `fdaa:N:N::3` for network N, over UDP
// and TCP. What it knows is a snapshot that it is given; all other names it asks of the host's
// resolvers. It goes on as it is while nobody tells it anything new.

import type { NetworkId } from '../addressing/ids.ts';
import { classifyAddress } from '../addressing/layout.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Stoppable } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { makeAnswerer } from '../dns/answer.ts';
import { makeDnsCounters } from '../dns/metrics.ts';
import { PIPELINE } from '../dns/pipeline.ts';
import type { Zone } from '../dns/zone.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';
import type { DeviceSockets } from '../os/sockets.ts';
import { FORWARDER_OPTIONS, Forwarder, type ForwarderOptions } from './forwarder.ts';
import { makeNameserverCounters } from './metrics.ts';
import { DNS_PORT, type Upstream } from './resolv-conf.ts';
import { type Lookup, Responder } from './responder.ts';
import { type SourceLimits, SourceTable } from './source-table.ts';
import type { TcpLimits } from './tcp-connection.ts';
import { type ConnectionCount, TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';

export interface NameserverDependencies {
  readonly sockets: DeviceSockets;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
}

export interface NameserverOptions {
  /** The interface with the server addresses, which alone is served. */
  readonly device: string;
  readonly port: number;
  readonly sources: SourceLimits;
  readonly tcp: TcpLimits;
  readonly forwarder: ForwarderOptions;
}

export const NAMESERVER_OPTIONS: NameserverOptions = {
  device: 'p6n0',
  port: DNS_PORT,
  sources: { sourcesMax: 8192, questionsPerSecond: 20_000, questionsAtOnce: 40_000 },
  tcp: {
    connectionsMax: 256,
    connectionsPerSourceMax: 16,
    idleMs: 10_000,
    totalMs: 120_000,
    pipelinedMax: 32,
  },
  forwarder: FORWARDER_OPTIONS,
};

/** Two sockets each: as many networks as a host has instances or peers of, and `fdaa::3`. */
export const LISTENERS_MAX = 4096;

interface Listener {
  readonly udp: UdpListener;
  readonly tcp: TcpListener;
}

export class Nameserver implements Stoppable {
  readonly #dependencies: NameserverDependencies;
  readonly #options: NameserverOptions;
  readonly #counters = { ...makeNameserverCounters() };
  readonly #dnsCounters = makeDnsCounters();
  readonly #responder: Responder;
  /** For questions of operators, which are not counted. */
  readonly #operator: Responder;
  readonly #zoneListeners = new Set<() => void>();
  readonly #forwarder: Forwarder;
  readonly #connections: ConnectionCount = { open: 0 };
  readonly #listeners = new Map<Ipv6Address, Listener>();
  /** Changes of the listeners are made one after the other. */
  #lastChange: Promise<void> = Promise.resolve();

  constructor(
    dependencies: NameserverDependencies,
    options: NameserverOptions = NAMESERVER_OPTIONS,
  ) {
    const { clock, logger, random } = dependencies;
    const counters = this.#counters;
    this.#dependencies = dependencies;
    this.#options = options;
    this.#forwarder = new Forwarder({ clock, logger, random, counters }, options.forwarder);
    const sources = new SourceTable(options.sources);
    const forwarder = this.#forwarder;
    const operator = makeAnswerer(random, makeDnsCounters());
    this.#operator = new Responder({ clock, counters, answerer: operator, forwarder, sources });
    this.#responder = new Responder({
      clock,
      counters,
      answerer: makeAnswerer(random, this.#dnsCounters, (bytes) =>
        logger.warn('text of a name is cut', { bytes }),
      ),
      forwarder,
      sources,
    });
  }

  /** From the next question on, answers are of `zone`. Before the first, names are SERVFAIL. */
  setZone(zone: Zone): void {
    this.#responder.setZone(zone);
    this.#operator.setZone(zone);
    for (const listener of [...this.#zoneListeners]) listener();
  }

  /** Calls `listener` after each new zone; returns what ends that. */
  onZone(listener: () => void): () => void {
    this.#zoneListeners.add(listener);
    return () => {
      this.#zoneListeners.delete(listener);
    };
  }

  /** What an instance of `network` would get to the question in `bytes` now, and from whom. */
  lookup(bytes: Uint8Array, network: NetworkId): Promise<Lookup> {
    return this.#operator.lookup(bytes, network);
  }

  /** The servers to ask for names of others, in this order; none, and such names are SERVFAIL. */
  setUpstreams(upstreams: readonly Upstream[]): void {
    this.#forwarder.setUpstreams(upstreams);
  }

  /**
   * Serves exactly `addresses` (`fdaa::3` and `fdaa:N:N::3`) from when the promise resolves. One
   * that cannot be opened rejects it (PORT_TAKEN, SYSTEM, LIMIT_REACHED), after all others were
   * tried.
   */
  setListeners(addresses: readonly Ipv6Address[]): Promise<void> {
    const change = this.#lastChange.then(() => this.#changeListeners(new Set(addresses)));
    this.#lastChange = change.catch(() => undefined);
    return change;
  }

  /** Questions by outcome (dns/metrics.ts) and events (nameserver/metrics.ts), since the start. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.#dnsCounters, ...this.#counters };
  }

  /** The names of the handlers in the order in which they are asked. */
  handlers(): readonly string[] {
    return PIPELINE.map((handler) => handler.name);
  }

  async stop(): Promise<void> {
    this.#forwarder.stop();
    await this.setListeners([]);
  }

  async #changeListeners(wanted: ReadonlySet<Ipv6Address>): Promise<void> {
    for (const [address, listener] of [...this.#listeners]) {
      if (wanted.has(address)) continue;
      this.#listeners.delete(address);
      await Promise.all([listener.udp.stop(), listener.tcp.stop()]);
    }
    const failures: unknown[] = [];
    for (const address of wanted) {
      if (this.#listeners.has(address)) continue;
      try {
        this.#listeners.set(address, await this.#listen(address));
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #listen(address: Ipv6Address): Promise<Listener> {
    const kind = classifyAddress(address);
    assert(kind?.kind === 'nameserver', 'Nameserver: a listener must have a server address');
    if (this.#listeners.size >= LISTENERS_MAX) {
      throw new P6nError(
        'LIMIT_REACHED',
        `Cannot serve names on ${address}: there are ${LISTENERS_MAX} server addresses already`,
      );
    }
    try {
      return await this.#open(address, kind.network);
    } catch (error) {
      throw listenError(error, address, this.#options.port);
    }
  }

  async #open(address: Ipv6Address, network: NetworkId): Promise<Listener> {
    const { sockets, logger } = this.#dependencies;
    const { device, port, tcp: limits } = this.#options;
    const at = { device, address, port };
    const counters = this.#counters;
    const onError = (error: Error): void =>
      logger.warn('name server socket failed', { address, error: error.message });
    const udp = await UdpListener.start(this.#responder, {
      fd: sockets.bindUdp(at),
      drain: (fd, answer) => sockets.drainUdp(fd, answer),
      network,
      counters,
      onError,
    });
    try {
      const fd = sockets.listenTcp(at);
      const connections = this.#connections;
      const options = { fd, network, limits, connections, counters, onError };
      return { udp, tcp: await TcpListener.start(this.#responder, options) };
    } catch (error) {
      await udp.stop();
      throw error;
    }
  }
}

function listenError(error: unknown, address: Ipv6Address, port: number): P6nError {
  if (error instanceof P6nError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const action = `Cannot serve names on [${address}]:${port}: ${message}`;
  if (code !== 'EADDRINUSE') return new P6nError('SYSTEM', action, { cause: error });
  const hint = `Find who has the port: ss -lnp 'sport = :${port}'.`;
  return new P6nError('PORT_TAKEN', action, { hint, cause: error });
}
