import { describe, expect, it } from 'vitest'
import { createApp } from './app.mjs'

const json = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('notes', () => {
  it('creates, reads, replaces and deletes a note', async () => {
    const app = createApp()
    const created = await app.request('/api/notes', json('POST', { title: ' Milk ', text: 'two' }))
    expect(created.status).toBe(201)
    expect(created.headers.get('location')).toBe('/api/notes/1')
    expect(await created.json()).toMatchObject({ id: 1, title: 'Milk', text: 'two' })

    const read = await app.request('/api/notes/1')
    expect(await read.json()).toMatchObject({ id: 1, title: 'Milk' })

    const replaced = await app.request('/api/notes/1', json('PUT', { title: 'Bread' }))
    expect(await replaced.json()).toMatchObject({ id: 1, title: 'Bread', text: '' })

    expect((await app.request('/api/notes/1', { method: 'DELETE' })).status).toBe(204)
    const gone = await app.request('/api/notes/1')
    expect(gone.status).toBe(404)
    expect(await gone.json()).toEqual({
      error: { code: 'CELERIS_NOT_FOUND', message: 'there is no note 1' },
    })
  })

  it('lists a page of notes, oldest first', async () => {
    const app = createApp()
    for (const title of ['a', 'b', 'c'])
      await app.request('/api/notes', json('POST', { title, text: '' }))
    const page = await app.request('/api/notes?limit=1&offset=1')
    expect(await page.json()).toMatchObject({
      notes: [{ title: 'b' }],
      total: 3,
      limit: 1,
      offset: 1,
    })
  })

  it.each(['0', '101', 'many', '1.5', '-1', ''])('refuses limit=%s', async (limit) => {
    const answer = await createApp().request(`/api/notes?limit=${limit}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: {
        issues: [{ path: ['limit'], message: 'limit must be a whole number from 1 to 100' }],
      },
    })
  })

  it('names everything that is wrong with a note', async () => {
    const answer = await createApp().request(
      '/api/notes',
      json('POST', { titel: 'Milk', text: 'x'.repeat(10_001) }),
    )
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'CELERIS_VALIDATION',
        issues: [
          { path: ['title'], message: 'title must be a string' },
          { path: ['text'], message: 'text has 10001 characters, at most 10000 are allowed' },
          {
            path: ['titel'],
            message: 'titel is not a field of a note; there are title and text',
          },
        ],
      },
    })
  })

  it.each([
    ['no JSON', '{', 'application/json', 400, 'CELERIS_INVALID_JSON'],
    ['no body', '', 'application/json', 400, 'CELERIS_EMPTY_BODY'],
    ['an array', '[]', 'application/json', 400, 'CELERIS_VALIDATION'],
    ['another type', 'title=Milk', 'text/plain', 415, 'CELERIS_UNSUPPORTED_MEDIA_TYPE'],
    ['too much', `"${'x'.repeat(65_536)}"`, 'application/json', 413, 'CELERIS_PAYLOAD_TOO_LARGE'],
  ])('refuses a body with %s', async (_, body, type, status, code) => {
    const answer = await createApp().request('/api/notes', {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { code } })
  })

  it('keeps no more notes than it is told, and makes room when one is deleted', async () => {
    const app = createApp({ notesMax: 1 })
    const note = json('POST', { title: 'Milk' })
    expect((await app.request('/api/notes', note)).status).toBe(201)
    const full = await app.request('/api/notes', note)
    expect(full.status).toBe(409)
    expect(await full.json()).toMatchObject({ error: { code: 'NOTES_FULL' } })
    await app.request('/api/notes/1', { method: 'DELETE' })
    expect((await app.request('/api/notes', note)).status).toBe(201)
  })
})

describe('the other routes', () => {
  it('decodes a path parameter', async () => {
    const answer = await createApp().request('/hello/Ada%20L%C3%B6wis')
    expect(await answer.text()).toBe('Hello, Ada Löwis!\n')
  })

  it('serves a page that loads nothing from elsewhere', async () => {
    const answer = await createApp().request('/')
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    const page = await answer.text()
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  })

  it('tells its state before it listens', async () => {
    const app = createApp()
    await app.request('/hello/x')
    const answer = await app.request('/stats')
    expect(await answer.json()).toMatchObject({
      requests: 1,
      engine: { type: '', reason: 'not listening yet', candidates: [] },
      connections: { open: 0, accepted: 0 },
    })
  })

  it('writes its counters for Prometheus', async () => {
    const answer = await createApp().request('/metrics')
    expect(answer.headers.get('content-type')).toContain('version=0.0.4')
    expect(await answer.text()).toContain('# TYPE celeris_requests_total counter')
  })
})
