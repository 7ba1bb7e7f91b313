/** Where a server logs; pino has this shape. Each call gets an object of facts and a sentence. */
export interface Logger {
  error(facts: object, message: string): void
  warn(facts: object, message: string): void
  info(facts: object, message: string): void
  debug(facts: object, message: string): void
}

function describe(facts: object): string {
  const error = 'error' in facts ? facts.error : undefined
  const rest = Object.entries(facts).filter(
    ([key, value]) => key !== 'error' && value !== undefined,
  )
  const pairs = rest.map(([key, value]) => `${key}=${String(value)}`).join(' ')
  const cause =
    error instanceof Error
      ? `\n${error.stack ?? String(error)}`
      : error === undefined
        ? ''
        : ` ${String(error)}`
  return `${pairs === '' ? '' : ` (${pairs})`}${cause}`
}

function line(level: string, facts: object, message: string): void {
  process.stderr.write(`celeris ${level}: ${message}${describe(facts)}\n`)
}

const nothing = (): void => {}

/** The default: warnings and errors, one line each, to stderr. */
export const stderrLogger: Logger = {
  error: (facts, message) => line('error', facts, message),
  warn: (facts, message) => line('warning', facts, message),
  info: nothing,
  debug: nothing,
}

/** A logger that cannot hurt: what it throws is ignored (core.md E-2). */
export function guarded(logger: Logger): Logger {
  const call =
    (level: keyof Logger) =>
    (facts: object, message: string): void => {
      try {
        logger[level](facts, message)
      } catch {}
    }
  return { error: call('error'), warn: call('warn'), info: call('info'), debug: call('debug') }
}
