// What becomes of the machine under a data plane: it sleeps, it is cloned, its routes change.

import type { NetworkNews } from '../../os/network-news.ts';
import type { Poller } from '../../os/poller.ts';
import { NEWS_TOKEN } from '../path/tokens.ts';
import { type SleepClocks, SleepGuard } from './sleep-guard.ts';

export interface MachineWatchDependencies {
  /** No session is used again: others may have its keys, or have had the time to. */
  readonly forgetSessions: () => void;
  /** Local addresses of peers are judged anew. */
  readonly routesChanged: () => void;
  readonly clocks: SleepClocks;
  readonly poller: Pick<Poller, 'add' | 'remove'>;
  readonly routeNews: NetworkNews;
  readonly cloneNews: NetworkNews;
}

export class MachineWatch {
  readonly #dependencies: MachineWatchDependencies;
  readonly #guard: SleepGuard;

  constructor(dependencies: MachineWatchDependencies) {
    const { clocks, poller, routeNews, cloneNews } = dependencies;
    this.#dependencies = dependencies;
    this.#guard = new SleepGuard(clocks);
    poller.add(routeNews.descriptor, NEWS_TOKEN);
    poller.add(cloneNews.descriptor, NEWS_TOKEN);
  }

  /** To be called before packets are moved, for none goes by a session of before a sleep. */
  checkSleep(): void {
    if (this.#guard.check()) this.#dependencies.forgetSessions();
  }

  takeNews(): void {
    const { cloneNews, routeNews, forgetSessions, routesChanged } = this.#dependencies;
    if (cloneNews.drain()) forgetSessions();
    if (routeNews.drain()) routesChanged();
  }

  close(): void {
    const { poller, routeNews, cloneNews } = this.#dependencies;
    for (const news of [routeNews, cloneNews]) {
      poller.remove(news.descriptor);
      news.close();
    }
  }
}
