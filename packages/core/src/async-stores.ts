// Keeps what a request puts into an AsyncLocalStorage with enterWith() from the others of its batch.
import { executionAsyncResource } from 'node:async_hooks'

/** Whether a store was entered since `clearStores()`. Read for every request; costs a load until one is. */
export let storesEntered = false

const entered: [resource: object, key: PropertyKey][] = []

/**
 * Behind an object without the property, a prototype hears of it being set: node (up to the version that keeps
 * stores in frames of their own) sets a property of the running resource for every `enterWith()`.
 */
function listening(prototype: object | null): object {
  return new Proxy(Object.create(prototype), {
    set(_target, key, value, receiver: object) {
      entered.push([receiver, key])
      storesEntered = true
      return Reflect.defineProperty(receiver, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    },
  })
}

const plain = listening(Object.prototype)
const guarded = new WeakSet<object>()

/** Prepares a resource of ours, in which batches run again and again. */
export function guardResource(resource: object): void {
  guarded.add(resource)
  Object.setPrototypeOf(resource, listening(Object.getPrototypeOf(resource) as object | null))
}

/** The same for the resource that runs now, if it is an engine's own: a plain object, which nobody else looks at. */
export function guardRunningResource(): void {
  const resource = executionAsyncResource()
  if (guarded.has(resource) || Object.getPrototypeOf(resource) !== Object.prototype) return
  guarded.add(resource)
  Object.setPrototypeOf(resource, plain)
}

/** Takes out what was entered: the next request starts without it. */
export function clearStores(): void {
  storesEntered = false
  for (const [resource, key] of entered.splice(0)) Reflect.deleteProperty(resource, key)
}
