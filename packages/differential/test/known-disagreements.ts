// Every way in which other servers, and our engine on node:http, are known to leave http1.md. What is
// not here fails the test. The epoll engine has no entry: it does what the rules say.
import type { Disagreement } from './judge.ts'
import type { Reading } from './model.ts'
import { type Input, PROBE } from './mutate.ts'

/** Whom the rules are compared with. */
export type Opponent = 'epoll' | 'node engine' | 'node:http' | 'hyper'

/** What is known about a disagreement. */
export interface Facts {
  readonly disagreement: Disagreement
  readonly reading: Reading
  readonly input: Input
  /** The rule by which http1.md refuses at this place; empty when it does not. */
  readonly broken: string
}

export interface KnownDisagreement {
  readonly opponents: readonly Opponent[]
  /** Rule of http1.md behind our side. */
  readonly rule: string
  /** What they do, and why we do not. */
  readonly why: string
  readonly matches: (facts: Facts) => boolean
}

const NODE: readonly Opponent[] = ['node engine', 'node:http']
const PEERS: readonly Opponent[] = ['node:http', 'hyper']

/** They serve what this rule refuses, or wait for its body. */
const serves =
  (...rules: readonly string[]): KnownDisagreement['matches'] =>
  ({ disagreement, broken }) =>
    (disagreement.kind === 'accepts' || disagreement.kind === 'waits') && rules.includes(broken)

/** Both refuse, they with one of these statuses; 0 is none. */
const answers =
  (statuses: readonly number[], ...rules: readonly string[]): KnownDisagreement['matches'] =>
  ({ disagreement: d, broken }) =>
    d.kind === 'status' && statuses.includes(d.status) && rules.includes(broken)

/** They refuse with this status what we serve. */
const refusesWith =
  (status: number): KnownDisagreement['matches'] =>
  ({ disagreement: d }) =>
    d.kind === 'refuses' && d.status === status

const statusOf = ({ disagreement: d }: Facts): number | undefined =>
  'status' in d ? d.status : undefined

/** What llhttp knows of methods. */
const METHODS_OF_NODE = new Set(
  'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'.split(
    ' ',
  ),
)

