// Runs an application on every engine and without a socket, so that a feature is tested wherever it exists.
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, vi } from 'vitest'
import { type Logger, Server, type ServerConfig } from '../../src/index.ts'
import { Answer, Wire } from './wire.ts'

export type Subject = 'epoll' | 'node' | 'request'
/** What has sockets. */
export const ENGINES: readonly ('epoll' | 'node')[] = ['epoll', 'node']
/** The same and `app.request()`. */
export const EVERYWHERE: readonly Subject[] = ['epoll', 'node', 'request']

export interface LogLine {
  readonly level: keyof Logger
  readonly facts: { readonly [name: string]: unknown }
  readonly message: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: string | Uint8Array
}

export interface Target {
  readonly app: Server
  readonly subject: Subject
  readonly log: LogLine[]
  /** 0 without a socket. */
  readonly port: number
  ask(path: string, ask?: Ask): Promise<Answer>
  /** A connection that the test drives. */
  connect(): Promise<Wire>
  /** Errors logged so far, as codes or messages. */
  errors(): string[]
}

const cleanups: (() => unknown)[] = []
const uncaught: unknown[] = []
const onUncaught = (error: unknown): void => void uncaught.push(error)

/** Runs at the end of the test, last first. */
export function atEnd(clean: () => unknown): void {
  cleanups.push(clean)
}

// As in production: contexts are reused, which is where mistakes show.
beforeEach(() => {
  vi.stubEnv('NODE_ENV', 'production')
  process.on('unhandledRejection', onUncaught)
  process.on('uncaughtExceptionMonitor', onUncaught)
})

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  await turn()
  process.off('unhandledRejection', onUncaught)
  process.off('uncaughtExceptionMonitor', onUncaught)
  vi.unstubAllEnvs()
  const [first] = uncaught.splice(0)
  if (first !== undefined) throw new Error('nothing may be unhandled', { cause: first })
})

/** A logger that keeps what it is told. */
export function recorder(): { logger: Logger; log: LogLine[] } {
  const log: LogLine[] = []
  const keep =
    (level: keyof Logger) =>
    (facts: object, message: string): void =>
      void log.push({ level, facts: { ...facts }, message })
  return {
    log,
    logger: { error: keep('error'), warn: keep('warn'), info: keep('info'), debug: keep('debug') },
  }
}

export function requestText(path: string, ask: Ask = {}, ...further: string[]): Buffer {
  const { method = 'GET', headers = [], body } = ask
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body as string)
  if (body !== undefined) lines.push(`content-length: ${bytes.length}`)
  const head = [`${method} ${path} HTTP/1.1`, 'host: localhost', ...lines, ...further, '', ''].join(
    '\r\n',
  )
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes])
}

async function askOverSocket(port: number, path: string, ask: Ask): Promise<Answer> {
  const wire = await Wire.open({ port })
  try {
    await wire.send(requestText(path, ask))
    return await wire.answer(ask.method)
  } finally {
    await wire.close()
  }
}

async function askInProcess(app: Server, path: string, ask: Ask): Promise<Answer> {
  const { method = 'GET', headers = [], body } = ask
  const init: RequestInit = { method, headers: headers.map(([name, value]) => [name, value]) }
  if (body !== undefined) init.body = body as string
  const response = await app.request(path, init)
  const { headers: fields, status } = response
  return new Answer(status, [...fields], Buffer.from(await response.arrayBuffer()))
}

/** Starts a server; everything is closed when the test ends. */
export async function serve(
  subject: Subject,
  build: (app: Server) => void,
  config: ServerConfig = {},
): Promise<Target> {
  const { logger, log } = recorder()
  const engine = subject === 'request' ? 'node' : subject
  const app = new Server({ port: 0, host: '127.0.0.1', engine, logger, ...config })
  build(app)
  atEnd(() => app.close({ timeoutMs: 100 }))
  const port = subject === 'request' ? 0 : (await app.listen()).port
  return {
    app,
    subject,
    log,
    port,
    ask: (path, ask = {}) =>
      subject === 'request' ? askInProcess(app, path, ask) : askOverSocket(port, path, ask),
    async connect() {
      const wire = await Wire.open({ port })
      atEnd(() => wire.close())
      return wire
    },
    errors: () =>
      log
        .filter(({ level }) => level === 'error')
        .map(({ facts: { error } }) => (error as { code?: string } | null)?.code ?? String(error)),
  }
}

/** Turns of the event loop until something is true. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** A promise and what settles it. */
export interface Gate<T = void> {
  readonly promise: Promise<T>
  readonly open: (value: T) => void
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => undefined
  const promise = new Promise<T>((resolve) => {
    open = resolve
  })
  return { promise, open }
}
