// A release from end to end that leaves nothing behind: in a copy of the working tree the pending
// changesets are versioned and published to a registry of our own on 127.0.0.1, and what arrived
// there is installed and used in an empty folder.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { buildSteps } from './commands.mjs'
import { inEmptyFolder, useAsStranger } from './gates/stranger.mjs'
import { prebuildHere } from './packs.mjs'
import { nativePackages, publicPackages, readJson, root } from './paths.mjs'
import { run, say, step } from './steps.mjs'
import { ask } from './toolchain.mjs'

const VERDACCIO = '6.2.9'
const START_MS_MAX = 30_000
const INSTALL = ['--no-frozen-lockfile', '--prefer-offline', '--ignore-scripts']
const IDENTITY = ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost']

export async function rehearsal() {
  const built = (await step('build', buildSteps.build)) && (await step('prebuilds', prebuildHere))
  return built && (await step('release rehearsal', rehearse)) ? 0 : 1
}

/** Expects dist and the prebuilt addons of this machine to be there. */
export async function rehearse() {
  const verdaccio = await provideVerdaccio()
  return inEmptyFolder(async (folder) => {
    const copy = join(folder, 'copy')
    copyWorkingTree(copy)
    const registry = await startRegistry(verdaccio, join(folder, 'registry'))
    try {
      const env = publishEnvironment(folder, registry.url)
      return (await versionAndPublish(copy, env)) && (await installed(folder, copy, registry.url))
        ? 0
        : 1
    } finally {
      await registry.stop()
    }
  })
}

async function provideVerdaccio() {
  const folder = join(root, '.tools', `verdaccio-${VERDACCIO}`)
  const program = join(folder, 'node_modules/verdaccio/bin/verdaccio')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  // Verdaccio asks for a tag of node-fetch that not every mirror of the registry serves.
  const manifest = { private: true, overrides: { 'node-fetch': '2.7.0' } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
  const args = ['install', ...flags, '--prefix', folder, `verdaccio@${VERDACCIO}`]
  if ((await run('npm', args, { quiet: true })) !== 0) throw new Error('verdaccio did not install')
  return program
}

/** Tracked and new files, and what a release brings along: dist and prebuilt addons. */
function copyWorkingTree(copy) {
  const listed = ask('git', ['-C', root, 'ls-files', '-z', '-co', '--exclude-standard'])
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(join(root, file)))
  for (const { folder } of publicPackages()) files.push(relative(join(folder, 'dist')))
  for (const { folder } of nativePackages()) files.push(relative(join(folder, 'native/prebuilds')))
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(root, file), join(copy, file), { recursive: true })
  }
}

const relative = (path) => path.slice(root.length + 1)

async function startRegistry(program, folder) {
  const port = await freePort()
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'config.yaml')
  const rules = "{ '**': { access: $all, publish: $all, unpublish: $all } }"
  writeFileSync(
    config,
    `storage: ./storage\nuplinks: {}\npackages: ${rules}\nlog: { type: stdout, level: warn }\n`,
  )
  const listen = `127.0.0.1:${port}`
  const child = spawn(process.execPath, [program, '--config', config, '--listen', listen], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill()
    await exited
  }
  const url = `http://${listen}/`
  const end = performance.now() + START_MS_MAX
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() > end) {
      await stop()
      throw new Error(`the local registry did not start on ${url}`)
    }
    await delay(100)
  }
  return { url, stop }
}

const answers = (url) =>
  fetch(`${url}-/ping`).then(
    (response) => response.ok,
    () => false,
  )

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Every npm and pnpm below sees the local registry only, and no credentials but these. */
function publishEnvironment(folder, url) {
  const userconfig = join(folder, 'npmrc')
  const token = `${url.replace('http:', '')}:_authToken=rehearsal`
  writeFileSync(userconfig, `registry=${url}\n@celeris:registry=${url}\n${token}\n`)
  return {
    npm_config_userconfig: userconfig,
    npm_config_registry: url,
    npm_config_provenance: 'false',
  }
}

async function versionAndPublish(copy, publishing) {
  const inside = (command, args, env = {}) => run(command, args, { cwd: copy, env, quiet: true })
  const pending = readdirSync(join(copy, '.changeset')).filter((file) => file.endsWith('.md'))
  if (pending.every((file) => file === 'README.md')) {
    const names = publicPackages().map(({ manifest }) => `'${manifest.name}': patch`)
    const text = `---\n${names.join('\n')}\n---\n\nA rehearsal.\n`
    writeFileSync(join(copy, '.changeset/rehearsal.md'), text)
  }
  const git = (...args) => inside('git', [...IDENTITY, ...args])
  const commands = [
    () => git('init', '--quiet'),
    () => git('add', '--all'),
    () => git('commit', '--quiet', '--no-verify', '--message', 'rehearsal'),
    () => inside('changeset', ['version']),
    // Links the packages to each other, which turns workspace: ranges into versions on publishing.
    () => inside('pnpm', ['install', '--filter', './packages/*', ...INSTALL]),
    () => git('add', '--all'),
    () => git('commit', '--quiet', '--no-verify', '--message', 'versions'),
    () => inside('changeset', ['publish'], publishing),
  ]
  for (const command of commands) if ((await command()) !== 0) return false
  return true
}

/** Installs by name what was published; true if the versions of the copy arrived and work. */
async function installed(folder, copy, url) {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  const wanted = publicPackages().map((published) =>
    readJson(join(copy, relative(published.folder), 'package.json')),
  )
  const specifiers = wanted.map(({ name, version }) => `${name}@${version}`)
  if (!(await useAsStranger(empty, specifiers, `@celeris:registry=${url}\n`))) return false
  for (const { name, version } of wanted) {
    const before = publicPackages().find(({ manifest }) => manifest.name === name).manifest.version
    say(`  ${name} ${before} -> ${version}`)
  }
  rmSync(empty, { recursive: true, force: true })
  return true
}
