// What the handle on the main thread and the worker say to each other. Requests go to the worker,
// which takes them between two rounds of its loop; reports come back.

import type { PeerStatus as DevicePeerStatus } from '../../device/config.ts';
import type { CaptureSpec } from '../capture/tap.ts';
import type { ConfigChange } from '../config-diff.ts';
import type { ErrorText } from '../worker/error-text.ts';
import type { ChangeFailure } from './change-failure.ts';

/** Each request that wants an answer has a number of its own. */
export type Request =
  | { readonly type: 'apply'; readonly id: number; readonly change: ConfigChange }
  | { readonly type: 'peers'; readonly id: number }
  /** Undefined ends the capture. */
  | { readonly type: 'capture'; readonly id: number; readonly spec: CaptureSpec | undefined }
  | { readonly type: 'stop' };

export type Answer =
  | { readonly type: 'capture'; readonly id: number }
  | { readonly type: 'applied'; readonly id: number; readonly failures: readonly FailureText[] }
  | { readonly type: 'peers'; readonly id: number; readonly peers: readonly PeerReport[] };

export type Event =
  | { readonly type: 'handshake' | 'silent'; readonly publicKey: string }
  | {
      readonly type: 'roamed';
      readonly publicKey: string;
      readonly endpoint: DevicePeerStatus['endpoint'];
    }
  | { readonly type: 'tun-failed'; readonly tun: number; readonly error: ErrorText };

export interface PeerReport {
  /** Base64. */
  readonly publicKey: string;
  readonly status: DevicePeerStatus;
}

export interface FailureText {
  readonly part: ChangeFailure['part'];
  readonly error: ErrorText;
}
