// OpenTelemetry's instrumentation of ioredis sees the commands of our class: it wraps `sendCommand`
// of the module `ioredis` when that is first required, which in a program is before ours.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { afterAll, beforeAll, expect, it } from 'vitest'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const PROGRAM = `
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { IORedisInstrumentation } = require('@opentelemetry/instrumentation-ioredis')
const {
  BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-base')
const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const instrumentation = new IORedisInstrumentation({ requireParentSpan: false })
registerInstrumentations({ tracerProvider, instrumentations: [instrumentation] })

const Redis = require(process.env.CLIENT)
async function work() {
  const redis = new Redis(process.env.REDIS_URL)
  await redis.set('traced', '1')
  const values = await Promise.all([redis.get('traced'), redis.incr('traced')])
  await redis.pipeline().get('traced').del('traced').exec()
  const failed = await redis.call('NONSENSE').catch((error) => error.message)
  const seen = exporter.getFinishedSpans().map(({ name, status }) => [name, status.code])
  exporter.reset()
  instrumentation.disable()
  await redis.get('traced')
  await redis.quit()
  console.log(JSON.stringify({ values, failed, seen, after: exporter.getFinishedSpans().length }))
}
work()
`

async function run(client: string): Promise<{ seen: [string, number][]; after: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', PROGRAM], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      CLIENT: client,
      REDIS_URL: `redis://${server.host}:${server.port}`,
    },
    timeout: 25_000,
  })
  return JSON.parse(stdout)
}

it('gives the spans that ioredis gives while OpenTelemetry wraps it, none after (LEAN-4)', async () => {
  const ours = await run('@celeris/redis')
  expect(ours.seen.map(([name]) => name)).toEqual(
    expect.arrayContaining(['set', 'get', 'incr', 'del', 'NONSENSE']),
  )
  expect(ours.after).toBe(0)
  expect(ours).toEqual(await run('ioredis'))
})
