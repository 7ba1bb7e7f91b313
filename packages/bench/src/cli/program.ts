import { Command } from 'commander'
import { compareCommand } from './compare-command.ts'
import { peersCommand } from './peers-command.ts'
import { runCommand } from './run-command.ts'
import { selftestCommand } from './selftest-command.ts'

/** The whole command line. */
export const createProgram = (version: string): Command =>
  new Command('celeris-bench')
    .description(
      'Compares HTTP servers and revisions of celeris: CPU per request, latency and memory as paired ratios',
    )
    .version(version)
    .showHelpAfterError('(celeris-bench --help lists the commands)')
    .addCommand(runCommand())
    .addCommand(compareCommand())
    .addCommand(selftestCommand())
    .addCommand(peersCommand())
