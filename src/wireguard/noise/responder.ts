// The responder of Noise_IKpsk2 (see initiator.ts for the pattern). Reading the first message takes
// two steps, because only after the first it is known who speaks. All functions return undefined
// when the handshake must not go on; the caller of the later ones then wipes the state.

import { wipe } from '../../base/bytes.ts';
import type { Crypto, PublicKey, SymmetricKey } from '../crypto/crypto.ts';
import type { KeyPair } from '../identity.ts';
import type { ResponseFields } from './initiator.ts';
import type { SymmetricState } from './symmetric-state.ts';

/** A first message whose sender is known by name, but has not proved it. */
export interface OpenedInitiation {
  readonly state: SymmetricState;
  readonly remote: PublicKey;
  readonly remoteEphemeral: PublicKey;
}

/**
 * Reads `e, es, s`. `state` is the one after the prologue and our own key; it is taken over, and
 * wiped when the message is false.
 */
export function openInitiation(
  crypto: Crypto,
  state: SymmetricState,
  local: KeyPair,
  remoteEphemeral: PublicKey,
  sealedStatic: Uint8Array,
): OpenedInitiation | undefined {
  state.mixEphemeral(remoteEphemeral);
  const secret = crypto.diffieHellman(local.privateKey, remoteEphemeral);
  if (secret !== undefined) {
    state.mixKey(secret);
    wipe(secret);
    const remote = state.open(sealedStatic);
    if (remote !== undefined) return { state, remote: remote as PublicKey, remoteEphemeral };
  }
  state.wipe();
  return undefined;
}

/** Reads `ss, payload`, which proves that the sender has the private key of `opened.remote`. */
export function openInitiationPayload(
  opened: OpenedInitiation,
  staticStatic: Uint8Array,
  sealedPayload: Uint8Array,
): Uint8Array | undefined {
  opened.state.mixKey(staticStatic);
  return opened.state.open(sealedPayload);
}

/** The fields of the second message; `opened.state` is then ready to be split. */
export function respond(
  crypto: Crypto,
  opened: OpenedInitiation,
  ephemeral: KeyPair,
  presharedKey: SymmetricKey,
  payload: Uint8Array,
): ResponseFields | undefined {
  const { state } = opened;
  state.mixEphemeral(ephemeral.publicKey);
  for (const theirs of [opened.remoteEphemeral, opened.remote]) {
    const secret = crypto.diffieHellman(ephemeral.privateKey, theirs);
    if (secret === undefined) return undefined;
    state.mixKey(secret);
    wipe(secret);
  }
  state.mixPresharedKey(presharedKey);
  return { ephemeral: ephemeral.publicKey, sealedPayload: state.seal(payload) };
}
