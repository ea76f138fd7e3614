// A worker of a data plane, from its start to its end: composes it over the machine, runs its loop
// and answers requests. The one place that chooses the crypto.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Millis } from '../../base/clock.ts';
import { asP6nError } from '../../base/errors.ts';
import { LinuxClock } from '../../os/linux/clock.ts';
import { opensslCrypto } from '../../os/linux/crypto/openssl.ts';
import { openCloneNews, openRouteNews } from '../../os/linux/network-news.ts';
import { LinuxPoller } from '../../os/linux/poller.ts';
import { LinuxRandom } from '../../os/linux/random.ts';
import { nativeSlab, nativeSummedSlab } from '../../os/linux/slab.ts';
import { raiseThreadPriority } from '../../os/linux/thread-priority.ts';
import { openTun } from '../../os/linux/tun.ts';
import { openUdp } from '../../os/linux/udp/udp.ts';
import { LinuxWake } from '../../os/linux/wake.ts';
import type { Poller } from '../../os/poller.ts';
import { NOBLE_CRYPTO } from '../../wireguard/crypto/noble.ts';
import { viewCounters } from '../counters.ts';
import { type LoopEngine, runLoop } from '../path/loop.ts';
import type { EngineDependencies } from '../path/parts.ts';
import { errorText } from './error-text.ts';
import { HandshakeClock } from './handshake-clock.ts';
import { MachineWatch } from './machine-watch.ts';
import type { CommonReport, WorkerData } from './worker-link.ts';

export interface WorkerEngine extends LoopEngine {
  forgetSessions(): void;
  /** Routes of the machine have changed. */
  routesChanged(): void;
  /** Zeroes all keys and closes all descriptors. */
  close(): void;
}

/** What a worker does besides moving packets. */
export interface WorkerProgram<Request> {
  readonly engine: WorkerEngine;
  /** The UDP port, or 0 while there is none. */
  readonly port: number;
  readonly answer: (request: Request) => void;
  readonly onRound: (now: Millis) => void;
  readonly onTunFailed: (tun: number) => void;
  /** Reads what waits at descriptors of its own under NEWS_TOKEN. */
  readonly takeNews?: () => void;
  readonly close?: () => void;
}

export interface WorkerMachine<Options, Report> {
  readonly dependencies: EngineDependencies;
  readonly options: Options;
  readonly poller: Poller;
  readonly report: (report: Report) => void;
}

interface Stop {
  readonly type: 'stop';
}

/** Does nothing outside of a worker thread. */
export function runWorker<Options, Request extends { readonly type: string }, Report>(
  begin: (machine: WorkerMachine<Options, Report>) => WorkerProgram<Request>,
): void {
  if (parentPort === null) return;
  const port = parentPort;
  const { options, ...shared } = workerData as WorkerData<Options>;
  const clock = new LinuxClock();
  const poller = new LinuxPoller();
  const report = (message: Report | CommonReport): void => port.postMessage(message);
  const dependencies = onThisMachine(shared, clock, poller, report);
  let program: WorkerProgram<Request>;
  let watch: MachineWatch;
  try {
    program = begin({ dependencies, options, poller, report });
    const { engine } = program;
    watch = new MachineWatch({
      forgetSessions: () => engine.forgetSessions(),
      routesChanged: () => engine.routesChanged(),
      clocks: clock,
      poller,
      routeNews: openRouteNews(),
      cloneNews: openCloneNews(),
    });
  } catch (error) {
    const text = errorText(asP6nError(error, 'Cannot start the data plane'));
    report({ type: 'not-started', error: text });
    poller.close();
    return;
  }
  const { engine } = program;
  report({ type: 'started', port: program.port, crypto: dependencies.crypto.name });
  raiseThreadPriority();
  runLoop({
    engine,
    poller,
    wake: new LinuxWake(shared.wakeDescriptor),
    clock,
    onWake: () =>
      answerAll(() => receiveMessageOnPort(port)?.message as Request | Stop | undefined, program),
    onWaited: () => watch.checkSleep(),
    onRound: program.onRound,
    onTunFailed: program.onTunFailed,
    onNews: () => {
      watch.takeNews();
      program.takeNews?.();
    },
  });
  watch.close();
  program.close?.();
  engine.close();
  poller.close();
}

function onThisMachine(
  shared: Omit<WorkerData<unknown>, 'options'>,
  clock: LinuxClock,
  poller: Poller,
  report: (report: CommonReport) => void,
): EngineDependencies {
  const timestamps = new HandshakeClock(shared.timestamps, {
    wallNow: () => clock.wallNow(),
    now: () => clock.now(),
  });
  return {
    crypto: opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO,
    random: new LinuxRandom(),
    clock,
    workNow: () => clock.threadNow(),
    timestampNow: () => timestamps.now(),
    allocateSlab: nativeSlab,
    allocateSummedSlab: nativeSummedSlab,
    openTun,
    openUdp,
    poller,
    counters: viewCounters(shared.counters),
    onRefused: (refused) => report({ type: 'offload-refused', refused }),
  };
}

/** Answers the requests that wait; false when one says to stop. */
function answerAll<Request extends { readonly type: string }>(
  next: () => Request | Stop | undefined,
  { answer }: WorkerProgram<Request>,
): boolean {
  for (let request = next(); request !== undefined; request = next()) {
    if (request.type === 'stop') return false;
    answer(request as Request);
  }
  return true;
}
