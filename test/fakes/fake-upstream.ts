// An upstream name server on ::1 (or another address), over UDP and TCP on one port, that says what
// a test tells it to.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { Packet, type Resource } from 'dns2';
import { withLength } from '../../src/nameserver/exchange.ts';
import type { Upstream } from '../../src/nameserver/resolv-conf.ts';
import { boundPair } from './device-sockets.ts';

/** What is said to a question: a reply, or bytes as they are, or nothing. */
export type Script = (asked: Packet, transport: 'udp' | 'tcp') => Packet | Buffer | undefined;

export class FakeUpstream {
  /** What was asked, in order: `udp Example.com`. */
  readonly asked: string[] = [];
  readonly ids: number[] = [];
  readonly ports: number[] = [];
  script: Script;
  readonly #udp: Socket = createSocket('udp6');
  readonly #tcp: Server = createServer();
  #port = 0;

  constructor(script: Script) {
    this.script = script;
  }

  static async start(script: Script): Promise<FakeUpstream> {
    const fake = new FakeUpstream(script);
    const { tcp, udp, port } = boundPair('::1');
    fake.#port = port;
    const listening = [once(fake.#tcp, 'listening'), once(fake.#udp, 'listening')];
    fake.#tcp.listen({ fd: tcp });
    fake.#udp.bind({ fd: udp });
    await Promise.all(listening);
    fake.#udp.on('message', (bytes, remote) => {
      fake.ports.push(remote.port);
      const reply = fake.#reply(bytes, 'udp');
      if (reply !== undefined) fake.#udp.send(reply, remote.port, remote.address);
    });
    fake.#tcp.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (bytes) => {
        const reply = fake.#reply(bytes.subarray(2), 'tcp');
        if (reply === undefined) socket.destroy();
        else socket.end(withLength(reply));
      });
    });
    return fake;
  }

  get upstream(): Upstream {
    return { address: '::1', port: this.#port };
  }

  async stop(): Promise<void> {
    this.#tcp.close();
    this.#udp.close();
    await Promise.all([once(this.#tcp, 'close'), once(this.#udp, 'close')]);
  }

  #reply(bytes: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined {
    const packet = Packet.parse(bytes);
    this.asked.push(`${transport} ${packet.questions[0]?.name}`);
    this.ids.push(packet.header.id);
    const reply = this.script(packet, transport);
    return reply instanceof Packet ? reply.toBuffer() : reply;
  }
}

/** A reply to `asked` with `answers` (their owner is the question's name) and header fields. */
export function replyTo(
  asked: Packet,
  answers: readonly Partial<Resource>[],
  header: Readonly<Record<string, number>> = {},
): Packet {
  const reply = Packet.createResponseFromRequest(asked);
  Object.assign(reply.header, { ra: 1 }, header);
  const name = asked.questions[0]?.name ?? '';
  reply.answers = answers.map((one) => new Packet.Resource({ name, class: 1, ttl: 60, ...one }));
  return reply;
}

/** A reply with one A record. */
export function addressReply(asked: Packet, address = '192.0.2.1', ttl = 60): Packet {
  return replyTo(asked, [{ type: Packet.TYPE.A, address, ttl }]);
}
