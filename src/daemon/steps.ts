// The steps of founding and joining as they happen, for whoever watches the process by
// node:diagnostics_channel. Each is published after what it names is done and durable.

import { channel } from 'node:diagnostics_channel';

export type Step =
  /** A joining host has its token and fresh key on disk. */
  | 'joining-drafted'
  /** Its tunnel by the invite's key is up. */
  | 'joining-tunnelled'
  /** A server has recorded the host and used the invite. */
  | 'enrolment-recorded'
  /** That server has installed the host's own key as a peer. */
  | 'enrolment-installed'
  /** The host has the server's answer. */
  | 'joining-answered'
  /** The host has its identity on disk. */
  | 'joining-identified'
  /** The server has dropped the invite. */
  | 'enrolment-finished'
  /** A founding server has its keys on disk. */
  | 'founding-drafted'
  /** Its registry has the site. */
  | 'founding-recorded'
  /** It has its identity on disk. */
  | 'founding-identified'
  /** A server has the key that the site changes to on disk. */
  | 'site-key-drafted'
  /** The registry has it, by the word of the last one. */
  | 'site-key-published'
  /** It has signed all that the last one had signed. */
  | 'site-key-used'
  /** A host has the key that it changes to on disk. */
  | 'host-key-drafted'
  /** All others are ready for it. */
  | 'host-key-acknowledged'
  /** It is the host's key on disk. */
  | 'host-key-switched';

const steps = channel('p6n.steps');

export function publishStep(step: Step): void {
  if (steps.hasSubscribers) steps.publish(step);
}
