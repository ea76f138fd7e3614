// A name server with records, as a process: on loopback, where any address may ask. For benchmarks
// and floods. `dns-server.js INSTANCES`; tells its parent the port.

import { randomFillSync } from 'node:crypto';
import type { Clock, Millis, WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { makeAnswerer } from '../../src/dns/answer.ts';
import { makeDnsCounters } from '../../src/dns/metrics.ts';
import { FORWARDER_OPTIONS, Forwarder } from '../../src/nameserver/forwarder.ts';
import { makeNameserverCounters } from '../../src/nameserver/metrics.ts';
import { Responder } from '../../src/nameserver/responder.ts';
import { UdpListener } from '../../src/nameserver/udp-listener.ts';
import { makeInstance, makeZone, RED, SELF } from '../dns/dns-messages.ts';
import { boundPair, UNBOUND_DEVICE_SOCKETS } from '../fakes/device-sockets.ts';

const clock: Clock = {
  now: () => performance.now() as Millis,
  wallNow: () => Date.now() as WallMillis,
};
const random = { fill: (bytes: Uint8Array): void => void randomFillSync(bytes) };
const counters = makeNameserverCounters();
const source = {
  network: RED,
  self: { address: SELF },
  tokens: 1,
  refilledAt: clock.now(),
  connections: 0,
  forwards: 0,
};
const [count = '200'] = process.argv.slice(2);
const responder = new Responder({
  clock,
  answerer: makeAnswerer(random, makeDnsCounters()),
  forwarder: new Forwarder({ clock, logger: SILENT_LOGGER, random, counters }, FORWARDER_OPTIONS),
  sources: { find: () => source, takeQuestion: () => true, chargeAnswer: () => undefined },
  counters,
});
const instances = Array.from({ length: Number(count) }, (_, index) =>
  makeInstance(index + 1, 'ord'),
);
const apps = Object.fromEntries(
  instances.map((instance, index) => [`app${index}`, [instance]] as const),
);
responder.setZone({ networks: new Map([[RED, makeZone({ ...apps, app: instances }, ['ord'])]]) });
const { udp: fd, port } = boundPair('::1');
const listener = await UdpListener.start(responder, {
  fd,
  drain: (one, answer) => UNBOUND_DEVICE_SOCKETS.drainUdp(one, answer),
  network: RED,
  counters,
  onError: (error) => {
    throw error;
  },
});
process.on('message', (what) => {
  if (what === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send?.((user + system) / 1000);
    return;
  }
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ resident: rss, used: heapUsed + external });
});
process.on('disconnect', () => void listener.stop());
process.send?.(port);
