// Loaded before a code block of the documentation: servers of the block listen on a free port of
// this machine only, and `docs.finish` checks their answers and closes them.
import { Server } from '../../packages/core/dist/index.js'

const listening = new Map()
const { listen } = Server.prototype

Server.prototype.listen = async function (port, host) {
  const elsewhere = typeof port === 'object'
  const bound = await (elsewhere
    ? listen.call(this, port, host)
    : listen.call(this, 0, '127.0.0.1'))
  if (!elsewhere) listening.set(this, `http://127.0.0.1:${bound.port}`)
  return bound
}

async function ask(app, { method, path, headers, body }) {
  const [server = app, base] = [...listening].at(-1) ?? []
  const init = { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) }
  return base === undefined ? server.request(path, init) : fetch(base + path, init)
}

globalThis.docs = {
  async finish(app, checks) {
    for (const check of checks) {
      const answer = await ask(app, check)
      const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`)
      const seen = `${answer.status} \n${lines.join('\n')}\n\n${await answer.text()}`
      if (!seen.startsWith(`${check.status} `) || !seen.includes(check.text)) {
        throw new Error(
          `${check.method} ${check.path}: expected ${check.status} with ${check.text}, got\n${seen}`,
        )
      }
    }
    for (const server of listening.keys()) await server.close({ timeoutMs: 1_000 })
  },
}
