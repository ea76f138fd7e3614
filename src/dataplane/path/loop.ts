// The loop of the data plane: waits in one system call for packets, timers or a wake-up, then moves
// packets until nothing is left or every source has had its share. Nothing else runs on its thread.

import type { Clock, Millis } from '../../base/clock.ts';
import type { Poller } from '../../os/poller.ts';
import type { Wake } from '../../os/wake.ts';
import { moveInbound } from './inbound.ts';
import { moveOutbound, TunState } from './outbound.ts';
import type { Pipeline } from './pipeline.ts';
import { NEWS_TOKEN, socketOf, WAKE_TOKEN } from './tokens.ts';
import { NO_TUN } from './tun-table.ts';

/** Batches that each source moves before timers and wake-ups have their turn. */
const ROUNDS_MAX = 16;
/** The longest wait: a process that exits without stopping its worker waits for it so long. */
const WAIT_MAX_MS = 1000;

/** Pipeline and timers of one data plane. */
export interface LoopEngine {
  readonly pipeline: Pipeline;
  /** Runs the timers that are due. */
  tick(now: Millis): void;
  nextDeadline(): Millis;
}

export interface LoopDependencies {
  readonly engine: LoopEngine;
  readonly poller: Poller;
  readonly wake: Wake;
  readonly clock: Clock;
  /** Called after a wake-up; false ends the loop. */
  readonly onWake: () => boolean;
  /** Called after each wait, before any packet is moved. */
  readonly onWaited: () => void;
  /**
   * Called after each round, before onWake(): what happened to peers is told while their indices
   * are still theirs.
   */
  readonly onRound: (now: Millis) => void;
  /** The TUN cannot be read any more and is not asked again. */
  readonly onTunFailed: (tun: number) => void;
  /** Reads what waits at the descriptors of NEWS_TOKEN. */
  readonly onNews?: () => void;
}

/** Runs until onWake() says to end. */
export function runLoop(dependencies: LoopDependencies): void {
  const { engine, poller, wake, clock, onWake, onRound } = dependencies;
  poller.add(wake.descriptor, WAKE_TOKEN);
  let now = clock.now();
  for (let running = true; running; ) {
    const ready = poller.wait(waitMs(engine.nextDeadline(), now));
    dependencies.onWaited();
    now = clock.now();
    const isAwake = movePackets(dependencies, ready, now);
    // The clock is asked once a turn: what comes due meanwhile is seen in the next one.
    if (engine.nextDeadline() <= now) engine.tick(now);
    onRound(now);
    if (isAwake) {
      wake.clear();
      running = onWake();
    }
  }
  poller.remove(wake.descriptor);
}

function waitMs(deadline: Millis, now: Millis): number {
  return Math.min(WAIT_MAX_MS, Math.max(0, deadline - now));
}

/**
 * Moves one batch of each ready source in turn. Returns whether the wake-up was among them. A
 * source that has more than its share is ready again at the next wait. A TUN that packets were
 * given to is looked at next, without a wait: the kernel answers some of them (echo requests, TCP
 * segments) before the writing of them returns.
 */
function movePackets(dependencies: LoopDependencies, readyCount: number, now: Millis): boolean {
  const { engine, poller } = dependencies;
  const { ready } = poller;
  const { tuns } = engine.pipeline;
  let isAwake = false;
  let left = readyCount;
  for (let round = 0; left > 0 && round < ROUNDS_MAX; round++) {
    let kept = 0;
    for (let i = 0; i < left; i++) {
      const token = ready[i]!;
      if (token === WAKE_TOKEN) isAwake = true;
      else if (moveFrom(dependencies, engine, token, now)) ready[kept++] = token;
    }
    const answering = tuns.takeWritten();
    const isDue = answering !== NO_TUN && kept < ready.length;
    if (isDue && !includes(ready, kept, answering)) ready[kept++] = answering;
    left = kept;
  }
  return isAwake;
}

function includes(tokens: Uint32Array, count: number, token: number): boolean {
  for (let i = 0; i < count; i++) if (tokens[i] === token) return true;
  return false;
}

/** True when more waits. */
function moveFrom(
  { onTunFailed, onNews }: LoopDependencies,
  { pipeline }: LoopEngine,
  token: number,
  now: Millis,
): boolean {
  if (token === NEWS_TOKEN) {
    onNews?.();
    return false;
  }
  const socket = socketOf(token);
  if (socket >= 0) return moveInbound(pipeline, socket, now);
  const state = moveOutbound(pipeline, token, now);
  if (state !== TunState.Failed) return state === TunState.MoreWaits;
  pipeline.tuns.remove(token);
  onTunFailed(token);
  return false;
}
