/** One thing that is served, the same bytes by every server. */
export interface Scenario {
  readonly name: string
  readonly path: string
  readonly contentType: string
  readonly body: string
  readonly description: string
}

const scenario = (
  name: string,
  path: string,
  body: string,
  description: string,
  contentType = 'text/plain; charset=utf-8',
): Scenario => ({ name, path, body, description, contentType })

/** The scenarios of this form, in the order of a report. */
export const scenarios: readonly Scenario[] = [
  scenario('hello', '/hello', 'Hello, World!', 'a constant text'),
  scenario(
    'json',
    '/json',
    '{"hello":"world"}',
    'a small object, serialized per request',
    'application/json; charset=utf-8',
  ),
  scenario('params', '/users/12345', '12345', 'a path parameter, echoed'),
  scenario('async', '/async', 'Hello, World!', 'the hello of an async handler'),
]

/** The scenario of that name, or undefined. */
export const findScenario = (name: string): Scenario | undefined =>
  scenarios.find((candidate) => candidate.name === name)
