// `p6nctl doctor`: finds what is wrong with this host, and says why it matters and what to do.

import type { Command, ExitCode } from '../../command.ts';
import { runDoctor } from '../../doctor/examination.ts';
import type { Finding, Level } from '../../doctor/finding.ts';
import { type PatientOptions, patientOf } from '../../doctor/patient.ts';
import { printJson, visible } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

const EXIT_CODES: Readonly<Record<Level, ExitCode>> = { good: 0, warning: 1, problem: 2 };

export type DoctorOptions = PatientOptions & Speech;

/** Resolves with 0 where all is well, 1 with warnings, 2 with problems. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const findings = await runDoctor(await patientOf(options));
  if (options.json) await printJson(options, findings);
  else await options.terminal.out(findings.map(textOf).join(''));
  return Math.max(0, ...findings.map(({ level }) => EXIT_CODES[level])) as ExitCode;
}

function textOf({ check, level, found, why, remedy }: Finding): string {
  const sign = { good: 'ok', warning: 'WARNING', problem: 'PROBLEM' }[level];
  const lines = [`${sign.padEnd(8)} ${check}: ${found}`];
  if (why !== undefined) lines.push(`         why: ${why}`);
  if (remedy !== undefined) lines.push(`         do:  ${remedy}`);
  return lines.map((line) => `${visible(line)}\n`).join('');
}

export const DOCTOR: Command = {
  usage: 'doctor',
  summary: 'Find what is wrong with this host; exits with 0, 1 (warnings) or 2 (problems)',
  options: {
    config: { summary: 'Configuration of p6nd, where p6nd does not run to say it', value: 'FILE' },
    'state-dir': { summary: 'State folder, where p6nd does not run to say it', value: 'FOLDER' },
  },
  run: (context, words) => {
    const [config, stateDir] = [words.optionalText('config'), words.optionalText('state-dir')];
    return doctor({ ...context, config, stateDir });
  },
};
