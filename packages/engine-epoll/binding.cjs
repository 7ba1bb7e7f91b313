'use strict'

const { existsSync } = require('node:fs')
const { join } = require('node:path')

// A function, so that importing the package never throws: loading may.
module.exports = () => {
  const moved = process.env.CELERIS_NATIVE_DIR
  if (moved) {
    const file = join(moved, 'engine-epoll', 'celeris.node')
    if (existsSync(file)) return require(file)
  }
  return require('node-gyp-build')(join(__dirname, 'native'))
}
