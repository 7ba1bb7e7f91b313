// A JSON API over notes in memory: create, list, read, replace, delete.
import { HttpError, NotFoundError, ValidationError } from '@celeris/core'

const TITLE_LENGTH_MAX = 200
const TEXT_LENGTH_MAX = 10_000
/** A text of 10 000 characters, each written as a JSON escape of six bytes, and a title. */
const BODY_BYTES_MAX = 65_536
const PAGE_MAX = 100

/** What is wrong with one field of a note; null when it is fine. */
function stringIssue(name, value, lengthMin, lengthMax) {
  if (typeof value !== 'string') return { path: [name], message: `${name} must be a string` }
  if (value.trim().length < lengthMin) return { path: [name], message: `${name} must not be empty` }
  if (value.length <= lengthMax) return null
  const message = `${name} has ${value.length} characters, at most ${lengthMax} are allowed`
  return { path: [name], message }
}

/** The title and text of a note, or all that is wrong with them. */
function checkNote(body) {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ValidationError([{ path: [], message: 'send an object with title and text' }])
  }
  const { title, text = '', ...rest } = body
  const issues = [
    stringIssue('title', title, 1, TITLE_LENGTH_MAX),
    stringIssue('text', text, 0, TEXT_LENGTH_MAX),
    ...Object.keys(rest).map((name) => ({
      path: [name],
      message: `${name} is not a field of a note; there are title and text`,
    })),
  ].filter((issue) => issue !== null)
  if (issues.length > 0) throw new ValidationError(issues)
  return { title: title.trim(), text }
}

/** A whole number in the query, or its default. */
function queryInteger(c, name, fallback, min, max) {
  const text = c.query(name)
  if (text === undefined) return fallback
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new ValidationError([
    { path: [name], message: `${name} must be a whole number from ${min} to ${max}` },
  ])
}

/** Adds the routes under `/api/notes`. No more than `notesMax` notes are kept. */
export function addNotes(app, notesMax) {
  const notes = new Map()
  let lastId = 0

  /** The note of this request's path. */
  const find = (c) => {
    const note = notes.get(Number(c.param('id')))
    if (note === undefined) throw new NotFoundError(`there is no note ${c.param('id')}`)
    return note
  }
  const readNote = async (c) => checkNote(await c.bodyJson({ limit: BODY_BYTES_MAX }))

  const api = app.group('/api/notes')

  api.get('', (c) => {
    const limit = queryInteger(c, 'limit', 20, 1, PAGE_MAX)
    const offset = queryInteger(c, 'offset', 0, 0, 1_000_000)
    const page = [...notes.values()].slice(offset, offset + limit)
    c.json({ notes: page, total: notes.size, limit, offset })
  })

  api.post('', async (c) => {
    const fields = await readNote(c)
    if (notes.size >= notesMax) {
      throw new HttpError(409, `the store is full with ${notesMax} notes; delete one first`, {
        code: 'NOTES_FULL',
      })
    }
    const now = new Date().toISOString()
    const note = { id: ++lastId, ...fields, createdAt: now, updatedAt: now }
    notes.set(note.id, note)
    c.setHeader('location', app.url('note', { id: note.id }))
    c.json(note, 201)
  })

  api.get('/:id{[0-9]+}', (c) => c.json(find(c))).name('note')

  api.put('/:id{[0-9]+}', async (c) => {
    const fields = await readNote(c)
    // Looked up after the await: it may have been deleted meanwhile.
    const note = Object.assign(find(c), fields, { updatedAt: new Date().toISOString() })
    c.json(note)
  })

  api.delete('/:id{[0-9]+}', (c) => {
    notes.delete(find(c).id)
    c.noContent()
  })
}
