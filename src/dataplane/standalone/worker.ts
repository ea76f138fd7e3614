// The entry of the worker of a stand-alone interface.

import { asP6nError } from '../../base/errors.ts';
import { watchTun } from '../../os/linux/tun-watch.ts';
import { HOST_TUN } from '../config.ts';
import { type ErrorText, errorText } from '../worker/error-text.ts';
import { runWorker } from '../worker/run-worker.ts';
import { StandaloneEngine, type StandaloneOptions } from './engine.ts';
import { LinkFollower } from './link-follower.ts';
import type { StandaloneAnswer, StandaloneEvent, StandaloneRequest } from './messages.ts';

type AnsweredRequest = Exclude<StandaloneRequest, { type: 'stop' }>;

runWorker<StandaloneOptions, AnsweredRequest, StandaloneAnswer | StandaloneEvent>((machine) => {
  const { dependencies, options, poller, report } = machine;
  const { clock } = dependencies;
  const engine = new StandaloneEngine(dependencies, options);
  const descriptor = engine.pipeline.tuns.get(HOST_TUN)?.descriptor ?? -1;
  const follower = new LinkFollower({ engine, poller, watchTun }, descriptor, report);
  follower.refresh(clock.now());
  return {
    engine,
    port: 0,
    answer: (request) => report(answer(engine, request)),
    onRound: (now) => follower.refreshIfDue(now),
    onTunFailed: () => report({ type: 'gone' }),
    takeNews: () => follower.takeNews(clock.now()),
    close: () => follower.close(),
  };
});

function answer(engine: StandaloneEngine, request: AnsweredRequest): StandaloneAnswer {
  const { type, id } = request;
  if (type === 'state') return { type, id, state: engine.state() };
  return { type: 'changed', id, error: attempt(() => engine.apply(request.change)) };
}

function attempt(action: () => void): ErrorText | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return errorText(asP6nError(error, 'Cannot change the interface'));
  }
}
