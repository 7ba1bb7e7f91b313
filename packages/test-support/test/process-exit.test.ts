import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { askRedis } from '../src/redis-ask.ts'
import { until } from '../src/until.ts'

const ENDS = {
  'ends by itself': 'process.exit()',
  throws: 'setImmediate(() => { throw new Error() })',
  'is killed': "process.kill(process.pid, 'SIGKILL')",
}

describe('a process that starts a server and does not stop it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'celeris-exit-'))

  beforeAll(async () => {
    const ssr = fileURLToPath(new URL('../src/redis-server.ts', import.meta.url))
    await build({ configFile: false, logLevel: 'silent', build: { ssr, outDir: folder } })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(Object.entries(ENDS))('leaves neither server nor folder when it %s', async (_, end) => {
    const program = `
const { startRedis } = await import(${JSON.stringify(join(folder, 'redis-server.js'))})
const { port, path } = await startRedis({ unixSocket: true })
process.stdout.write(JSON.stringify({ port, path }), () => { ${end} })`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    await once(child, 'close')
    const { port, path } = JSON.parse(output)
    await until('the server is gone', () =>
      askRedis({ host: '127.0.0.1', port }, 'PING').then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      ),
    )
    await until('its folder is gone', () => !existsSync(dirname(path)))
  })
})
