// Loaded into a p6nd before its own code: ends the process as kill -9 does, right after the step
// that the environment names was published.

import { subscribe } from 'node:diagnostics_channel';

const step = process.env['KILL_AT_STEP'];
subscribe('p6n.steps', (message) => {
  if (message === step) process.kill(process.pid, 'SIGKILL');
});
