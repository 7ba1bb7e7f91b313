import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from './program.ts'

/** Parses a command line that must be refused, and gives what the user is told. */
const refused = async (...words: string[]): Promise<string> => {
  let told = ''
  const program = createProgram('0.0.0')
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap((one) => one.commands),
  ])
    command.exitOverride().configureOutput({
      writeErr: (text) => {
        told += text
      },
      writeOut: () => {},
    })
  await expect(program.parseAsync(words, { from: 'user' })).rejects.toBeInstanceOf(CommanderError)
  return told
}

describe('celeris-bench', () => {
  it('names the known scenarios when one is unknown', async () => {
    expect(await refused('run', '--scenario', 'helo')).toMatch(
      /"helo" is unknown; known: hello, json/,
    )
  })

  it('names the known servers when one is unknown', async () => {
    expect(await refused('run', '--server', 'nginx')).toMatch(/"nginx" is unknown; known: limit/)
  })

  it('refuses counts that are no numbers or out of range', async () => {
    expect(await refused('run', '--connections', '0')).toMatch(/from 1 to 10000/)
    expect(await refused('run', '--depth', 'many')).toMatch(/from 1 to 64/)
  })

  it('refuses unknown commands, options and groups', async () => {
    expect(await refused('rum')).toMatch(/unknown command 'rum'/)
    expect(await refused('run', '--conections', '1')).toMatch(/Did you mean --connections/)
    expect(await refused('bars', '--only', 'speed')).toMatch(/known: plain/)
  })

  it('refuses a comparison with one side and peers it does not know', async () => {
    expect(await refused('compare', 'HEAD')).toMatch(/missing required argument 'b'/)
    expect(await refused('peers', 'install', 'express')).toMatch(/"express" is unknown/)
  })
})
