// News of the machine's network that a test tells.

import type { NetworkNews } from '../../src/os/network-news.ts';

export class FakeNews implements NetworkNews {
  readonly descriptor: number;
  isTold = false;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  drain(): boolean {
    const { isTold } = this;
    this.isTold = false;
    return isTold;
  }

  close(): void {}
}
