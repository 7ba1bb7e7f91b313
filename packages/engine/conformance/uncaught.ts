import type { Scope } from './scope.ts'

/** Takes the process's uncaught errors for the rest of the case, so that the runner does not see them. */
export function captureUncaught(scope: Scope): Error[] {
  const seen: Error[] = []
  if (process.hasUncaughtExceptionCaptureCallback())
    throw new Error('the process captures uncaught errors already')
  process.setUncaughtExceptionCaptureCallback((error) => seen.push(error))
  scope.onEnd(() => process.setUncaughtExceptionCaptureCallback(null))
  return seen
}
