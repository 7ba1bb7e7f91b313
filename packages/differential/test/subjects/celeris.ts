import { type Context, Server } from '@celeris/core'
import { SEEN_FIELD } from '../exchange.ts'
import { limits } from '../model.ts'
import { type Subject, seenMark } from './subject.ts'

const silent = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
}

/** A server of ours on the engine of that name. It answers before routing, so any request counts. */
export async function serveCeleris(engine: 'epoll' | 'node'): Promise<Subject> {
  const app = new Server({ port: 0, host: '127.0.0.1', engine, logger: silent, ...limits })
  app.pre(async (c: Context) => {
    const body = Buffer.from(await c.bodyBytes()).toString('latin1')
    const lines = c.rawHeaders
    const fields: [string, string][] = []
    for (let i = 0; i < lines.length; i += 2)
      fields.push([(lines[i] as string).toLowerCase(), lines[i + 1] as string])
    // An absolute-form without a path is shown as sent (PATH-1) and means this (TGT-3).
    const path = c.rawPath || (c.method === 'OPTIONS' && c.rawQuery === '' ? '*' : '/')
    const target = c.rawQuery === '' ? path : `${path}?${c.rawQuery}`
    const seen = { method: c.method, target, host: c.host, fields, body }
    c.setHeader(SEEN_FIELD, seenMark(seen)).text('')
  })
  const { port } = await app.listen()
  return { port, close: async () => void (await app.close({ timeoutMs: 0 })) }
}
