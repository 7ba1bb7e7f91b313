import { setTimeout as delay } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { checkAnswer } from '../measure/check-answer.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { type RunningServer, type StartOptions, startServer } from '../servers/start-server.ts'
import type { Target } from '../tools/generator.ts'
import type { Pinning } from '../tools/pinning.ts'

const EXIT_MS = 200

/** Running servers of a command, started when first needed and stopped together. */
export interface ServerPool {
  /** A target for the scenario on that server; `key` tells several processes of one kind apart. */
  target(kind: ServerKind, scenario: Scenario, start?: PoolOptions): Promise<Target>
  /** The process behind a target. */
  running(target: Target): RunningServer | undefined
  /** The same error, with what servers have said that ended or complained. */
  explain(error: unknown): Promise<unknown>
  stopAll(): Promise<void>
}

/** Options of {@link ServerPool.target}. */
export interface PoolOptions extends Omit<StartOptions, 'scenario'> {
  /** Name of the target; the kind's own by default. */
  readonly name?: string
  /** Which process: same key, same process. The target's name by default. */
  readonly key?: string
}

/** Makes an empty pool. */
export const createServerPool = (pinning: Pinning): ServerPool => {
  const servers = new Map<string, RunningServer>()
  return {
    async target(kind, scenario, { name = kind.name, key = name, ...start } = {}) {
      const process = kind.perScenario ? `${key} ${scenario.contentType} ${scenario.body}` : key
      let server = servers.get(process)
      if (!server) {
        server = await startServer(pinning, kind, { ...start, scenario })
        servers.set(process, server)
      }
      await checkAnswer(name, server.port, scenario)
      return { name, pid: server.pid, port: server.port, path: scenario.path, body: scenario.body }
    },
    running: (target) => [...servers.values()].find((server) => server.pid === target.pid),
    async explain(error) {
      if (!(error instanceof BenchError)) return error
      // The connection breaks before the exit is heard of.
      await delay(EXIT_MS)
      const words = [...servers].flatMap(([name, server]) => {
        const said = server.lastWords()
        return said ? [`server ${name}: ${said}`] : []
      })
      if (words.length === 0) return error
      return new BenchError(error.code, [error.message, ...words].join('\n'), { cause: error })
    },
    async stopAll() {
      await Promise.all([...servers.values()].map((server) => server.stop()))
      servers.clear()
    },
  }
}
