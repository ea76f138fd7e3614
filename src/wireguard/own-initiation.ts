// Our own handshake while it lasts: it begins with the initiation that we send and ends with the
// response to it, or is given up.

import type { Crypto, PublicKey } from './crypto/crypto.ts';
import { type KeyPair, startHandshake, wipeKeyPair } from './identity.ts';
import type { LongTermKeys } from './long-term-keys.ts';
import {
  INITIATION_EPHEMERAL_OFFSET,
  INITIATION_MAC1_OFFSET,
  INITIATION_SENDER_OFFSET,
  INITIATION_STATIC_OFFSET,
  INITIATION_TIMESTAMP_OFFSET,
  MessageType,
  RESPONSE_EPHEMERAL_OFFSET,
  RESPONSE_MAC1_OFFSET,
  RESPONSE_NOTHING_OFFSET,
  writeUint32,
} from './messages.ts';
import { finishInitiation, initiate } from './noise/initiator.ts';
import type { SymmetricState } from './noise/symmetric-state.ts';
import type { ReceiverIndex } from './session/session.ts';

const EMPTY = new Uint8Array(0);

export interface BeginOptions {
  /** Fresh; taken over. */
  readonly ephemeral: KeyPair;
  readonly timestamp: Uint8Array;
  /** Called once the initiation is certain. */
  readonly claimIndex: () => ReceiverIndex;
}

export class OwnInitiation {
  readonly index: ReceiverIndex;
  readonly #ephemeral: KeyPair;
  readonly #state: SymmetricState;

  /**
   * Writes an initiation over `message`, all but its macs. Undefined when the peer's key has low
   * order.
   */
  static begin(
    crypto: Crypto,
    keys: LongTermKeys,
    options: BeginOptions,
    message: Uint8Array,
  ): OwnInitiation | undefined {
    const { ephemeral, timestamp: payload } = options;
    const { local, remote } = keys;
    const staticStatic = keys.staticStatic();
    const state = startHandshake(crypto, remote);
    const fields = {
      sealedStatic: message.subarray(INITIATION_STATIC_OFFSET, INITIATION_TIMESTAMP_OFFSET),
      sealedPayload: message.subarray(INITIATION_TIMESTAMP_OFFSET, INITIATION_MAC1_OFFSET),
    };
    const isBegun =
      staticStatic !== undefined &&
      initiate({ state, local, ephemeral, remote, staticStatic, payload }, fields);
    if (!isBegun) {
      wipeKeyPair(ephemeral);
      state.wipe();
      return undefined;
    }
    const index = options.claimIndex();
    writeUint32(message, 0, MessageType.Initiation);
    writeUint32(message, INITIATION_SENDER_OFFSET, index);
    message.set(ephemeral.publicKey, INITIATION_EPHEMERAL_OFFSET);
    return new OwnInitiation(index, ephemeral, state);
  }

  private constructor(index: ReceiverIndex, ephemeral: KeyPair, state: SymmetricState) {
    this.index = index;
    this.#ephemeral = ephemeral;
    this.#state = state;
  }

  /**
   * The state that the response in `message` ends the handshake with, ready to be split. Undefined
   * when the response is not a true one; the handshake then waits on.
   */
  finish(keys: LongTermKeys, message: Uint8Array): SymmetricState | undefined {
    const state = this.#state.copy();
    const { local, presharedKey } = keys;
    const ephemeral = message.subarray(RESPONSE_EPHEMERAL_OFFSET, RESPONSE_NOTHING_OFFSET);
    const isTrue = finishInitiation(
      { state, local, ephemeral: this.#ephemeral, presharedKey },
      {
        ephemeral: ephemeral as PublicKey,
        sealedPayload: message.subarray(RESPONSE_NOTHING_OFFSET, RESPONSE_MAC1_OFFSET),
      },
      EMPTY,
    );
    if (isTrue) return state;
    state.wipe();
    return undefined;
  }

  wipe(): void {
    wipeKeyPair(this.#ephemeral);
    this.#state.wipe();
  }
}
