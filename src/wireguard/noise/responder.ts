// The responder of Noise_IKpsk2 (see initiator.ts for the pattern). Reading the first message takes
// two steps, because only after the first it is known who speaks. All functions say when the
// handshake must not go on; the caller of the later ones then wipes the state.

import { KEY_BYTES, type PublicKey, type SymmetricKey } from '../crypto/crypto.ts';
import type { KeyPair } from '../identity.ts';
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
  state: SymmetricState,
  local: KeyPair,
  remoteEphemeral: PublicKey,
  sealedStatic: Uint8Array,
): OpenedInitiation | undefined {
  state.mixEphemeral(remoteEphemeral);
  const remote = new Uint8Array(KEY_BYTES) as PublicKey;
  const isOpened =
    state.mixSharedSecret(local.privateKey, remoteEphemeral) && state.open(remote, sealedStatic);
  if (isOpened) return { state, remote, remoteEphemeral };
  state.wipe();
  return undefined;
}

/**
 * Reads `ss, payload`, which proves that the sender has the private key of `opened.remote`, and
 * writes the payload over `payload`.
 */
export function openInitiationPayload(
  opened: OpenedInitiation,
  staticStatic: Uint8Array,
  payload: Uint8Array,
  sealedPayload: Uint8Array,
): boolean {
  opened.state.mixKey(staticStatic);
  return opened.state.open(payload, sealedPayload);
}

/**
 * Writes what the second message says besides the ephemeral key over `sealedPayload`;
 * `opened.state` is then ready to be split.
 */
export function respond(
  opened: OpenedInitiation,
  ephemeral: KeyPair,
  presharedKey: SymmetricKey,
  sealedPayload: Uint8Array,
  payload: Uint8Array,
): boolean {
  const { state, remote, remoteEphemeral } = opened;
  state.mixEphemeral(ephemeral.publicKey);
  if (!state.mixSharedSecret(ephemeral.privateKey, remoteEphemeral)) return false;
  if (!state.mixSharedSecret(ephemeral.privateKey, remote)) return false;
  state.mixPresharedKey(presharedKey);
  state.seal(sealedPayload, payload);
  return true;
}
