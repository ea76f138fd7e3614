// The initiator of Noise_IKpsk2 (the Noise Protocol Framework, revision 34, section 7.5):
//
//   <- s
//   ...
//   -> e, es, s, ss, payload       initiate()
//   <- e, ee, se, psk, payload     finishInitiation()
//
// Both return undefined when the handshake must not go on: a tag was wrong, or a shared secret was
// all zero, which a public key of low order causes. The caller then wipes the state.

import { wipe } from '../../base/bytes.ts';
import type { Crypto, PublicKey, SymmetricKey } from '../crypto/crypto.ts';
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

export interface InitiationFields {
  readonly sealedStatic: Uint8Array;
  readonly sealedPayload: Uint8Array;
}

export interface ResponseFields {
  readonly ephemeral: PublicKey;
  readonly sealedPayload: Uint8Array;
}

/** The fields of the first message; `options.state` then waits for the second one. */
export function initiate(crypto: Crypto, options: InitiateOptions): InitiationFields | undefined {
  const { state, local, ephemeral, remote } = options;
  state.mixEphemeral(ephemeral.publicKey);
  const secret = crypto.diffieHellman(ephemeral.privateKey, remote);
  if (secret === undefined) return undefined;
  state.mixKey(secret);
  wipe(secret);
  const sealedStatic = state.seal(local.publicKey);
  state.mixKey(options.staticStatic);
  const sealedPayload = state.seal(options.payload);
  return { sealedStatic, sealedPayload };
}

export interface FinishOptions {
  /** A copy of the state that initiate() left: it is changed also where the response is false. */
  readonly state: SymmetricState;
  readonly local: KeyPair;
  readonly ephemeral: KeyPair;
  readonly presharedKey: SymmetricKey;
}

/** The payload of the second message; `options.state` is then ready to be split. */
export function finishInitiation(
  crypto: Crypto,
  options: FinishOptions,
  fields: ResponseFields,
): Uint8Array | undefined {
  const { state, local, ephemeral } = options;
  state.mixEphemeral(fields.ephemeral);
  for (const own of [ephemeral, local]) {
    const secret = crypto.diffieHellman(own.privateKey, fields.ephemeral);
    if (secret === undefined) return undefined;
    state.mixKey(secret);
    wipe(secret);
  }
  state.mixPresharedKey(options.presharedKey);
  return state.open(fields.sealedPayload);
}
