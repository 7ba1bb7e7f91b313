import type { SoakReport } from '../soak/run-soak.ts'
import { formatNumber } from './format.ts'
import { drawTable } from './table.ts'

/** A soak as text: who came, what was found at the end, and the first wrong replies. */
export const soakText = ({
  tallies,
  checks,
  failures,
  restMiB,
  elapsedSec,
  plan,
}: SoakReport): string => {
  const crowd = drawTable({
    head: ['clients', 'number', 'visits', 'replies compared', 'wrong'],
    rows: tallies.map(({ name, clients, visits, replies, failures }) => [
      name,
      String(clients),
      formatNumber(visits),
      formatNumber(replies),
      String(failures),
    ]),
  })
  const end = drawTable({
    head: ['at the end', 'found', 'bound', ''],
    rows: checks.map(({ name, found, bound, ok }) => [name, found, bound, ok ? 'ok' : 'FAILED']),
    words: [3],
  })
  const rests = restMiB.map((value) => value.toFixed(0)).join(', ')
  return [
    `engine ${plan.engine}, seed ${plan.seed}, ${elapsedSec.toFixed(0)} s\n`,
    crowd,
    '',
    end,
    `\nRSS at rest, before and after each part: ${rests} MiB`,
    ...failures.map((failure) => `wrong: ${failure}`),
    '',
  ].join('\n')
}
