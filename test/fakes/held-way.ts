// A way to a server of TCP that keeps answers back from when it is told to, and can be cut then: so
// that what was asked is done, and who asked does not hear of it.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class HeldWay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #holdsFrom: string | undefined;
  #isHolding = false;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      const target = connect(port, host);
      client.on('data', (bytes) => {
        const starts = this.#holdsFrom !== undefined && bytes.includes(this.#holdsFrom);
        this.#isHolding ||= starts;
        target.write(bytes);
      });
      target.on('data', (bytes) => {
        if (!this.#isHolding) client.write(bytes);
      });
      for (const [one, other] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  /** `target` is HOST:PORT. */
  static async to(target: string): Promise<HeldWay> {
    const [host = '', port] = target.split(':');
    const way = new HeldWay(host, Number(port));
    way.#server.listen(0, '127.0.0.1');
    await once(way.#server, 'listening');
    return way;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** No answer comes back once something with `text` was asked. */
  holdFrom(text: string): void {
    this.#holdsFrom = text;
  }

  /** Ends all connections; new ones are served. */
  cut(): void {
    this.#holdsFrom = undefined;
    this.#isHolding = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
