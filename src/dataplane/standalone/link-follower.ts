// Follows the interface: up and down, MTU, another network namespace, deletion.

import type { Millis } from '../../base/clock.ts';
import { asP6nError } from '../../base/errors.ts';
import type { NetworkNews, TunWatch } from '../../os/network-news.ts';
import type { Poller } from '../../os/poller.ts';
import { NEWS_TOKEN } from '../path/tokens.ts';
import { errorText } from '../worker/error-text.ts';
import type { StandaloneEngine } from './engine.ts';
import type { StandaloneEvent } from './messages.ts';

/** Looks without news: they are lost when too many come, and a move makes none where it leads. */
export const REFRESH_MS = 250;

export interface LinkFollowerDependencies {
  readonly engine: Pick<StandaloneEngine, 'isUp' | 'up' | 'down' | 'setMtu'>;
  readonly poller: Pick<Poller, 'add' | 'remove'>;
  readonly watchTun: (descriptor: number) => TunWatch;
}

export class LinkFollower {
  readonly #dependencies: LinkFollowerDependencies;
  readonly #watch: TunWatch;
  readonly #report: (report: StandaloneEvent) => void;
  #linkNews: NetworkNews | undefined;
  #mtu: number | undefined;
  #refreshedAt: Millis | undefined;
  #isGone = false;
  /** Whether the last try to go up failed, which is told once. */
  #hasFailed = false;

  /** `descriptor` is that of the open TUN. */
  constructor(
    dependencies: LinkFollowerDependencies,
    descriptor: number,
    report: (report: StandaloneEvent) => void,
  ) {
    this.#dependencies = dependencies;
    this.#watch = dependencies.watchTun(descriptor);
    this.#report = report;
  }

  refreshIfDue(now: Millis): void {
    if (this.#refreshedAt === undefined || now - this.#refreshedAt >= REFRESH_MS) {
      this.refresh(now);
    }
  }

  takeNews(now: Millis): void {
    if (this.#linkNews?.drain() === true) this.refresh(now);
  }

  refresh(now: Millis): void {
    if (this.#isGone) return;
    this.#refreshedAt = now;
    const { engine } = this.#dependencies;
    // What was told before the look is seen by it; what comes after it is told again.
    const state = this.#watch.read();
    this.#follow(this.#watch.news);
    if (state === undefined) {
      this.#isGone = true;
      this.#report({ type: 'gone' });
      return;
    }
    if (state.mtu !== this.#mtu) engine.setMtu(state.mtu);
    this.#mtu = state.mtu;
    if (state.isUp && !engine.isUp) this.#goUp();
    if (!state.isUp && engine.isUp) {
      engine.down();
      this.#report({ type: 'link', isUp: false, error: undefined });
    }
  }

  close(): void {
    this.#follow(undefined);
    this.#watch.close();
  }

  #goUp(): void {
    try {
      this.#dependencies.engine.up();
      this.#hasFailed = false;
      this.#report({ type: 'link', isUp: true, error: undefined });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const text = errorText(asP6nError(error, 'Cannot bring the interface up'));
      this.#report({ type: 'link', isUp: false, error: text });
    }
  }

  /** The watch closes news of its own when the interface has moved. */
  #follow(news: NetworkNews | undefined): void {
    if (news === this.#linkNews) return;
    const { poller } = this.#dependencies;
    if (this.#linkNews !== undefined) poller.remove(this.#linkNews.descriptor);
    if (news !== undefined) poller.add(news.descriptor, NEWS_TOKEN);
    this.#linkNews = news;
  }
}
