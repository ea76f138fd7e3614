// Numbers of the protocol (the WireGuard paper, sections 5.4 and 6) and, apart from them, limits of
// our own.

// The paper's.

/** Name of the Noise construction; the first chaining key is its hash. */
export const CONSTRUCTION = 'Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s';
/** The Noise prologue. */
export const IDENTIFIER = 'WireGuard v1 zx2c4 Jason@zx2c4.com';
export const LABEL_MAC1 = 'mac1----';
export const LABEL_COOKIE = 'cookie--';

/** An initiator that sends with a session of this age begins a new one. */
export const REKEY_AFTER_MS = 120_000;
/** A session of this age neither sends nor receives. */
export const REJECT_AFTER_MS = 180_000;
/** How long a handshake is tried before its staged packets are dropped. */
export const REKEY_ATTEMPT_MS = 90_000;
/** Between two initiations to one peer. */
export const REKEY_TIMEOUT_MS = 5_000;
/** Silence after received data before a keepalive answers it. */
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/** A cookie's secret lives this long, and so does the cookie. */
export const COOKIE_SECRET_MS = 120_000;

/** REKEY_AFTER_MESSAGES, 2^60, by its upper 32 bits; the lower ones are zero. */
export const REKEY_AFTER_MESSAGES_HIGH = 0x1000_0000;
/** REJECT_AFTER_MESSAGES, 2^64 - 2^13 - 1. */
export const REJECT_AFTER_MESSAGES_HIGH = 0xffff_ffff;
export const REJECT_AFTER_MESSAGES_LOW = 0xffff_dfff;

/** Packets are padded with zeros to a multiple of this. */
export const PADDING_BYTES = 16;

// Derived from the paper's, or common to all implementations.

/** Retransmissions of an initiation before the handshake is given up. */
export const HANDSHAKE_RETRIES_MAX: number = REKEY_ATTEMPT_MS / REKEY_TIMEOUT_MS;
/** Jitter of retransmissions, so that two sides that began at once do not stay in step. */
export const REKEY_JITTER_MS_MAX = 333;
/** An initiator that receives with a session of this age begins a new one before it ends. */
export const REKEY_ON_RECEIVE_AFTER_MS: number =
  REJECT_AFTER_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS;
/** Data that nobody answered for this long begins a new handshake. */
export const NEW_HANDSHAKE_MS: number = KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS;
/** All keys of a peer are zeroed this long after the last new session. */
export const ZERO_KEY_MATERIAL_MS: number = 3 * REJECT_AFTER_MS;
/** A cookie is not used in its last seconds: it could expire on the way. */
export const COOKIE_LATENCY_MS = 5_000;
/** A valid initiation that follows another one of the same peer sooner is dropped. */
export const INITIATION_INTERVAL_MS = 20;

// Our own limits.

/** Bits of the ring that remembers received counters. */
export const REPLAY_RING_BITS = 8192;
/** How far behind the greatest counter one may be and still be accepted. */
export const REPLAY_WINDOW = 8128;
