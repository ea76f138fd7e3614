// Loaded into a p6nd before its own code: its wall clock is off by what the environment says, in
// all of its threads.

const shiftMs = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const { now } = Date;
Date.now = (): number => now() + shiftMs;
