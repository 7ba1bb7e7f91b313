import { join } from 'node:path'
import { packageRoot } from '../package-root.ts'
import type { ServerOptions } from '../servers/server-list.ts'
import { type RunningServer, startProcess } from '../servers/start-server.ts'
import type { Pinning } from '../tools/pinning.ts'
import type { WorkloadReport } from './workload-report.ts'

/** Engines that soak and drills run on. */
export const workloadEngines = ['epoll', 'node'] as const

/** One of {@link workloadEngines}. */
export type WorkloadEngine = (typeof workloadEngines)[number]

/** A running workload server. */
export interface WorkloadServer extends RunningServer {
  /** Its counters now. */
  report(): Promise<WorkloadReport>
  /** The same, after a collection of garbage. */
  reportAtRest(): Promise<WorkloadReport>
}

/** Programs of this package that run as processes of their own. */
export const builtProgram = (name: string): string => join(packageRoot, 'dist', `${name}.js`)

/** Starts the workload server on an engine. */
export const startWorkload = async (
  pinning: Pinning,
  engine: WorkloadEngine,
  options: ServerOptions = {},
  sharedBytes = 0,
): Promise<WorkloadServer> => {
  const server = await startProcess(pinning, {
    name: `workload on ${engine}`,
    command: [
      process.execPath,
      '--expose-gc',
      builtProgram('workload-server'),
      JSON.stringify({ engine, ...options }),
      String(sharedBytes),
    ],
    control: true,
  })
  const report = async (message: string) => (await server.ask(message)) as WorkloadReport
  return {
    ...server,
    report: () => report('report'),
    reportAtRest: () => report('gc'),
  }
}
