import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const folder = fileURLToPath(new URL('.', import.meta.url))
const children: ChildProcess[] = []

function start(port: string): ChildProcess {
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: folder,
    env: { ...process.env, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function firstLine(stream: ChildProcess['stdout']): Promise<string> {
  const [line] = await once(createInterface({ input: stream as NodeJS.ReadableStream }), 'line')
  return line as string
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

describe('server.mjs', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'prints where and on what it serves, answers, and exits with 0 on %s',
    async (signal) => {
      const child = start('0')
      const line = await firstLine(child.stdout)
      const [, url, engine] = /^Celeris on (\S+), engine (\w+) \(.+\)$/.exec(line) ?? []
      expect(line).toMatch(/^Celeris on http:\/\/localhost:[1-9]\d*, engine (epoll|node) \(.+\)$/)

      const page = await fetch(`${url}/`)
      expect(page.status).toBe(200)
      expect(await page.text()).toContain('<title>Celeris</title>')
      const stats = await (await fetch(`${url}/stats`)).json()
      expect(stats).toMatchObject({ engine: { type: engine } })

      const exit = once(child, 'exit')
      child.kill(signal)
      expect(await exit).toEqual([0, null])
    },
  )

  it.each([
    ['99999', 'port: must be an integer from 0 to 65535'],
    ['abc', 'port: must be an integer from 0 to 65535'],
  ])('says what is wrong with PORT=%s, without a stack', async (port, message) => {
    const child = start(port)
    let text = ''
    child.stderr?.on('data', (chunk) => {
      text += String(chunk)
    })
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    expect(text).toContain(message)
    expect(text).not.toContain('    at ')
  })
})
