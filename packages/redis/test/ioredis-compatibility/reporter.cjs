// A mocha reporter that writes each result at once, so that a run that dies has told what it did.
const { appendFileSync } = require('node:fs')
const { relative } = require('node:path')

class Lines {
  constructor(runner, options) {
    const { output } = options.reporterOptions
    const write = (result) => appendFileSync(output, `${JSON.stringify(result)}\n`)
    const of = (test) => ({ file: relative(process.cwd(), test.file ?? ''), title: titleOf(test) })
    runner.on('pass', (test) => write({ state: 'passed', ...of(test) }))
    runner.on('pending', (test) => write({ state: 'skipped', ...of(test) }))
    runner.on('fail', (test, error) => {
      write({
        state: 'failed',
        ...of(test),
        message: String(error?.stack ?? error).slice(0, 2_000),
      })
    })
    // After a hook of the whole suite has failed, mocha skips the rest and says nothing.
    let isComplete = true
    runner.on('fail', ({ type, parent }) => {
      if (type === 'hook' && parent.root) isComplete = false
    })
    runner.on('end', () => {
      if (isComplete) write({ state: 'end' })
    })
  }
}

const titleOf = (test) => test.titlePath().join(' > ')

module.exports = Lines
