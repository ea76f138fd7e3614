// What the handle on the main thread and the worker of a stand-alone interface say to each other.
// Requests are answered in order.

import type { RefusedOffload } from '../../os/offloads.ts';
import type { ErrorText } from '../messages.ts';
import type { InterfaceChange, InterfaceState } from './config.ts';
import type { StandaloneOptions } from './engine.ts';

/** Given to the worker when it is made. */
export interface StandaloneStart {
  readonly options: StandaloneOptions;
  readonly counters: SharedArrayBuffer;
  /** Of a HandshakeClock. */
  readonly timestamps: SharedArrayBuffer;
  /** An eventfd that the worker waits for besides packets. */
  readonly wakeDescriptor: number;
}

export type StandaloneRequest =
  | { readonly type: 'change'; readonly id: number; readonly change: InterfaceChange }
  | { readonly type: 'state'; readonly id: number }
  | { readonly type: 'stop' };

export type StandaloneReport =
  | { readonly type: 'started'; readonly crypto: string }
  | { readonly type: 'not-started'; readonly error: ErrorText }
  /** `error` is absent when all of it holds. */
  | { readonly type: 'changed'; readonly id: number; readonly error: ErrorText | undefined }
  | { readonly type: 'state'; readonly id: number; readonly state: InterfaceState }
  /** The interface came up or went down; `error` says why it could not. */
  | { readonly type: 'link'; readonly isUp: boolean; readonly error: ErrorText | undefined }
  | { readonly type: 'offload-refused'; readonly refused: RefusedOffload }
  /** The interface was deleted. */
  | { readonly type: 'gone' };
