import { getSystemErrorName } from 'node:util'

/** The errno name of an error thrown by the addon, undefined for any other error. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number')
    return undefined
  return getSystemErrorName(-error.errno)
}
