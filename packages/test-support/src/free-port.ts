import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the kernel's range for outgoing connections, where one of those could take the port of a
// server that is down for a moment. A bus or service port 10 000 higher stays below 65 536.
const PORT_MIN = 11_000
const PORT_MAX = 32_767

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** A port nobody listens on at the moment: whoever binds it must still be ready to try another. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORT_MIN, PORT_MAX + 1)
    if (await isFree(port)) return port
  }
}
