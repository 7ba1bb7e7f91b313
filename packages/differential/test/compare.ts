// Runs many inputs against one server and collects what nobody has explained.
import { setTimeout as wait } from 'node:timers/promises'
import { type ExchangeOptions, exchange, type Verdict } from './exchange.ts'
import { type Disagreement, judge } from './judge.ts'
import { knownDisagreements, type Opponent } from './known-disagreements.ts'
import { type Reading, readConnection } from './model.ts'
import { escaped, type Input, makeInput } from './mutate.ts'

/** Connections at a time. */
const CONNECTIONS = 32
/** How long a peer may say nothing before it is sent FIN: a guess, and a patient one before it is blamed. */
const QUIET_MS = 60
const PATIENT_MS = 1_500
const HUNG_MS = 20_000
/** Then there is no point in going on. */
const UNEXPLAINED_MAX = 5

export interface Comparison {
  readonly inputs: number
  /** Disagreements that are on the list. */
  readonly known: number
  /** One text each: seed, bytes, what the rules say and what the server did. */
  readonly unexplained: readonly string[]
}

export interface ComparisonPlan {
  readonly opponent: Opponent
  readonly port: number
  readonly seed: number
  /** Index of the first input. */
  readonly from: number
  /** Inputs to run, or seconds to run for. */
  readonly rounds: number
  readonly seconds: number | null
}

/** Compares a server with the rules on the inputs of a seed. */
export async function compare(plan: ComparisonPlan): Promise<Comparison> {
  const unexplained: string[] = []
  let index = plan.from
  let known = 0
  const end = plan.seconds === null ? null : performance.now() + plan.seconds * 1_000
  const more = (): boolean =>
    unexplained.length < UNEXPLAINED_MAX &&
    (end === null ? index < plan.from + plan.rounds : performance.now() < end)
  const connection = async (): Promise<void> => {
    while (more()) {
      const at = index++
      const input = makeInput(plan.seed, at)
      const found = await compareOne(plan, input)
      if (found === 'known') known++
      else if (found !== undefined) unexplained.push(report(plan, at, input, found))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  return { inputs: index - plan.from, known, unexplained }
}

interface Unexplained {
  readonly reading: Reading
  readonly verdict: Verdict
  readonly disagreement: Disagreement
}

async function compareOne(
  { opponent, port }: ComparisonPlan,
  input: Input,
): Promise<'known' | Unexplained | undefined> {
  const reading = readConnection(input.text)
  const { outcome } = reading
  const broken = outcome.kind === 'refused' ? (outcome.rule.split(' ')[0] as string) : ''
  // Our own engine closes by itself where the rules say so; of the others nobody knows.
  const trusted = opponent === 'epoll'
  const finAtOnce = trusted && outcome.kind === 'incomplete'
  const attempts: readonly ExchangeOptions[] = trusted
    ? [{ quietMs: undefined, finAtOnce, hungMs: HUNG_MS }]
    : [QUIET_MS, PATIENT_MS].map((quietMs) => ({ quietMs, finAtOnce, hungMs: HUNG_MS }))
  let last: Unexplained | undefined
  for (const options of attempts) {
    // A machine that is busy elsewhere looks like a server that says nothing.
    if (last !== undefined) await wait(QUIET_MS)
    const verdict = await exchange(port, input, options)
    const disagreement = judge(input, reading, verdict)
    if (disagreement === undefined) return undefined
    const facts = { disagreement, reading, input, broken }
    const fits = knownDisagreements.some(
      ({ opponents, matches }) => opponents.includes(opponent) && matches(facts),
    )
    if (fits) return 'known'
    last = { reading, verdict, disagreement }
  }
  return last
}

function report(
  { opponent, seed }: ComparisonPlan,
  index: number,
  input: Input,
  { reading, verdict, disagreement }: Unexplained,
): string {
  const how = `${input.fin ? ', then FIN' : ''}${input.pieces.length > 0 ? `, in pieces of ${input.pieces.join(', ')} bytes` : ''}`
  return [
    `${opponent} leaves the rules: CELERIS_FUZZ_SEED=${seed} CELERIS_FUZZ_INDEX=${index}`,
    `  sent ${escaped(input.text)}${how}`,
    `  rules: ${JSON.stringify(reading.outcome)} behind ${reading.requests.length} request(s)`,
    `  server: ${JSON.stringify({ ...verdict, seen: verdict.seen.length })}`,
    `  ${JSON.stringify(disagreement)}`,
  ].join('\n')
}
