// How often followers are told. To tell one is a write to a socket, the largest part of what a
// change costs a server, and what comes together is one write: so the more followers a round of
// telling has woken, the longer the next one gathers. A change by itself is told at once, on a site
// of any size.

/** Milliseconds between two rounds. */
const PAUSE_MIN_MS = 10;
/** What a name may be late by in a storm of changes. */
const PAUSE_MAX_MS = 100;
/** Of this a write takes some tenth. */
const PAUSE_PER_FOLLOWER_MS = 0.2;

/** How long after a round that has told so many `followers` the next one may begin. */
export function pauseAfterTelling(followers: number): number {
  return Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, followers * PAUSE_PER_FOLLOWER_MS));
}
