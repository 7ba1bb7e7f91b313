import { Command } from 'commander'
import { runChecks } from '../doctor/checks.ts'
import { drawTable } from '../report/table.ts'

const doctor = async (): Promise<void> => {
  const checks = await runChecks()
  const rows = checks.map(({ name, state, found }) => [name, state, found.split('\n', 1)[0] ?? ''])
  process.stdout.write(`${drawTable({ head: ['', 'state', 'found'], rows, words: [1, 2] })}\n`)
  const cures = checks.filter(({ cure }) => cure).map(({ name, cure }) => `- ${name}: ${cure}`)
  if (cures.length) process.stdout.write(`\nWhat to do:\n${cures.join('\n')}\n`)
  if (checks.some(({ state }) => state === 'missing')) process.exitCode = 1
}

/** `celeris-bench doctor`: what this machine lacks, before a run wastes time. */
export const doctorCommand = (): Command =>
  new Command('doctor')
    .description(
      'what this machine lacks for clean figures, and how to get it; exit code 1 when nothing can be measured',
    )
    .action(doctor)
