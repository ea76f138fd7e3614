// By which interface the kernel would send a datagram, asked of rtnetlink(7): one request and its
// answer, which is there when the request has been written.
//
//   struct nlmsghdr    0  4 length   4  2 type   6  2 flags   8  4 sequence   12  4 port
//   struct rtmsg      16  1 family  17  1 bits of target  18  1 bits of source ...  24  4 flags
//   attributes        28  2 length   2 type   data, aligned to 4

import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_FAMILY_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../../base/packet-batch.ts';
import { addressOf, nativeMemory } from '../ffi.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from '../layouts.ts';
import { close, read, trySocket, write } from '../syscalls.ts';

const MESSAGE_BYTES = 4096;
const TYPE_OFFSET = 4;
const FLAGS_OFFSET = 6;
const FAMILY_OFFSET = 16;
const TARGET_BITS_OFFSET = 17;
const SOURCE_BITS_OFFSET = 18;
const ATTRIBUTES_OFFSET = 28;
const ATTRIBUTE_HEADER_BYTES = 4;

const NLM_F_REQUEST = 1;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_MARK = 16;

export class RouteLookup {
  /** Made when it is first asked, in the network namespace that the thread is in. */
  #descriptor: number | undefined;
  readonly #message = nativeMemory(MESSAGE_BYTES);
  readonly #address = addressOf(this.#message);

  /**
   * The index of the interface by which datagrams with the local address of the endpoint at
   * `offset` leave for its place; undefined when there is none, or nobody to ask.
   */
  interfaceFor(endpoints: Uint8Array, offset: number, mark: number): number | undefined {
    this.#descriptor ??= trySocket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (this.#descriptor === undefined) return undefined;
    const length = this.#writeRequest(endpoints, offset, mark);
    if (write(this.#descriptor, this.#address, length) !== length) return undefined;
    const received = read(this.#descriptor, this.#address, MESSAGE_BYTES);
    if (received < ATTRIBUTES_OFFSET) return undefined;
    if (this.#message.readUInt16LE(TYPE_OFFSET) !== RTM_NEWROUTE) return undefined;
    return this.#findInterface(received);
  }

  close(): void {
    if (this.#descriptor !== undefined) close(this.#descriptor);
  }

  #writeRequest(endpoints: Uint8Array, offset: number, mark: number): number {
    const message = this.#message;
    const isIpv4 = endpoints[offset + ENDPOINT_FAMILY_OFFSET] === 4;
    const addressBytes = isIpv4 ? 4 : 16;
    message.fill(0, 0, ATTRIBUTES_OFFSET);
    message.writeUInt16LE(RTM_GETROUTE, TYPE_OFFSET);
    message.writeUInt16LE(NLM_F_REQUEST, FLAGS_OFFSET);
    message[FAMILY_OFFSET] = isIpv4 ? AF_INET : AF_INET6;
    message[TARGET_BITS_OFFSET] = 8 * addressBytes;
    message[SOURCE_BITS_OFFSET] = 8 * addressBytes;
    const part = (from: number, length: number): Uint8Array =>
      endpoints.subarray(offset + from, offset + from + length);
    let end = this.#addAttribute(
      ATTRIBUTES_OFFSET,
      RTA_DST,
      part(ENDPOINT_ADDRESS_OFFSET, addressBytes),
    );
    end = this.#addAttribute(end, RTA_SRC, part(ENDPOINT_LOCAL_OFFSET, addressBytes));
    const scope = part(ENDPOINT_SCOPE_OFFSET, 4);
    if (scope.some((byte) => byte !== 0)) end = this.#addAttribute(end, RTA_OIF, scope);
    if (mark !== 0) {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, mark, true);
      end = this.#addAttribute(end, RTA_MARK, bytes);
    }
    message.writeUInt32LE(end);
    return end;
  }

  /** Returns where the next one begins; all data here is a multiple of 4 bytes. */
  #addAttribute(at: number, type: number, data: Uint8Array): number {
    this.#message.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + data.length, at);
    this.#message.writeUInt16LE(type, at + 2);
    this.#message.set(data, at + ATTRIBUTE_HEADER_BYTES);
    return at + ATTRIBUTE_HEADER_BYTES + data.length;
  }

  #findInterface(end: number): number | undefined {
    const message = this.#message;
    for (let at = ATTRIBUTES_OFFSET; at + ATTRIBUTE_HEADER_BYTES <= end; ) {
      const length = message.readUInt16LE(at);
      if (length < ATTRIBUTE_HEADER_BYTES) return undefined;
      if (message.readUInt16LE(at + 2) === RTA_OIF) {
        return message.readUInt32LE(at + ATTRIBUTE_HEADER_BYTES);
      }
      at += (length + 3) & ~3;
    }
    return undefined;
  }
}
