// Decides whether an answer is right: status 200, a content-length that fits, exactly the agreed
// body. Header fields may differ between servers and change over time (date), so the last answer
// that passed the full check is kept, and its twins cost one memcmp.
#include "generator.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_BYTES_MAX = 16384 };

// Reads what framing needs from the fields between `line` and `end` (the empty line). NULL when
// they are fine.
static const char* read_fields(const char* line, const char* end, size_t* content_length) {
  bool found = false;
  while (line < end) {
    const char* next = memmem(line, (size_t)(end - line) + 2, "\r\n", 2);
    if (!next) return "a field line without end";
    if (!strncasecmp(line, "content-length:", 15)) {
      *content_length = strtoull(line + 15, NULL, 10);
      found = true;
    } else if (!strncasecmp(line, "transfer-encoding:", 18)) {
      return "a chunked answer: the scenario's answers have a content-length";
    } else if (!strncasecmp(line, "connection:", 11) &&
               memmem(line, (size_t)(next - line), "close", 5)) {
      return "connection: close: the server refuses keep-alive";
    }
    line = next + 2;
  }
  return found ? NULL : "no content-length";
}

static void remember(Server* server, const char* at, size_t bytes) {
  if (bytes > server->checked_bytes || !server->checked) {
    server->checked = realloc(server->checked, bytes);
    if (!server->checked) fail(server->name, "out of memory");
  }
  memcpy(server->checked, at, bytes);
  server->checked_bytes = bytes;
}

AnswerVerdict check_answer(Server* server, const char* at, size_t available, size_t* used,
                           const char** why) {
  size_t twin = server->checked_bytes;
  if (twin && available >= twin && !memcmp(at, server->checked, twin)) {
    *used = twin;
    return ANSWER_RIGHT;
  }
  const char* end =
      memmem(at, available < HEAD_BYTES_MAX ? available : HEAD_BYTES_MAX, "\r\n\r\n", 4);
  if (!end) {
    *why = "no end of head within 16 KiB";
    return available < HEAD_BYTES_MAX ? ANSWER_INCOMPLETE : ANSWER_WRONG;
  }
  *why = "a status other than 200";
  if (end - at < 12 || memcmp(at, "HTTP/1.1 200", 12)) return ANSWER_WRONG;
  size_t content_length = 0, head = (size_t)(end - at) + 4;
  const char* fields = (const char*)memmem(at, head, "\r\n", 2) + 2;
  *why = read_fields(fields, end, &content_length);
  if (*why) return ANSWER_WRONG;
  *why = "a content-length other than the agreed body's";
  if (content_length != server->body_bytes) return ANSWER_WRONG;
  if (available < head + content_length) return ANSWER_INCOMPLETE;
  *why = "a body other than the agreed one";
  if (memcmp(at + head, server->body, content_length)) return ANSWER_WRONG;
  remember(server, at, head + content_length);
  *used = head + content_length;
  return ANSWER_RIGHT;
}
