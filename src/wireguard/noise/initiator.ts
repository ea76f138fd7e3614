// The initiator of Noise_IKpsk2 (the Noise Protocol Framework, revision 34, section 7.5):
//
//   <- s
//   ...
//   -> e, es, s, ss, payload       initiate()
//   <- e, ee, se, psk, payload     finishInitiation()
//
// Both return false when the handshake must not go on: a tag was wrong, or a shared secret was all
// zero, which a public key of low order causes. The caller then wipes the state.

import type { PublicKey, SymmetricKey } from '../crypto/crypto.ts';
import type { KeyPair } from '../identity.ts';
import type { SymmetricState } from './symmetric-state.ts';

export interface InitiateOptions {
  /** The state after the prologue and the responder's key; it is taken over. */
  readonly state: SymmetricState;
  readonly local: KeyPair;
  /** Fresh, used for this handshake alone. */
  readonly ephemeral: KeyPair;
  readonly remote: PublicKey;
  /** The shared secret of the two static keys. */
  readonly staticStatic: Uint8Array;
  readonly payload: Uint8Array;
}

/** Where the fields of the first message stand. */
export interface InitiationFields {
  readonly sealedStatic: Uint8Array;
  readonly sealedPayload: Uint8Array;
}

/** Where the fields of the second message stand. */
export interface ResponseFields {
  readonly ephemeral: PublicKey;
  readonly sealedPayload: Uint8Array;
}

/** Writes the first message over `fields`; `options.state` then waits for the second one. */
export function initiate(options: InitiateOptions, fields: InitiationFields): boolean {
  const { state, local, ephemeral, remote } = options;
  state.mixEphemeral(ephemeral.publicKey);
  if (!state.mixSharedSecret(ephemeral.privateKey, remote)) return false;
  state.seal(fields.sealedStatic, local.publicKey);
  state.mixKey(options.staticStatic);
  state.seal(fields.sealedPayload, options.payload);
  return true;
}

export interface FinishOptions {
  /** A copy of the state that initiate() left: it is changed also where the response is false. */
  readonly state: SymmetricState;
  readonly local: KeyPair;
  readonly ephemeral: KeyPair;
  readonly presharedKey: SymmetricKey;
}

/**
 * Writes the payload of the second message over `payload`; `options.state` is then ready to be
 * split.
 */
export function finishInitiation(
  options: FinishOptions,
  fields: ResponseFields,
  payload: Uint8Array,
): boolean {
  const { state, local, ephemeral } = options;
  state.mixEphemeral(fields.ephemeral);
  if (!state.mixSharedSecret(ephemeral.privateKey, fields.ephemeral)) return false;
  if (!state.mixSharedSecret(local.privateKey, fields.ephemeral)) return false;
  state.mixPresharedKey(options.presharedKey);
  return state.open(payload, fields.sealedPayload);
}
