// Fails when shared C++ or the layout changed since a git revision and no new changeset names every
// native package: each ships its own build of those sources.
//   node scripts/gates/changesets.mjs origin/main
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nativePackages, root } from '../paths.mjs'
import { say } from '../steps.mjs'
import { ask } from '../toolchain.mjs'

const SHARED = /^packages\/engine\/(native\/(include|src)|layout)\//

const [base = 'origin/main'] = process.argv.slice(2)
const diff = (...flags) => {
  const output = ask('git', ['-C', root, 'diff', '--name-only', ...flags, `${base}...HEAD`])
  if (output === undefined) throw new Error(`git cannot compare with ${base}`)
  return output.split('\n').filter(Boolean)
}

const shared = diff().filter((file) => SHARED.test(file))
const changesets = diff('--diff-filter=A').filter((file) => /^\.changeset\/.*\.md$/.test(file))
const named = changesets.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
const unnamed = nativePackages()
  .map(({ manifest }) => manifest.name)
  .filter((name) => !new RegExp(`^['"]?${name}['"]?:`, 'm').test(named))

if (shared.length > 0 && unnamed.length > 0) {
  say(`shared C++ changed (${shared[0]}, …): a changeset must name ${unnamed.join(', ')}`)
  process.exitCode = 1
}
