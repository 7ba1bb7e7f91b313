import { InvalidArgumentError } from 'commander'
import { findScenario, type Scenario, scenarios } from '../scenarios/scenario-list.ts'
import { findServerKind, type ServerKind, serverKinds } from '../servers/server-list.ts'

const words = (text: string): string[] => {
  const list = text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  if (list.length === 0) throw new InvalidArgumentError('It names nothing.')
  return list
}

/** Parses names, comma separated, into what they name. */
export const named =
  <T>(find: (name: string) => T | undefined, known: readonly { name: string }[]) =>
  (text: string): T[] =>
    words(text).map((name) => {
      const found = find(name)
      if (found === undefined)
        throw new InvalidArgumentError(
          `"${name}" is unknown; known: ${known.map((one) => one.name).join(', ')}.`,
        )
      return found
    })

/** Parses `hello,json`. */
export const scenarioList: (text: string) => Scenario[] = named(findScenario, scenarios)

/** Parses `limit,celeris-epoll`. */
export const serverList: (text: string) => ServerKind[] = named(findServerKind, serverKinds)

/** Parses one whole number between two bounds. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
    return value
  }

/** Parses `1,64,512`. */
export const numberList =
  (least: number, most: number) =>
  (text: string): number[] =>
    words(text).map(wholeNumber(least, most))
