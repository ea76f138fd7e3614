// The worker's entry for a stand-alone interface: composes its data plane over the machine, runs
// the loop, and follows what becomes of the interface.

import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { asP6nError } from '../../base/errors.ts';
import { LinuxClock } from '../../os/linux/clock.ts';
import { opensslCrypto } from '../../os/linux/crypto/openssl.ts';
import { openCloneNews, openRouteNews } from '../../os/linux/network-news.ts';
import { LinuxPoller } from '../../os/linux/poller.ts';
import { nativeSlab, nativeSummedSlab } from '../../os/linux/slab.ts';
import { openTun } from '../../os/linux/tun.ts';
import { watchTun } from '../../os/linux/tun-watch.ts';
import { openUdp } from '../../os/linux/udp/udp.ts';
import { LinuxWake } from '../../os/linux/wake.ts';
import { SYSTEM_RANDOM } from '../../os/random.ts';
import type { Crypto } from '../../wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../wireguard/crypto/noble.ts';
import { HOST_TUN } from '../config.ts';
import { viewCounters } from '../counters.ts';
import { runLoop } from '../path/loop.ts';
import { type ErrorText, errorText } from '../worker/error-text.ts';
import { HandshakeClock } from '../worker/handshake-clock.ts';
import { SleepGuard } from '../worker/sleep-guard.ts';
import type { CommonReport, WorkerData } from '../worker/worker-link.ts';
import { StandaloneEngine, type StandaloneOptions } from './engine.ts';
import { LinkFollower } from './link-follower.ts';
import type { StandaloneAnswer, StandaloneEvent, StandaloneRequest } from './messages.ts';

type Start = WorkerData<StandaloneOptions>;
type Send = (report: StandaloneAnswer | StandaloneEvent | CommonReport) => void;

if (parentPort !== null) {
  const crypto = opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO;
  runWorker(parentPort, workerData as Start, crypto);
}

function runWorker(port: MessagePort, start: Start, crypto: Crypto): void {
  const send: Send = (report) => port.postMessage(report);
  const clock = new LinuxClock();
  const poller = new LinuxPoller();
  const timestamps = new HandshakeClock(start.timestamps, {
    wallNow: () => clock.wallNow(),
    now: () => clock.now(),
  });
  let engine: StandaloneEngine;
  let follower: LinkFollower;
  try {
    engine = new StandaloneEngine(
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
        onRefused: (refused) => send({ type: 'offload-refused', refused }),
      },
      start.options,
    );
    follower = new LinkFollower(
      { engine, poller, watchTun, routeNews: openRouteNews(), cloneNews: openCloneNews() },
      engine.pipeline.tuns.get(HOST_TUN)?.descriptor ?? -1,
      (link) => send(link),
    );
  } catch (error) {
    send({ type: 'not-started', error: textOf(error) });
    poller.close();
    return;
  }
  send({ type: 'started', port: 0, crypto: crypto.name });
  follower.refresh(clock.now());
  const guard = new SleepGuard(clock);
  runLoop({
    engine,
    poller,
    wake: new LinuxWake(start.wakeDescriptor),
    clock,
    onWake: () => answerAll(engine, port, send),
    onWaited: () => {
      if (guard.check()) engine.forgetSessions();
    },
    onRound: () => follower.refreshIfDue(clock.now()),
    onTunFailed: () => send({ type: 'gone' }),
    onNews: () => follower.takeNews(clock.now()),
  });
  follower.close();
  engine.close();
  poller.close();
}

/** Answers the requests that wait; false when one says to stop. */
function answerAll(engine: StandaloneEngine, port: MessagePort, send: Send): boolean {
  for (;;) {
    const received = receiveMessageOnPort(port) as { readonly message: StandaloneRequest };
    if (received === undefined) return true;
    const request = received.message;
    if (request.type === 'stop') return false;
    const { id } = request;
    if (request.type === 'state') send({ type: 'state', id, state: engine.state() });
    else send({ type: 'changed', id, error: attempt(() => engine.apply(request.change)) });
  }
}

function attempt(action: () => void): ErrorText | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

function textOf(error: unknown): ErrorText {
  return errorText(asP6nError(error, 'Cannot run the interface'));
}
