// Loaded into a p6nd before its own code: ends the process as kill -9 does, or by the signal that
// the environment names, right after the step that the environment names was published.

import { subscribe } from 'node:diagnostics_channel';

const step = process.env['KILL_AT_STEP'];
const signal = process.env['KILL_SIGNAL'] ?? 'SIGKILL';
subscribe('p6n.steps', (message) => {
  if (message === step) process.kill(process.pid, signal);
});
