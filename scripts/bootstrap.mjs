// The one entry behind `npm run setup`, `npm start`, `npm test` and the other root scripts. Needs
// nothing but Node and npm: brings pnpm, the dependencies and the environment, then runs a command.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`celeris needs Node 20.19 or newer to be built; this is ${process.versions.node}`)
  process.exit(1)
}

const { prepare } = await import('./prepare.mjs')
const { runCommand } = await import('./commands.mjs')

const [command = 'build', ...args] = process.argv.slice(2)
process.exitCode = (await prepare()) ? await runCommand(command, args) : 1
