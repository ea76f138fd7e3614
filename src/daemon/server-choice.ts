// Which server of the site a host asks: the one that answered last, else the next one. Hosts begin
// with different ones, so that no server has them all.

import type { HostId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';

export interface SiteServer {
  readonly hostId: HostId;
  readonly name: string;
}

export class ServerChoice {
  readonly #host: HostId;
  readonly #servers: () => readonly SiteServer[];
  /** The one to ask first. */
  #chosen: HostId | undefined;

  constructor(host: HostId, servers: () => readonly SiteServer[]) {
    this.#host = host;
    this.#servers = servers;
  }

  /** All servers, the one to ask first in front. */
  inOrder(): readonly SiteServer[] {
    const servers = [...this.#servers()].sort((a, b) => a.hostId - b.hostId);
    const chosen = servers.findIndex(({ hostId }) => hostId === this.#chosen);
    const first = chosen < 0 ? this.#host % Math.max(1, servers.length) : chosen;
    return [...servers.slice(first), ...servers.slice(0, first)];
  }

  /** Asks one server after the other what may be asked twice, until one answers. */
  async ask<T>(question: (server: HostId) => Promise<T>): Promise<T> {
    let failure = noServer();
    for (const { hostId } of this.inOrder()) {
      try {
        const answer = await question(hostId);
        this.#chosen = hostId;
        return answer;
      } catch (error) {
        if (!isAway(error)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** Goes with the stream of the first server that has one; the next call begins behind it. */
  async *follow<T>(open: (server: HostId) => AsyncIterable<T>): AsyncIterable<T> {
    let failure = noServer();
    for (const { hostId } of this.inOrder()) {
      let hasBegun = false;
      try {
        for await (const event of open(hostId)) {
          hasBegun = true;
          this.#chosen = hostId;
          yield event;
        }
        return;
      } catch (error) {
        // Also where it has answered, and nothing but that it has nothing to tell.
        if (this.inOrder()[0]?.hostId === hostId) this.#chosen = this.inOrder()[1]?.hostId;
        if (hasBegun || !isAway(error)) throw error;
        failure = error;
      }
    }
    throw failure;
  }
}

/** Whether another server may answer what this one has not. */
function isAway(error: unknown): error is P6nError {
  const codes: readonly string[] = [
    ...['SERVER_UNREACHABLE', 'REGISTRY_UNAVAILABLE', 'REGISTRY_EMPTY'],
  ];
  return error instanceof P6nError && codes.includes(error.code);
}

function noServer(): P6nError {
  return new P6nError('SERVER_UNREACHABLE', 'Cannot ask a server: this host knows none');
}
