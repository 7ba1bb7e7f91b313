import { Command } from 'commander'
import { serverNamed } from '../compare/compare-plan.ts'
import { selftest } from '../compare/selftest.ts'
import { compareCells, compareHead } from '../report/compare-table.ts'
import { drawTable } from '../report/table.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { createWorkbench } from '../workbench.ts'
import { serverList } from './arguments.ts'

const chooseServer = async (wanted: readonly ServerKind[] | undefined): Promise<ServerKind> => {
  if (wanted?.[0]) return wanted[0]
  const ours = serverNamed('celeris-epoll')
  return 'version' in (await ours.availability()) ? ours : serverNamed('node-http')
}

const run = async (flags: { server?: readonly ServerKind[] }): Promise<void> => {
  const bench = await createWorkbench()
  const rows = await selftest(bench, await chooseServer(flags.server))
  const cells = rows.map(({ planted, found, passed }) => [
    planted,
    ...compareCells(found),
    passed ? 'as it should' : 'WRONG',
  ])
  process.stdout.write(
    `${drawTable({ head: ['planted', ...compareHead, 'compare says'], rows: cells })}\n`,
  )
  if (rows.length < 2 || rows.some(({ passed }) => !passed)) process.exitCode = 1
}

/** `celeris-bench selftest`: does `compare` see what it should, and only that? */
export const selftestCommand = (): Command =>
  new Command('selftest')
    .description('A against A must show no difference, a planted 5 % of CPU must be flagged')
    .option(
      '--server <name>',
      'the server it is tried on (celeris-epoll where built, else node-http)',
      serverList,
    )
    .action(run)
