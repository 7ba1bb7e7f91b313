// A handler that reads every body to its end and answers then, as a handler of core would.
import {
  COMMAND_CONTINUE,
  COMMAND_READ_ON,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  REQUEST_FLAG_EXPECT_CONTINUE,
} from '@celeris/engine/layout'
import type { SeenEvent, SeenRequest } from './batch-reader.ts'
import type { Handlers } from './reference-dispatch.ts'
import type { RequestName, ResponseWriter } from './response-writer.ts'

/** Says that an answer came from the handler, not from the engine. */
export const HANDLER_LINE = 'x-handler: yes'

const keyOf = ({ slot, generation, sequence }: RequestName): string =>
  `${slot} ${generation} ${sequence}`

/** Answers with the body as it was read, or with the status of its failure. */
export function collectBodies(
  answer: (request: SeenRequest, body: Buffer, write: ResponseWriter) => void = answerBody,
): Handlers & { bodies: Map<string, Buffer> } {
  const open = new Map<string, { request: SeenRequest; parts: Buffer[] }>()
  const bodies = new Map<string, Buffer>()
  const finish = (request: SeenRequest, body: Buffer, write: ResponseWriter): void => {
    bodies.set(`${request.method} ${request.path}`, body)
    answer(request, body, write)
  }
  return {
    bodies,
    onRequest(request, write) {
      if (request.body !== null) return finish(request, request.body, write)
      open.set(keyOf(request), { request, parts: [] })
      const expects = (request.flags & REQUEST_FLAG_EXPECT_CONTINUE) !== 0
      write.command(request, expects ? COMMAND_CONTINUE : COMMAND_READ_ON)
    },
    onEvent(event: SeenEvent, write) {
      const reading = open.get(keyOf(event))
      if (reading === undefined) return
      if (event.kind === EVENT_KIND_BODY_BYTES) reading.parts.push(event.bytes)
      if (event.kind === EVENT_KIND_BODY_END) {
        open.delete(keyOf(event))
        finish(reading.request, Buffer.concat(reading.parts), write)
      }
      if (event.kind === EVENT_KIND_BODY_ERROR) {
        open.delete(keyOf(event))
        write.answer(reading.request, {
          status: event.code,
          phrase: 'Body',
          extra: [HANDLER_LINE],
          omitBody: reading.request.method === 'HEAD',
        })
      }
    },
  }
}

function answerBody(request: SeenRequest, body: Buffer, write: ResponseWriter): void {
  write.answer(request, { body, extra: [HANDLER_LINE], omitBody: request.method === 'HEAD' })
}
