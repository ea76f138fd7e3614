// Our own handshake while it lasts: it begins with the initiation that we send and ends with the
// response to it, or is given up.

import type { Crypto, PublicKey } from './crypto/crypto.ts';
import { AEAD_TAG_BYTES } from './crypto/crypto.ts';
import { type KeyPair, startHandshake, wipeKeyPair } from './identity.ts';
import type { LongTermKeys } from './long-term-keys.ts';
import {
  INITIATION_EPHEMERAL_OFFSET,
  INITIATION_SENDER_OFFSET,
  INITIATION_STATIC_OFFSET,
  INITIATION_TIMESTAMP_OFFSET,
  MessageType,
  RESPONSE_EPHEMERAL_OFFSET,
  RESPONSE_NOTHING_OFFSET,
  writeUint32,
} from './messages.ts';
import { finishInitiation, initiate } from './noise/initiator.ts';
import type { SymmetricState } from './noise/symmetric-state.ts';
import type { ReceiverIndex } from './session/session.ts';

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
    const { ephemeral, timestamp } = options;
    const { local, remote } = keys;
    const staticStatic = keys.staticStatic();
    const state = startHandshake(crypto, remote);
    const fields =
      staticStatic &&
      initiate(crypto, { state, local, ephemeral, remote, staticStatic, payload: timestamp });
    if (fields === undefined) {
      wipeKeyPair(ephemeral);
      state.wipe();
      return undefined;
    }
    const index = options.claimIndex();
    writeUint32(message, 0, MessageType.Initiation);
    writeUint32(message, INITIATION_SENDER_OFFSET, index);
    message.set(ephemeral.publicKey, INITIATION_EPHEMERAL_OFFSET);
    message.set(fields.sealedStatic, INITIATION_STATIC_OFFSET);
    message.set(fields.sealedPayload, INITIATION_TIMESTAMP_OFFSET);
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
  finish(crypto: Crypto, keys: LongTermKeys, message: Uint8Array): SymmetricState | undefined {
    const state = this.#state.copy();
    const { local, presharedKey } = keys;
    const nothing = finishInitiation(
      crypto,
      { state, local, ephemeral: this.#ephemeral, presharedKey },
      {
        ephemeral: message.slice(RESPONSE_EPHEMERAL_OFFSET, RESPONSE_NOTHING_OFFSET) as PublicKey,
        sealedPayload: message.subarray(
          RESPONSE_NOTHING_OFFSET,
          RESPONSE_NOTHING_OFFSET + AEAD_TAG_BYTES,
        ),
      },
    );
    if (nothing !== undefined) return state;
    state.wipe();
    return undefined;
  }

  wipe(): void {
    wipeKeyPair(this.#ephemeral);
    this.#state.wipe();
  }
}
