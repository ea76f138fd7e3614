// `p6nctl completion`: what a shell reads to complete the words of p6nctl.

import { P6nError } from '../../../base/errors.ts';
import type { Command } from '../../command.ts';
import { COMPLETION_SCRIPTS, SHELLS } from '../../completion-scripts.ts';

export const COMPLETION: Command = {
  usage: 'completion <shell>',
  summary: `Print the completion script of a shell: ${SHELLS.join(', ')}`,
  run: async ({ terminal }, words) => {
    const text = words.text('shell');
    const shell = SHELLS.find((one) => one === text);
    if (shell === undefined) {
      const known = SHELLS.join(', ');
      throw new P6nError('USAGE', `Cannot complete in "${text}": it is none of ${known}`);
    }
    await terminal.out(COMPLETION_SCRIPTS[shell]);
  },
};
