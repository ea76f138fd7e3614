// The worker's entry: composes the data plane over the machine and runs its loop. The one place
// that chooses the crypto.

import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { toBase64 } from '../../base/bytes.ts';
import { asP6nError, P6nError } from '../../base/errors.ts';
import type { PeerIndex } from '../../device/routes.ts';
import { LinuxClock } from '../../os/linux/clock.ts';
import { opensslCrypto } from '../../os/linux/crypto/openssl.ts';
import { openCloneNews, openRouteNews } from '../../os/linux/network-news.ts';
import { LinuxPoller } from '../../os/linux/poller.ts';
import { nativeSlab, nativeSummedSlab } from '../../os/linux/slab.ts';
import { openTun } from '../../os/linux/tun.ts';
import { openUdp } from '../../os/linux/udp/udp.ts';
import { LinuxWake } from '../../os/linux/wake.ts';
import type { NetworkNews } from '../../os/network-news.ts';
import { SYSTEM_RANDOM } from '../../os/random.ts';
import type { Crypto } from '../../wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../wireguard/crypto/noble.ts';
import { viewCounters } from '../counters.ts';
import { runLoop } from '../path/loop.ts';
import { NEWS_TOKEN } from '../path/tokens.ts';
import { errorText } from '../worker/error-text.ts';
import { HandshakeClock } from '../worker/handshake-clock.ts';
import { SleepGuard } from '../worker/sleep-guard.ts';
import type { CommonReport, WorkerData } from '../worker/worker-link.ts';
import { Engine, type EngineOptions } from './engine.ts';
import type { Answer, Event, Request } from './messages.ts';

type Send = (report: Answer | Event | CommonReport) => void;

if (parentPort !== null) {
  const crypto = opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO;
  runWorker(parentPort, workerData as WorkerData<EngineOptions>, crypto);
}

function runWorker(port: MessagePort, start: WorkerData<EngineOptions>, crypto: Crypto): void {
  const clock = new LinuxClock();
  const poller = new LinuxPoller();
  const timestamps = new HandshakeClock(start.timestamps, {
    wallNow: () => clock.wallNow(),
    now: () => clock.now(),
  });
  const report: Send = (message) => port.postMessage(message);
  let engine: Engine;
  let routeNews: NetworkNews;
  let cloneNews: NetworkNews;
  try {
    engine = new Engine(
      {
        crypto,
        random: SYSTEM_RANDOM,
        clock,
        workNow: () => clock.threadNow(),
        timestampNow: () => timestamps.now(),
        allocateSlab: nativeSlab,
        allocateSummedSlab: nativeSummedSlab,
        openTun,
        openUdp,
        poller,
        counters: viewCounters(start.counters),
        onRefused: (refused) => report({ type: 'offload-refused', refused }),
      },
      start.options,
    );
    routeNews = openRouteNews();
    cloneNews = openCloneNews();
  } catch (error) {
    const text = errorText(asP6nError(error, 'Cannot start the data plane'));
    report({ type: 'not-started', error: text });
    poller.close();
    return;
  }
  report({ type: 'started', port: engine.pipeline.udp.port, crypto: crypto.name });
  const guard = new SleepGuard(clock);
  poller.add(routeNews.descriptor, NEWS_TOKEN);
  poller.add(cloneNews.descriptor, NEWS_TOKEN);
  runLoop({
    engine,
    poller,
    wake: new LinuxWake(start.wakeDescriptor),
    clock,
    onWake: () => answerAll(engine, port, report),
    onWaited: () => {
      if (guard.check()) engine.forgetSessions();
    },
    onRound: () => reportPeerEvents(engine, report),
    onTunFailed: (tun) => report(tunFailed(tun)),
    onNews: () => {
      if (routeNews.drain()) engine.pipeline.device.routesChanged();
      if (cloneNews.drain()) engine.forgetSessions();
    },
  });
  engine.close();
  routeNews.close();
  cloneNews.close();
  poller.close();
}

/** Answers the requests that wait; false when one says to stop. */
function answerAll(engine: Engine, port: MessagePort, report: Send): boolean {
  for (;;) {
    const received = receiveMessageOnPort(port) as { readonly message: Request } | undefined;
    if (received === undefined) return true;
    const request = received.message;
    if (request.type === 'stop') return false;
    report(answer(engine, request));
  }
}

function answer(engine: Engine, request: Exclude<Request, { type: 'stop' }>): Answer {
  const { type, id } = request;
  if (type === 'apply') {
    const failures = engine
      .apply(request.change)
      .map(({ part, error }) => ({ part, error: errorText(error) }));
    return { type: 'applied', id, failures };
  }
  const statuses = engine.peers.statuses();
  const peers = statuses.map(({ publicKey, status }) => ({
    publicKey: toBase64(publicKey),
    status,
  }));
  return { type, id, peers };
}

function reportPeerEvents(engine: Engine, report: Send): void {
  const { peers } = engine;
  const { device } = engine.pipeline;
  const keyOf = (peer: PeerIndex): string | undefined => {
    const key = peers.keyOf(peer);
    return key === undefined ? undefined : toBase64(key);
  };
  engine.drainEvents({
    handshakeCompleted: (peer) => {
      const publicKey = keyOf(peer);
      if (publicKey !== undefined) report({ type: 'handshake', publicKey });
    },
    handshakeGivenUp: (peer) => {
      const publicKey = keyOf(peer);
      if (publicKey !== undefined) report({ type: 'given-up', publicKey });
    },
    endpointRoamed: (peer) => {
      const publicKey = keyOf(peer);
      if (publicKey === undefined) return;
      report({ type: 'roamed', publicKey, endpoint: device.peerStatus(peer)?.endpoint });
    },
  });
}

function tunFailed(tun: number): Event {
  const error = new P6nError('SYSTEM', `Cannot read TUN ${tun}: its interface is gone`, {
    hint: 'Its network namespace has ended, or somebody removed the interface.',
  });
  return { type: 'tun-failed', tun, error: errorText(error) };
}
