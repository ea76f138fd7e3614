// What the handle on the main thread and the worker of a stand-alone interface say to each other.
// Requests are answered in order.

import type { ErrorText } from '../worker/error-text.ts';
import type { InterfaceChange, InterfaceState } from './config.ts';

export type StandaloneRequest =
  | { readonly type: 'change'; readonly id: number; readonly change: InterfaceChange }
  | { readonly type: 'state'; readonly id: number }
  | { readonly type: 'stop' };

export type StandaloneAnswer =
  /** `error` is absent when all of it holds. */
  | { readonly type: 'changed'; readonly id: number; readonly error: ErrorText | undefined }
  | { readonly type: 'state'; readonly id: number; readonly state: InterfaceState };

export type StandaloneEvent =
  /** The interface came up or went down; `error` says why it could not. */
  | { readonly type: 'link'; readonly isUp: boolean; readonly error: ErrorText | undefined }
  /** The interface was deleted. */
  | { readonly type: 'gone' };
