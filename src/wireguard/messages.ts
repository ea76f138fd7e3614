// The four messages of WireGuard on the wire (the paper, section 5.4). All integers are little-
// endian; the type is one byte, and the three reserved bytes behind it are zero.
//
//  Initiation, 148 bytes                      Response, 92 bytes
//    0   4  type 1                              0   4  type 2
//    4   4  sender index                        4   4  sender index
//    8  32  ephemeral                           8   4  receiver index
//   40  48  encrypted static (32 + 16)         12  32  ephemeral
//   88  28  encrypted timestamp (12 + 16)      44  16  encrypted nothing (0 + 16)
//  116  16  mac1, over bytes 0-115             60  16  mac1, over bytes 0-59
//  132  16  mac2, over bytes 0-131             76  16  mac2, over bytes 0-75
//
//  Cookie reply, 64 bytes                     Data, 32 bytes or more
//    0   4  type 3                              0   4  type 4
//    4   4  receiver index                      4   4  receiver index
//    8  24  nonce                               8   8  counter
//   32  32  encrypted cookie (16 + 16)         16   n  encrypted packet (n - 16 + 16)

import { AEAD_TAG_BYTES, KEY_BYTES, MAC_BYTES, XNONCE_BYTES } from './crypto/crypto.ts';
import { TAI64N_BYTES } from './tai64n.ts';

export const MessageType = { Initiation: 1, Response: 2, CookieReply: 3, Data: 4 } as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];
/** What messageType() says of bytes that are no message. */
export const NO_MESSAGE = 0;

/** The sender index of types 1 and 2, the receiver index of types 3 and 4. */
export const FIRST_INDEX_OFFSET = 4;

export const INITIATION_SENDER_OFFSET: number = FIRST_INDEX_OFFSET;
export const INITIATION_EPHEMERAL_OFFSET = 8;
export const INITIATION_STATIC_OFFSET: number = INITIATION_EPHEMERAL_OFFSET + KEY_BYTES;
export const INITIATION_TIMESTAMP_OFFSET: number =
  INITIATION_STATIC_OFFSET + KEY_BYTES + AEAD_TAG_BYTES;
export const INITIATION_MAC1_OFFSET: number =
  INITIATION_TIMESTAMP_OFFSET + TAI64N_BYTES + AEAD_TAG_BYTES;
export const INITIATION_BYTES: number = INITIATION_MAC1_OFFSET + 2 * MAC_BYTES;

export const RESPONSE_SENDER_OFFSET: number = FIRST_INDEX_OFFSET;
export const RESPONSE_RECEIVER_OFFSET = 8;
export const RESPONSE_EPHEMERAL_OFFSET = 12;
export const RESPONSE_NOTHING_OFFSET: number = RESPONSE_EPHEMERAL_OFFSET + KEY_BYTES;
export const RESPONSE_MAC1_OFFSET: number = RESPONSE_NOTHING_OFFSET + AEAD_TAG_BYTES;
export const RESPONSE_BYTES: number = RESPONSE_MAC1_OFFSET + 2 * MAC_BYTES;

export const COOKIE_REPLY_RECEIVER_OFFSET: number = FIRST_INDEX_OFFSET;
export const COOKIE_REPLY_NONCE_OFFSET = 8;
export const COOKIE_REPLY_COOKIE_OFFSET: number = COOKIE_REPLY_NONCE_OFFSET + XNONCE_BYTES;
export const COOKIE_REPLY_BYTES: number = COOKIE_REPLY_COOKIE_OFFSET + MAC_BYTES + AEAD_TAG_BYTES;

export const DATA_RECEIVER_OFFSET: number = FIRST_INDEX_OFFSET;
export const DATA_COUNTER_LOW_OFFSET = 8;
export const DATA_COUNTER_HIGH_OFFSET = 12;
export const DATA_HEADER_BYTES = 16;
/** A keepalive: a data message with an empty packet. */
export const KEEPALIVE_BYTES: number = DATA_HEADER_BYTES + AEAD_TAG_BYTES;

/**
 * The type of the message that stands in `length` bytes at `offset`, or NO_MESSAGE when type,
 * reserved bytes and length do not fit together.
 */
export function messageType(
  bytes: Uint8Array,
  offset: number,
  length: number,
): MessageType | typeof NO_MESSAGE {
  if (length < KEEPALIVE_BYTES) return NO_MESSAGE;
  const type = readUint32(bytes, offset);
  if (type === MessageType.Data) return type;
  return lengthOf(type) === length ? (type as MessageType) : NO_MESSAGE;
}

function lengthOf(type: number): number {
  if (type === MessageType.Initiation) return INITIATION_BYTES;
  if (type === MessageType.Response) return RESPONSE_BYTES;
  return type === MessageType.CookieReply ? COOKIE_REPLY_BYTES : -1;
}

/** A little-endian unsigned integer of 32 bits. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! |
      (bytes[offset + 1]! << 8) |
      (bytes[offset + 2]! << 16) |
      (bytes[offset + 3]! << 24)) >>>
    0
  );
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}
