import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { askRedis, type RedisReply } from './redis-ask.ts'
import { makeCertificates } from './redis-certificates.ts'
import { redisProcess } from './redis-process.ts'

/** What a server for a test has beyond the defaults. */
export interface RedisServerOptions {
  /** Further arguments of the command line, such as `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[]
  /** Further lines of the configuration file, such as `sentinel monitor …`. */
  readonly config?: readonly string[]
  /** Password of the default user. */
  readonly requirepass?: string
  /** Lines of access control, such as `alice on >secret ~* +@all`. */
  readonly users?: readonly string[]
  /** TLS alone on `port`, with a certificate for localhost signed by `ca`. */
  readonly tls?: boolean
  /** Also listens on `path`. */
  readonly unixSocket?: boolean
  /** Keeps each acknowledged write over `kill` and `restart`. Default: nothing is kept. */
  readonly appendonly?: boolean
  /** Default: a free one. */
  readonly port?: number
}

/** A server of its own for a test, on 127.0.0.1. */
export interface RedisServer {
  readonly host: string
  readonly port: number
  /** The Unix socket, if asked for. */
  readonly path?: string
  /** PEM of the authority, with `tls`. */
  readonly ca?: string
  /** Of the running process; a restart changes it. */
  readonly pid: number
  readonly running: boolean
  /** The arguments given, besides those all servers get. */
  readonly args: readonly string[]
  /** One command by the default user, over a connection of its own. */
  readonly command: (...args: readonly (string | number)[]) => Promise<RedisReply>
  /** The last lines of its log. */
  readonly log: () => string
  /** Ends it with a signal (default SIGKILL: as a crash, no farewell) and awaits the end. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>
  /** Kills it if it runs, and starts it again on the same port and data. */
  readonly restart: () => Promise<void>
  /** Stops its clock: connections stay, the kernel accepts new ones, nothing is answered. */
  readonly pause: () => void
  readonly resume: () => void
  /** Kills it and removes its data. May be called again. */
  readonly stop: () => Promise<void>
}

const ATTEMPTS_MAX = 20

/** Whether a server did not start because somebody else has its port. */
export const isPortTaken = (error: unknown): boolean => /address already in use/i.test(`${error}`)

/** Starts redis-server and awaits its first reply. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { args = [], requirepass, users = [], tls = false, unixSocket = false } = options
  const server = redisProcess()
  const host = '127.0.0.1'
  const certificates = tls ? makeCertificates(server.folder) : undefined
  const path = unixSocket ? join(server.folder, 'redis.sock') : undefined
  const config = [
    `bind ${host}`,
    `dir ${server.folder}`,
    'save ""',
    `appendonly ${options.appendonly ? 'yes' : 'no'}`,
    ...(requirepass === undefined ? [] : [`requirepass ${JSON.stringify(requirepass)}`]),
    ...users.map((user) => `user ${user}`),
    ...(path === undefined ? [] : [`unixsocket ${path}`]),
    ...(certificates === undefined
      ? []
      : [
          `tls-cert-file ${certificates.certificateFile}`,
          `tls-key-file ${certificates.keyFile}`,
          `tls-ca-cert-file ${certificates.caFile}`,
          'tls-auth-clients no',
        ]),
    ...(options.config ?? []),
  ]
  let port = 0
  const start = async (): Promise<void> => {
    const listen = tls ? ['port 0', `tls-port ${port}`] : [`port ${port}`]
    await server.start(args, [...listen, ...config])
  }
  const endpoint = () => ({ host, port, password: requirepass, ca: certificates?.ca })
  const handle: RedisServer = {
    host,
    get port() {
      return port
    },
    ...(path === undefined ? {} : { path }),
    ...(certificates === undefined ? {} : { ca: certificates.ca }),
    get pid() {
      return server.pid
    },
    get running() {
      return server.running
    },
    args,
    command: (...command) => askRedis(endpoint(), ...command),
    log: server.log,
    kill: server.kill,
    restart: async () => {
      await server.kill()
      await server.start(args)
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: server.stop,
  }
  try {
    for (let attempt = 1; ; attempt++) {
      port = options.port ?? (await freePort())
      try {
        await start()
        break
      } catch (error) {
        // Somebody else was quicker on a port that was free a moment ago.
        if (options.port !== undefined || attempt === ATTEMPTS_MAX) throw error
        if (!isPortTaken(error)) throw error
      }
    }
    // A refusal for want of a password or rights is an answer too.
    await handle.command('PING').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== undefined) throw error
    })
  } catch (error) {
    await server.stop()
    throw error
  }
  return handle
}