/** All of them, in the order of http1.md. */
export const knownDisagreements: readonly KnownDisagreement[] = [
  // Message start and request line.
  {
    opponents: [...NODE, 'hyper'],
    rule: 'RL-1',
    why: 'They skip any number of bare CR and LF before a request; we take eight CRLF pairs, for clients that send one after a body.',
    matches: (facts) => serves('RL-1')(facts) || answers([400, 501, 505], 'RL-1')(facts),
  },
  {
    opponents: ['hyper'],
    rule: 'RL-1',
    why: 'It refuses empty lines at the start of a connection when the request does not come with them.',
    matches: (facts) => statusOf(facts) === 400 && facts.input.text.startsWith('\r\n'),
  },
  {
    opponents: ['hyper'],
    rule: 'RL-3',
    why: 'It takes a bare LF for the end of a line, which RFC 9112 §2.2 allows; mixed line ends let two parsers see two requests.',
    matches: serves('RL-3'),
  },
  {
    opponents: NODE,
    rule: 'RL-3',
    why: 'llhttp reads over CR and LF inside the authority of an absolute target.',
    matches: (facts) => serves('RL-3')(facts) && /http:\/\/[^ ]*[\r\n]/i.test(facts.input.text),
  },
  {
    opponents: ['node:http'],
    rule: 'RL-3',
    why: 'llhttp takes a request line without a version for HTTP/0.9, whether CRLF ends it or a bare LF.',
    matches: (facts) =>
      serves('RL-3', 'RL-4')(facts) && /^[A-Z]+ +[^ \r\n]*\r?\n/m.test(facts.input.text),
  },
  {
    opponents: NODE,
    rule: 'RL-4',
    why: 'llhttp skips several spaces between the parts of a request line; RFC 9112 §3 has one. What it says then is about the request it saw.',
    matches: ({ disagreement: { kind }, broken, input }) =>
      broken === 'RL-4' &&
      ['accepts', 'waits', 'status', 'goes on'].includes(kind) &&
      / {2}| \S*HTTP\/\S*\r/.test(input.text),
  },
  // Version.
  {
    opponents: ['node:http'],
    rule: 'VER-2',
    why: 'llhttp serves versions 0.9 and 2.0; a client of those could not read the answer.',
    matches: serves('VER-2'),
  },
  {
    opponents: [...NODE, 'hyper'],
    rule: 'VER-2',
    why: 'They know the minor versions 0 and 1; RFC 9110 §2.5 asks to serve a higher one as the highest known.',
    matches: (facts) => refusesWith(400)(facts) && /HTTP\/1\.[2-9]\r/.test(facts.input.text),
  },
  {
    opponents: NODE,
    rule: 'VER-1',
    why: 'llhttp takes RTSP/1.0 for a version, and does not tell.',
    matches: (facts) => serves('VER-1')(facts) && /RTSP\/|ICE\//.test(facts.input.text),
  },
  // Method.
  {
    opponents: NODE,
    rule: 'MET-2',
    why: 'llhttp knows a list of methods and refuses all others; any token is a method (RFC 9110 §9.1).',
    matches: (facts) =>
      refusesWith(400)(facts) &&
      facts.disagreement.kind === 'refuses' &&
      !METHODS_OF_NODE.has(facts.disagreement.request.method),
  },
  {
    opponents: ['hyper'],
    rule: 'MET-1',
    why: 'It takes methods of any length; ours end at 32 bytes.',
    matches: serves('MET-1'),
  },
  {
    opponents: ['hyper'],
    rule: 'MET-3',
    why: 'It hands CONNECT to the handler; what follows could be bytes of a tunnel.',
    matches: serves('MET-3'),
  },
  {
    opponents: ['node:http'],
    rule: 'MET-3',
    why: 'It closes without an answer, and without those it owes, when nobody listens for CONNECT.',
    matches: (facts) => statusOf(facts) === 0 && /CONNECT /.test(facts.input.text),
  },
  {
    opponents: PEERS,
    rule: 'MET-4',
    why: 'They read the body of TRACE, which RFC 9110 §9.3.8 forbids to send.',
    matches: serves('MET-4'),
  },
  {
    opponents: ['hyper'],
    rule: 'MET-5',
    why: 'The fetch interface of Deno has no body for GET and HEAD; the bytes are framed as ours are.',
    matches: ({ disagreement: d }) =>
      d.kind === 'differs' &&
      d.part === 'body' &&
      d.saw.body === '' &&
      /^(?:GET|HEAD)$/.test(d.saw.method),
  },
  // Target.
  {
    opponents: ['hyper'],
    rule: 'MET-5',
    why: 'So a handler does not wait for it either.',
    matches: ({ disagreement: d, reading: { outcome }, broken }) =>
      d.kind === 'accepts' &&
      (outcome.kind === 'incomplete' || /^CHK|^RL-3/.test(broken)) &&
      /^(?:GET|HEAD)$/.test(d.request.method),
  },
  {
    opponents: PEERS,
    rule: 'TGT-1',
    why: 'They take `#`, which no target has, and hyper bytes from 0x80 up; a proxy may cut there.',
    matches: serves('TGT-1'),
  },
  {
    opponents: PEERS,
    rule: 'TGT-3',
    why: 'They leave schemes and authorities in targets to the handler.',
    matches: serves('TGT-3'),
  },
  {
    opponents: ['hyper'],
    rule: 'TGT-3',
    why: 'The handler is shown an absolute target without its slash.',
    matches: ({ disagreement: d }) =>
      d.kind === 'differs' &&
      d.part === 'target' &&
      /^(?:\/|\*$)/.test(d.request.target) &&
      d.request.target.replace(/^\/|^\*/, '') === d.saw.target.replace(/^\//, ''),
  },
  {
    opponents: PEERS,
    rule: 'TGT-4',
    why: 'They leave the asterisk to the handler, whatever the method.',
    matches: serves('TGT-4'),
  },
  // Host.
  {
    opponents: PEERS,
    rule: 'HOST-1',
    why: 'node takes two Host lines and an empty one, hyper leaves Host to the handler; two routers may pick two hosts.',
    matches: serves('HOST-1'),
  },
  {
    opponents: PEERS,
    rule: 'HOST-2',
    why: 'They leave the value to the handler.',
    matches: serves('HOST-2'),
  },
  // Framing.
  {
    opponents: NODE,
    rule: 'CL-1',
    why: 'llhttp refuses a tab behind the digits; RFC 9110 §5.5 takes blanks off any value.',
    matches: (facts) =>
      refusesWith(400)(facts) && /content-length:[^\r\n]*\t *\r/i.test(facts.input.text),
  },
  {
    opponents: ['hyper'],
    rule: 'CL-2',
    why: 'It takes the same length twice, which RFC 9112 §6.3 allows.',
    matches: serves('CL-2'),
  },
  {
    opponents: PEERS,
    rule: 'TE-1',
    why: 'They take other codings, empty members and an empty value when chunked is the last or none; who does not know a coding cannot know what is inside.',
    matches: serves('TE-1'),
  },
  {
    opponents: NODE,
    rule: 'TE-1',
    why: 'llhttp refuses a tab behind the coding; RFC 9110 §5.5 takes blanks off any value.',
    matches: (facts) =>
      refusesWith(400)(facts) && /transfer-encoding:[^\r\n]*\t *\r/i.test(facts.input.text),
  },
  {
    opponents: ['node:http'],
    rule: 'TE-2',
    why: 'It takes chunked on HTTP/1.0, whose proxies frame by the end of the connection.',
    matches: serves('TE-2'),
  },
  {
    opponents: PEERS,
    rule: 'BODY-2',
    why: 'They have no limit of bodies, so what is too large for us is served or waited for.',
    matches: (facts) => serves('BODY-2')(facts) || answers([0, 400], 'BODY-2')(facts),
  },
  {
    opponents: ['node engine'],
    rule: 'BODY-2',
    why: 'llhttp does not tell the size of a chunk before its data: the limit counts what came.',
    matches: ({ disagreement: { kind }, broken, input }) =>
      kind === 'waits' && ['BODY-2', 'CHK-1'].includes(broken) && /chunked/i.test(input.text),
  },
  // Chunked.
  {
    opponents: PEERS.concat('node engine'),
    rule: 'CHK-1',
    why: 'They take more than 16 digits while the leading ones are zeros, and hyper blanks around the size.',
    matches: serves('CHK-1'),
  },
  {
    opponents: NODE,
    rule: 'CHK-2',
    why: 'llhttp refuses an extension without a name, or with blanks; RFC 9112 §7.1.1 has them ignored.',
    matches: (facts) => refusesWith(400)(facts) && /\r\n[0-9a-f]+[ \t]*;/i.test(facts.input.text),
  },
  {
    opponents: ['hyper'],
    rule: 'CHK-2',
    why: 'It refuses a tab in an extension, and cuts the connection.',
    matches: (facts) => refusesWith(0)(facts) && /\r\n[0-9a-f]+[^\r]*\t/i.test(facts.input.text),
  },
  {
    opponents: NODE,
    rule: 'CHK-3',
    why: 'llhttp reads framing fields and Connection among the trailers as if in the head; trailers are dropped unread (RFC 9112 §7.1.2).',
    matches: (facts) =>
      (refusesWith(400)(facts) || refusesWith(0)(facts)) &&
      /\r\n0+(?:;[^\r]*)?\r\n(?:[^\r]+\r\n)*(?:content-length|transfer-encoding|connection) *:/i.test(
        facts.input.text,
      ),
  },
  {
    opponents: ['hyper'],
    rule: 'CHK-4',
    why: 'It cuts the connection inside a bad body, whatever its handler answers.',
    matches: (facts) =>
      facts.disagreement.kind === 'status' &&
      facts.disagreement.status === 0 &&
      /chunked/i.test(facts.input.text),
  },
  // Expect, connection.
  {
    opponents: ['node:http'],
    rule: 'EXP-2',
    why: 'It answers 417 and reads on, and looks for `100-continue` anywhere in the value; the body may or may not come behind a 417.',
    matches: (facts) =>
      facts.disagreement.kind === 'goes on' ||
      serves('EXP-2')(facts) ||
      answers([417], 'EXP-2')(facts),
  },
  {
    opponents: ['hyper'],
    rule: 'EXP-2',
    why: 'It ignores expectations it does not know.',
    matches: serves('EXP-2'),
  },
  {
    opponents: ['node:http'],
    rule: 'CON-1',
    why: 'On HTTP/1.0 the word keep-alive wins over close.',
    matches: ({ disagreement: { kind }, reading, input }) =>
      (kind === 'accepts' || kind === 'ending') &&
      reading.outcome.kind === 'closes' &&
      /close/i.test(input.text.replace(PROBE, '')),
  },
  {
    opponents: NODE,
    rule: 'CON-1',
    why: 'llhttp takes Proxy-Connection for Connection, which RFC 9112 §9.1 advises against.',
    matches: (facts) => refusesWith(0)(facts) && /proxy-connection:/i.test(facts.input.text),
  },
  {
    opponents: PEERS,
    rule: 'UPG-1',
    why: 'Behind a request that names Upgrade they read no HTTP, though nobody upgraded.',
    matches: (facts) =>
      /upgrade:/i.test(facts.input.text) &&
      (facts.disagreement.kind === 'hung' || [0, 400].includes(statusOf(facts) ?? -1)),
  },
  // Clients that leave.
  {
    opponents: ['node engine', ...PEERS],
    rule: 'EOF-1',
    why: 'Part of a line or head is not enough for them to refuse it, so FIN comes first.',
    matches: (facts) =>
      facts.input.fin && statusOf(facts) === 0 && facts.disagreement.kind === 'status',
  },
  {
    opponents: PEERS,
    rule: 'EOF-1',
    why: 'They answer 400 to a request that FIN cut off; its client cannot be told from one that left.',
    matches: ({ disagreement: d, input }) => d.kind === 'ending' && d.status === 400 && input.fin,
  },
  {
    opponents: PEERS,
    rule: 'CLOSE-3',
    why: 'They close while bytes are unread, so the kernel resets and the answer may be lost.',
    matches: ({ disagreement }) => disagreement.kind === 'reset',
  },
  // Statuses.
  {
    opponents: PEERS,
    rule: 'VER-2',
    why: 'They say 400 where http1.md tells 413, 417, 421, 501 and 505 apart.',
    matches: ({ disagreement: d, reading: { outcome } }) =>
      d.kind === 'status' &&
      d.status === 400 &&
      outcome.kind === 'refused' &&
      outcome.status !== 400,
  },
  {
    opponents: ['hyper'],
    rule: 'VER-2',
    why: 'Deno answers the preface of HTTP/2 in HTTP/2.',
    matches: (facts) => facts.input.text.includes('PRI * HTTP/2.0') && statusOf(facts) === 0,
  },
  {
    opponents: ['node:http'],
    rule: 'EXP-2',
    why: 'It looks at Expect before Host.',
    matches: answers(
      [417],
      'HOST-1',
      'HOST-2',
      'TGT-1',
      'TGT-3',
      'TGT-4',
      'TE-1',
      'TE-2',
      'VER-2',
      'MET-4',
    ),
  },
  {
    opponents: ['node engine'],
    rule: 'MET-3',
    why: 'Permitted: llhttp refuses by itself what we would answer with 413, 417, 421, 501 or 505, and says 400.',
    matches: ({ disagreement: d, reading: { outcome } }) =>
      d.kind === 'status' &&
      d.status === 400 &&
      outcome.kind === 'refused' &&
      outcome.status !== 400,
  },
]
