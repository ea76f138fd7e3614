// Joining with a kill -9 of either side between each two steps.

import { describe } from 'node:test';
import type { Step } from '../../src/daemon/steps.ts';
import { testEnrolment, testFounder, testJoiner } from '../e2e/joining-scene.ts';
import { SKIP_REASON } from '../e2e/site.ts';

const JOINER_STEPS: readonly Step[] = [
  'joining-drafted',
  'joining-tunnelled',
  'joining-answered',
  'joining-identified',
];
const SERVER_STEPS: readonly Step[] = [
  'enrolment-recorded',
  'enrolment-installed',
  'enrolment-finished',
];
const FOUNDER_STEPS: readonly Step[] = [
  'founding-drafted',
  'founding-recorded',
  'founding-identified',
];

describe('joining', { skip: SKIP_REASON, timeout: 300_000, concurrency: 2 }, () => {
  for (const step of JOINER_STEPS) testJoiner(step);
  for (const step of SERVER_STEPS) testEnrolment(step);
  for (const step of FOUNDER_STEPS) testFounder(step);
});
