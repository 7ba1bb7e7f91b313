// What the tests of failures share: clients that are closed behind the test, and what errors say.
import { type FaultProxy, type RedisServer, startFaultProxy } from '@celeris/test-support'
import { onTestFinished } from 'vitest'
import Redis, { type FailureDetails, type RedisOptions } from '../src/index.ts'

/** Where a client connects to: a server or the proxy before it. */
export type Endpoint = Pick<RedisServer | FaultProxy, 'host' | 'port'>

/** What a command that got no reply rejects with. */
export type Failure = Error & FailureDetails & { readonly code?: string; readonly cause?: unknown }

/** A client that retries at once and is closed behind the test. */
export function clientOf({ host, port }: Endpoint, options: RedisOptions = {}): Redis {
  const redis = new Redis({ host, port, retryStrategy: () => 5, ...options } as object)
  // The connection is broken on purpose.
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

/** A client whose connection is there. */
export async function readyClientOf(endpoint: Endpoint, options?: RedisOptions): Promise<Redis> {
  const redis = clientOf(endpoint, options)
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve))
  return redis
}

/** A proxy before `server`, closed behind the test. */
export async function proxyOf(server: RedisServer): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ port: server.port })
  onTestFinished(() => proxy.stop())
  return proxy
}

/** The error a promise rejects with; rejects if it does not. */
export function failureOf(promise: Promise<unknown>): Promise<Failure> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`)
    },
    (error: Failure) => error,
  )
}
