// What `npm start` runs: listens on PORT or 3000, and drains on SIGTERM and Ctrl-C.
import { createApp } from './app.mjs'

const say = (line) => process.stdout.write(`${line}\n`)

/** A URL that can be clicked: `::` and `0.0.0.0` are every address of this machine. */
function urlOf({ address, port }) {
  const host = address === '::' || address === '0.0.0.0' ? 'localhost' : address
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Why this engine; where it is not the native one, also why not that. */
function reasonOf({ type, reason, candidates }) {
  const native = candidates.find((candidate) => candidate.type === 'epoll')
  return type === 'node' && native !== undefined ? `${reason}; epoll: ${native.reason}` : reason
}

try {
  const app = createApp({ port: Number(process.env.PORT || 3000) })
  const listening = await app.listen()
  say(`Celeris on ${urlOf(listening)}, engine ${listening.engine} (${reasonOf(app.engineInfo())})`)

  let closing = false
  const shutDown = async () => {
    // A second signal does not wait for anybody.
    if (closing) process.exit(1)
    closing = true
    const { drained, cut } = await app.close({ timeoutMs: 10_000 })
    say(`closed: ${drained} connection(s) drained, ${cut} cut`)
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void shutDown())
} catch (error) {
  // A taken port or a bad PORT: the message says what to do, a stack would hide it.
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
