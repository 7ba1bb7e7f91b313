import { Command } from 'commander'
import { barsCommand } from './bars-command.ts'
import { compareCommand } from './compare-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { drillsCommand } from './drills-command.ts'
import { peersCommand } from './peers-command.ts'
import { redisCommand } from './redis-command.ts'
import { reportCommand } from './report-command.ts'
import { runCommand } from './run-command.ts'
import { selftestCommand } from './selftest-command.ts'
import { soakCommand } from './soak-command.ts'

/** The whole command line. */
export const createProgram = (version: string): Command =>
  new Command('celeris-bench')
    .description(
      'Compares HTTP servers and revisions of celeris: CPU per request, latency and memory as paired ratios',
    )
    .version(version)
    .showHelpAfterError('(celeris-bench --help lists the commands)')
    .addCommand(runCommand())
    .addCommand(barsCommand())
    .addCommand(compareCommand())
    .addCommand(selftestCommand())
    .addCommand(redisCommand())
    .addCommand(soakCommand())
    .addCommand(drillsCommand())
    .addCommand(peersCommand())
    .addCommand(doctorCommand())
    .addCommand(reportCommand())
