// How the generator gives up: one JSON line that its caller turns into a sentence.
#include "generator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void print_json_string(const char* text) {
  putchar('"');
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      printf("\\%c", c);
    else if (c < 0x20 || c > 0x7e)
      printf("\\u%04x", c);
    else
      putchar(c);
  }
  putchar('"');
}

void fail(const char* server, const char* format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  printf("{\"type\":\"error\",\"server\":");
  print_json_string(server ? server : "");
  printf(",\"message\":");
  print_json_string(message);
  printf("}\n");
  fflush(stdout);
  exit(1);
}
