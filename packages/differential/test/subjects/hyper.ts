// hyper, the HTTP library of Rust, as Deno embeds it: one program in one npm package per platform,
// 43 MB to download and 96 MB on disk, without an install script.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Subject } from './subject.ts'

const VERSION = '2.9.6'
const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@deno/linux-x64-glibc',
  'linux-arm64': '@deno/linux-arm64-glibc',
  'darwin-x64': '@deno/darwin-x64',
  'darwin-arm64': '@deno/darwin-arm64',
}
const INSTALL_MS_MAX = 180_000
const START_MS_MAX = 30_000

const folder = fileURLToPath(
  new URL('../../../../node_modules/.cache/celeris/deno/', import.meta.url),
)
const server = fileURLToPath(new URL('hyper-server.mjs', import.meta.url))

/** The program, installed on first use, or why there is none. */
export async function provideHyper(): Promise<{ program: string } | { missing: string }> {
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  if (name === undefined) return { missing: `no Deno for ${process.platform}-${process.arch}` }
  const program = join(folder, VERSION, 'node_modules', name, 'deno')
  if (!existsSync(program)) {
    await mkdir(join(folder, VERSION), { recursive: true })
    await writeFile(join(folder, VERSION, 'package.json'), '{ "private": true }\n')
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
    const problem = await run('npm', ['install', ...flags, `${name}@${VERSION}`], {
      cwd: join(folder, VERSION),
      timeout: INSTALL_MS_MAX,
    })
    if (problem !== '') return { missing: `npm could not install ${name}: ${problem}` }
  }
  const problem = await run(program, ['--version'], { cwd: folder, timeout: START_MS_MAX })
  return problem === '' ? { program } : { missing: `Deno does not run here: ${problem}` }
}

/** Empty when the program ended well, else the first lines of what it complained of. */
function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; timeout: number },
): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) =>
      resolve(
        code === 0 ? '' : text.trim().split('\n', 2).join(' ') || `ended by ${signal ?? code}`,
      ),
    )
  })
}

/** Starts the server; it ends with this process at the latest. */
export async function serveHyper(program: string): Promise<Subject> {
  const child = spawn(program, ['run', '--no-config', '--allow-net=127.0.0.1', server], {
    env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const end = (): void => void child.kill()
  process.once('exit', end)
  const [line] = await Promise.race([
    new Promise<[string]>((resolve) =>
      createInterface({ input: child.stdout }).once('line', (text) => resolve([text])),
    ),
    ended.then((): never => {
      throw new Error('Deno ended before it listened')
    }),
  ])
  return {
    port: Number(line),
    async close() {
      process.off('exit', end)
      end()
      await ended
    },
  }
}
