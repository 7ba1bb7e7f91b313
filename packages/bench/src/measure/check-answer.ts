import { request } from 'node:http'
import { BenchError } from '../errors.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'

const fetchOnce = (port: number, path: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end()
  })

/**
 * Asks a server once and compares status and bytes with the scenario's, before any clock runs.
 *
 * @throws BenchError `CELERIS_BENCH_ANSWER` naming the difference.
 */
export const checkAnswer = async (
  name: string,
  port: number,
  scenario: Scenario,
): Promise<void> => {
  const { status, body } = await fetchOnce(port, scenario.path)
  if (status === 200 && body === scenario.body) return
  throw new BenchError(
    'CELERIS_BENCH_ANSWER',
    `${name} answers ${scenario.path} with ${status} ${JSON.stringify(body.slice(0, 100))} instead of 200 ${JSON.stringify(scenario.body)}: it is not comparable`,
  )
}
